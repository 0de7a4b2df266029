#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "target/providers/profile_reader.h"
#include "yaml/document.h"

namespace squadload::providers {
namespace {

using limits::Algorithm;
using limits::QuotaSettings;
using yaml::Map;
using yaml::Value;

constexpr std::int64_t kMaxTokens = 1'000'000;  // of one completion
constexpr double kMaxSpeed = 1'000'000;

// Names stand in paths, headers and reports.
bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

bool is_model_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxModelName &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string read_date(const Value& value) {
    const std::string text = value.text();
    const auto digits = [&](std::size_t from, std::size_t to) {
        return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(from),
                           text.begin() + static_cast<std::ptrdiff_t>(to),
                           [](char c) { return c >= '0' && c <= '9'; });
    };
    if (text.size() != 10 || !digits(0, 4) || text[4] != '-' || !digits(5, 7) || text[7] != '-' ||
        !digits(8, 10))
        value.fail(fmt::format("expected a date such as 2026-11-23, not '{}'", text));
    return text;
}

Documented read_documented(const Value& value) {
    const Map map = value.map({"model", "tier", "requests_per_minute", "requests_per_day",
                               "tokens_per_minute", "tokens_per_day", "source", "read", "note"});
    Documented row;
    const auto text = [&](std::string_view key, std::string& target) {
        if (const auto v = map.get(key)) target = v->text();
    };
    const auto number = [&](std::string_view key, std::optional<std::int64_t>& target) {
        if (const auto v = map.get(key)) target = v->integer(1, limits::kMaxAmount);
    };
    text("model", row.model);
    text("tier", row.tier);
    text("source", row.source);
    text("note", row.note);
    number("requests_per_minute", row.requests_per_minute);
    number("requests_per_day", row.requests_per_day);
    number("tokens_per_minute", row.tokens_per_minute);
    number("tokens_per_day", row.tokens_per_day);
    if (const auto v = map.get("read")) row.read = read_date(*v);
    for (const std::string_view key : {"model", "source", "read"}) {
        if (!map.has(key)) value.fail(fmt::format("needs {}", key));
    }
    if (const auto v = map.get_or_null("source"); v && !row.source.starts_with("https://"))
        v->fail("expected a URL that begins with https://");
    return row;
}

Algorithm read_algorithm(const Value& value) {
    constexpr std::array kAll = {Algorithm::token_bucket, Algorithm::sliding_log,
                                 Algorithm::fixed_window};
    return kAll.at(value.one_of({"token_bucket", "sliding_log", "fixed_window"}));
}

// What is not mentioned stays as it is in `quota`.
void read_quota(const Value& value, QuotaSettings& quota) {
    const Map map = value.map({"algorithm", "requests", "burst", "requests_day", "tokens",
                               "tokens_algorithm", "tokens_accounting", "concurrency", "align"});
    const auto amount = [&](std::string_view key, std::int64_t& target) {
        if (const auto v = map.get(key)) target = v->integer(0, limits::kMaxAmount);
    };
    amount("requests", quota.requests);
    amount("burst", quota.burst);
    amount("requests_day", quota.requests_day);
    amount("tokens", quota.tokens);
    amount("concurrency", quota.concurrency);
    if (const auto v = map.get("algorithm")) quota.algorithm = read_algorithm(*v);
    if (const auto v = map.get("tokens_algorithm")) quota.tokens_algorithm = read_algorithm(*v);
    if (const auto v = map.get("tokens_accounting")) {
        quota.tokens_accounting = v->one_of({"reserve", "settle"}) == 1
                                      ? limits::TokenAccounting::settle
                                      : limits::TokenAccounting::reserve;
    }
    if (const auto v = map.get("align")) {
        quota.align = v->one_of({"first_hit", "multiples"}) == 1 ? limits::Align::multiples
                                                                 : limits::Align::first_hit;
    }
}

void read_latency(const Value& value, LatencySettings& latency) {
    const Map map = value.map({"ttft", "tokens_per_s", "completion_tokens"});
    if (const auto ttft = map.get("ttft")) {
        const Map percentiles = ttft->map({"p50", "p99"});
        if (const auto v = percentiles.get("p50")) latency.ttft_p50 = v->duration(Nanos{1});
        if (const auto v = percentiles.get("p99")) latency.ttft_p99 = v->duration(Nanos{1});
        if (latency.ttft_p99 < latency.ttft_p50) ttft->fail("p99 is below p50");
    }
    if (const auto v = map.get("tokens_per_s")) latency.tokens_per_s = v->number(0.01, kMaxSpeed);
    if (const auto tokens = map.get("completion_tokens")) {
        const Map range = tokens->map({"min", "max"});
        if (const auto v = range.get("min")) latency.completion_min = v->integer(1, kMaxTokens);
        if (const auto v = range.get("max")) latency.completion_max = v->integer(1, kMaxTokens);
        if (latency.completion_max < latency.completion_min) tokens->fail("max is below min");
    }
}

void read_serving(const Value& value, Profile& profile) {
    const Map map = value.map({"concurrency", "queue"});
    if (const auto v = map.get("concurrency")) profile.concurrency = v->integer(0, kMostServed);
    if (const auto v = map.get("queue")) profile.queue = v->integer(0, kMostServed);
}

std::vector<ModelProfile> read_models(const Value& value, const Profile& profile) {
    std::vector<ModelProfile> models;
    for (const auto& entry : value.entries()) {
        if (!is_model_name(entry.name)) {
            value.problems().add(entry.key_mark,
                                 fmt::format("{}: a model's name has up to {} characters, without "
                                             "spaces",
                                             entry.value.path(), kMaxModelName));
        }
        ModelProfile model{entry.name, profile.quota, profile.latency};
        const Map map = entry.value.map({"quota", "latency"});
        if (const auto v = map.get("quota")) read_quota(*v, model.quota);
        if (const auto v = map.get("latency")) read_latency(*v, model.latency);
        if (map.has("quota") && profile.scope == Scope::key) {
            map.get_or_null("quota")->fail(
                "with scope key all models share one quota; it stands at the top");
        }
        models.push_back(std::move(model));
    }
    return models;
}

// The provider's own models and the documented ones are the same names; a typing mistake shows.
void check_documented(const Value& value, const Profile& profile) {
    for (const Value& item : value.items()) {
        const auto model =
            item.map({"model", "tier", "requests_per_minute", "requests_per_day",
                      "tokens_per_minute", "tokens_per_day", "source", "read", "note"})
                .get("model");
        if (model && profile.model(model->text()) == nullptr)
            model->fail("there is no such model in models");
    }
}

Profile read_profile(const Value& root) {
    Profile profile;
    const Map map = root.map({"provider", "dialect", "dated", "documented", "scope", "other_models",
                              "quota", "latency", "serving", "models", "faults"});
    for (const std::string_view key : {"provider", "dialect", "dated", "quota", "models"}) {
        if (!map.has(key)) root.fail(fmt::format("a provider's profile needs {}", key));
    }
    if (const auto v = map.get("provider")) {
        profile.provider = v->text();
        if (!is_name(profile.provider) || is_reserved(profile.provider)) {
            v->fail(
                "expected a name of lower-case letters, digits, '_' and '-' which is not one of "
                "the simulator's own paths (arrivals, control, health)");
        }
    }
    if (const auto v = map.get("dialect")) {
        static_cast<void>(v->one_of({"groq", "cerebras", "gemini", "openrouter", "openai"}));
        profile.dialect = llm::parse_dialect(v->text()).value_or(llm::Dialect::openai);
    }
    if (const auto v = map.get("dated")) profile.dated = read_date(*v);
    if (const auto v = map.get("scope")) {
        profile.scope = v->one_of({"key_model", "key"}) == 1 ? Scope::key : Scope::key_model;
    }
    if (const auto v = map.get("other_models")) {
        profile.other_models = v->one_of({"refuse", "accept"}) == 1;
    }
    if (const auto v = map.get("quota")) read_quota(*v, profile.quota);
    if (const auto v = map.get("latency")) read_latency(*v, profile.latency);
    if (const auto v = map.get("serving")) read_serving(*v, profile);
    if (const auto v = map.get("models")) profile.models = read_models(*v, profile);
    if (profile.models.empty() && !profile.other_models)
        root.fail("models: a provider needs at least one, or other_models: accept");
    if (const auto v = map.get("documented")) {
        for (const Value& item : v->items()) profile.documented.push_back(read_documented(item));
        check_documented(*v, profile);
    }
    if (const auto v = map.get_or_null("faults"); v && !v->is_null()) {
        for (const Value& item : v->items()) {
            profile.faults.push_back(read_fault(item, item.map(fault_keys())));
        }
        if (profile.faults.size() > FaultBoard::kMost)
            v->fail(fmt::format("more than {} faults", FaultBoard::kMost));
    }
    return profile;
}

Result<Profile> parsed(const yaml::Document& document) {
    yaml::Problems problems;
    Profile profile = read_profile(Value(document, problems));
    if (problems.first()) return tl::unexpected(*problems.first());
    return profile;
}

// A folder's *.yaml, or the file itself.
Result<std::vector<std::string>> files_of(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
    std::vector<std::string> files;
    for (auto it = fs::directory_iterator(path, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
        if (it->path().extension() == ".yaml") files.push_back(it->path().string());
    }
    if (error) {
        return fail(ErrorKind::config,
                    fmt::format("cannot read the folder {}: {}", path, error.message()));
    }
    if (files.empty()) {
        return fail(ErrorKind::config,
                    fmt::format("{} holds no provider's profile (*.yaml)", path));
    }
    std::sort(files.begin(), files.end());
    return files;
}

Result<void> add(std::vector<Profile>& profiles, Result<Profile> profile,
                 const std::string& file_name) {
    if (!profile) return tl::unexpected(profile.error());
    const auto same = [&](const Profile& p) { return p.provider == profile->provider; };
    if (std::any_of(profiles.begin(), profiles.end(), same)) {
        return fail(ErrorKind::config, fmt::format("{}: there is a profile of {} already",
                                                   file_name, profile->provider));
    }
    profiles.push_back(std::move(*profile));
    return {};
}

}  // namespace

Result<Profile> parse_profile(std::string_view text, const std::string& file_name) {
    const auto document = yaml::Document::parse(text, file_name);
    if (!document) return tl::unexpected(document.error());
    return parsed(*document);
}

Result<std::vector<Profile>> load_profiles(std::span<const std::string> paths) {
    std::vector<Profile> profiles;
    for (const std::string& path : paths) {
        const auto files = files_of(path);
        if (!files) return tl::unexpected(files.error());
        for (const std::string& file : *files) {
            const auto document = yaml::Document::load_file(file);
            if (!document) return tl::unexpected(document.error());
            if (const auto added = add(profiles, parsed(*document), file); !added)
                return tl::unexpected(added.error());
        }
    }
    return profiles;
}

Result<std::vector<Profile>> shipped_profiles() {
    std::vector<Profile> profiles;
    for (const ShippedProfile& shipped : shipped_profile_texts()) {
        const std::string name(shipped.file_name);
        if (const auto added = add(profiles, parse_profile(shipped.text, name), name); !added)
            return tl::unexpected(added.error());
    }
    return profiles;
}

}  // namespace squadload::providers
