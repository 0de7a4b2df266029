#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "load/scenario/class_reader.h"
#include "load/scenario/ip_block.h"
#include "load/scenario/parsed_file.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

constexpr std::int64_t kMaxConnections = 1'000'000;
constexpr std::uint32_t kUsualRedirects = 5;  // where only hosts are given
constexpr std::uint64_t kMaxHeaderBytes = 16ULL * 1024 * 1024;
constexpr std::uint64_t kMaxBodyBytes = 1'000'000'000'000;

void read_connections(const Value& value, ConnectionSettings& settings) {
    const auto read_mode = [&](const Value& mode) {
        settings.mode = mode.one_of({"per_user", "shared"}) == 1 ? ConnectionMode::shared
                                                                 : ConnectionMode::per_user;
    };
    if (value.is_scalar()) return read_mode(value);
    const Map map = value.map({"mode", "max"});
    if (const auto v = map.get("mode")) read_mode(*v);
    if (const auto v = map.get("max")) {
        settings.max = static_cast<std::uint32_t>(v->integer(1, kMaxConnections));
    }
}

void read_limits(const Value& value, ResponseLimits& limits) {
    const Map map = value.map({"header_bytes", "checked_body_bytes", "body_bytes"});
    if (const auto v = map.get("header_bytes"))
        limits.header_bytes = v->bytes(256, kMaxHeaderBytes);
    if (const auto v = map.get("checked_body_bytes")) {
        limits.checked_body_bytes = v->bytes(1, 1024ULL * 1024 * 1024);
    }
    if (const auto v = map.get("body_bytes")) limits.body_bytes = v->bytes(1, kMaxBodyBytes);
}

void read_source_addresses(const Value& value, std::vector<std::string>& addresses) {
    for (const Value& item : value.items_or_one()) {
        const std::string text = item.text();
        if (const auto block = ip_block(text); !block) {
            item.fail(block.error().message);
        } else {
            addresses.push_back(text);
        }
    }
}

// The number alone, or a map.
void read_redirects(const Value& value, RedirectSettings& redirects) {
    const auto read_max = [&](const Value& v) { redirects.max = read_max_redirects(v); };
    if (value.is_scalar()) return read_max(value);
    const Map map = value.map({"max", "hosts"});
    redirects.max = kUsualRedirects;
    if (const auto v = map.get("max")) read_max(*v);
    if (const auto v = map.get_or_null("hosts")) {
        for (const Value& item : v->items_or_one()) {
            std::string origin = item.text();
            if (!origin.starts_with("http://") && !origin.starts_with("https://"))
                item.fail("expected an origin such as https://login.example.com");
            redirects.hosts.push_back(std::move(origin));
        }
    }
}

Target read_target(const Value& value, const std::string& file_name, const ReadContext& context) {
    Target target;
    const Map map = value.map({"host", "headers", "timeouts", "timeout", "connections", "limits",
                               "source_addresses", "redirects", "tls", "proxy"});
    if (const auto v = map.get("host")) {
        target.host = v->text();
        target.host_mark = v->mark();
        if (target.host.empty()) v->fail("expected a URL such as http://127.0.0.1:8000");
    }
    if (const auto v = map.get_or_null("headers")) target.headers = read_headers(*v, context);
    if (map.has("timeout") && map.has("timeouts")) {
        map.get_or_null("timeout")->fail("timeout and timeouts exclude each other");
    }
    if (const auto v = map.get("timeout")) read_timeouts(*v, target.timeouts);
    if (const auto v = map.get("timeouts")) read_timeouts(*v, target.timeouts);
    if (const auto v = map.get("connections")) read_connections(*v, target.connections);
    if (const auto v = map.get("limits")) read_limits(*v, target.limits);
    if (const auto v = map.get("redirects")) read_redirects(*v, target.redirects);
    if (const auto v = map.get("source_addresses"))
        read_source_addresses(*v, target.source_addresses);
    if (const auto v = map.get("tls")) target.tls = read_tls(*v, file_name);
    if (const auto v = map.get("proxy")) {
        target.proxy = v->text();
        target.proxy_mark = v->mark();
    }
    return target;
}

bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

void read_data_set(const Value::Named& entry, const std::string& file_name, DataSets& data) {
    const Value& value = entry.value;
    auto added = Result<void>();
    if (!is_name(entry.name)) {
        added = fail_at(
            entry.key_mark,
            fmt::format("{}: a data set is named with letters, digits, '_' and '-'", value.path()));
    } else if (value.is_list()) {
        std::vector<std::string> values;
        for (const Value& item : value.items()) {
            if (!item.is_scalar()) {
                item.fail(
                    "an inline list holds plain values; put rows with columns in a .csv or "
                    ".jsonl file");
                return;
            }
            values.push_back(item.text());
        }
        added = data.add_list(entry.name, std::move(values), value.mark());
    } else if (value.is_map()) {
        const auto file = value.map({"file"}).get("file");
        if (!file) return value.fail("expected file");
        added = data.add_file(entry.name, beside(file_name, file->text()), file->mark());
    } else {
        return value.fail("expected a list such as [a, b], or file: users.csv");
    }
    if (!added) value.problems().add(added.error());
}

FailFast read_fail_fast(const Value& value) {
    FailFast fail_fast = default_fail_fast();
    if (value.is_scalar()) {
        fail_fast.enabled = value.boolean();
        return fail_fast;
    }
    std::vector<std::string_view> known{"enabled", "window", "min_samples", "expressions"};
    known.insert(known.end(), threshold_keys().begin(), threshold_keys().end());
    const Map map = value.map(std::move(known));
    if (const auto v = map.get("enabled")) fail_fast.enabled = v->boolean();
    if (const auto v = map.get("window")) fail_fast.window = read_window(*v);
    if (const auto v = map.get("min_samples")) {
        fail_fast.min_samples = static_cast<std::uint64_t>(v->integer(1, 1'000'000'000));
    }
    std::vector<ThresholdEntry> bounds;
    for (const std::string& key : threshold_keys()) {
        if (const auto v = map.get(key)) bounds.push_back(read_threshold(key, *v));
    }
    if (const auto v = map.get("expressions")) {
        for (const Value& item : v->items_or_one()) {
            bounds.push_back(ThresholdEntry{"", item.text(), item.mark()});
        }
    }
    if (!bounds.empty()) fail_fast.bounds = std::move(bounds);
    return fail_fast;
}

ProviderSettings read_providers(const Value& value) {
    ProviderSettings providers;
    const Map map = value.map({"enabled_providers", "track_rpm", "track_fallback", "track_429s"});
    if (const auto v = map.get("enabled_providers")) {
        providers.enabled_mark = v->mark();
        for (const Value& item : v->items()) providers.enabled_providers.push_back(item.text());
    }
    if (const auto v = map.get("track_rpm")) providers.track_rpm = v->boolean();
    if (const auto v = map.get("track_fallback")) providers.track_fallback = v->boolean();
    if (const auto v = map.get("track_429s")) providers.track_429s = v->boolean();
    return providers;
}

std::vector<UserClass> read_builtin_users(const Target& target, const ReadContext& context,
                                          yaml::Problems& problems) {
    const auto document = yaml::Document::parse(builtin_users(), "the built-in SquadApiUser");
    if (!document) {
        problems.add(document.error());
        return {};
    }
    return read_users(Value(*document, problems), target, context);
}

ParsedFile read_map(const Map& map, const yaml::Document& document,
                    const Environment& environment) {
    ParsedFile file;
    file.file_name = document.file_name();
    auto data = std::make_shared<DataSets>();
    if (const auto v = map.get_or_null("data")) {
        for (const auto& entry : v->entries()) read_data_set(entry, file.file_name, *data);
    }
    file.data = data;
    if (const auto v = map.get("version")) (void)v->integer(1, 1);
    const auto users = map.get_or_null("users");
    const bool own_users = users && !users->is_null();
    const std::vector<std::string> variables =
        own_users ? variables_of_users(users->node()) : std::vector<std::string>{};
    const ReadContext context{*data, environment, variables};
    if (const auto v = map.get_or_null("target"))
        file.target = read_target(*v, file.file_name, context);
    file.classes = own_users ? read_users(*users, file.target, context)
                             : read_builtin_users(file.target, context, map.value().problems());
    if (const auto v = map.get_or_null("endpoints")) apply_endpoints(*v, file.classes);
    file.defaults = read_load([&](std::string_view key) {
        const bool general = key == "seed" || key == "workers" || key == "graceful_stop";
        return general ? map.get(key) : std::nullopt;
    });
    if (const auto v = map.get_or_null("scenarios")) file.scenarios = read_scenarios(*v);
    if (const auto v = map.get_or_null("stages")) file.stages = read_deployment_stages(*v);
    if (const auto v = map.get_or_null("thresholds")) file.thresholds = read_thresholds(*v);
    file.fail_fast = default_fail_fast();
    if (const auto v = map.get_or_null("fail_fast")) file.fail_fast = read_fail_fast(*v);
    if (const auto v = map.get_or_null("provider_settings")) file.providers = read_providers(*v);
    if (const auto v = map.get("observe")) file.observe = read_observe(*v);
    if (const auto v = map.get("witness")) {
        file.witness_url = v->text();
        file.witness_mark = v->mark();
    }
    if (const auto v = map.get("attribution")) file.attribution = read_attribution(*v);
    if (const auto v = map.get("on_429")) file.on_429 = read_on_429(*v);
    if (const auto v = map.get_or_null("suite")) file.suite = read_suite(*v, file.scenarios);
    return file;
}

}  // namespace

FailFast default_fail_fast() {
    FailFast fail_fast;
    const SourceMark mark{"the fail_fast default", 0, 0};
    fail_fast.bounds = {ThresholdEntry{"success_rate_min", "0.99", mark},
                        ThresholdEntry{"p95_latency_max_ms", "3000", mark}};
    return fail_fast;
}

Result<ParsedFile> read_file(const yaml::Document& document, const Environment& environment) {
    yaml::Problems problems;
    const Value root(document, problems);
    const SourceMark start{document.file_name(), 1, 1};
    if (root.is_null())
        return fail_at(start, "the file is empty; `squadload init URL` writes one to start from");
    if (!root.is_map()) {
        return fail_at(root.mark(),
                       "expected keys such as scenarios and users at the top, not a list or text");
    }
    const Map map =
        root.map({"version", "target", "users", "endpoints", "data", "scenarios", "stages",
                  "thresholds", "fail_fast", "provider_settings", "suite", "attribution", "observe",
                  "witness", "on_429", "seed", "workers", "graceful_stop"});
    ParsedFile file = read_map(map, document, environment);
    if (problems.first()) return tl::unexpected(*problems.first());
    if (file.scenarios.empty()) return fail_at(start, "the file defines no scenarios");
    return file;
}

}  // namespace squadload::scenario
