#include "target/providers/control.h"

#include <fmt/core.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/units.h"
#include "target/service/api_keys.h"

namespace squadload::providers {
namespace {

using nlohmann::ordered_json;
using service::Reply;
using service::Request;

Reply wrong(const Error& error) {
    return service::error_reply(400, "bad_request", error.text());
}

Reply wrong(std::string_view sentence) {
    return service::error_reply(400, "bad_request", sentence);
}

Reply done(const ordered_json& json) {
    return service::json_reply(200, json.dump());
}

// Why this request may not control, or nothing.
std::optional<Reply> refusal(const Core& core, const Request& request) {
    const std::string& token = core.settings().control_token;
    if (token.empty()) {
        if (service::is_loopback(core.settings().host)) return std::nullopt;
        return service::error_reply(
            403, "forbidden", "control needs a token when the simulator is not on loopback alone");
    }
    if (service::constant_time_equal(service::presented_key(request.headers), token))
        return std::nullopt;
    return service::error_reply(401, "unauthorized",
                                "control needs the token: Authorization: Bearer TOKEN");
}

// A number of the query, or `usual` without it. Nothing: it is no such number.
std::optional<std::uint64_t> number(const Request& request, std::string_view name,
                                    std::uint64_t usual) {
    const auto text = service::query_value(request.query, name);
    if (!text) return usual;
    const auto value = parse_integer(*text);
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

// A misspelt name must not widen what is removed.
std::optional<Reply> unknown_name(const Request& request,
                                  std::initializer_list<std::string_view> known) {
    for (const std::string& name : service::query_names(request.query)) {
        if (std::find(known.begin(), known.end(), name) == known.end())
            return wrong(fmt::format("there is no parameter '{}' here", name.substr(0, 64)));
    }
    return std::nullopt;
}

ordered_json seconds_or_null(const std::optional<Nanos>& time) {
    return time ? ordered_json(to_seconds(*time)) : ordered_json(nullptr);
}

ordered_json shown(const std::string& provider, const FaultState& state, MonoTime now) {
    const FaultSpec& spec = state.spec;
    ordered_json json = {{"id", state.id}, {"provider", provider}, {"kind", name_of(spec.kind)}};
    if (!spec.model.empty()) json["model"] = spec.model;
    json["share"] = spec.share;
    if (spec.kind == FaultKind::outage) json["how"] = name_of(spec.how);
    if (spec.kind == FaultKind::error_rate) json["status"] = spec.status;
    if (spec.kind == FaultKind::storm) json["retry_after_s"] = seconds_or_null(spec.retry_after);
    if (spec.kind == FaultKind::slow_down) json["factor"] = spec.factor;
    json["active"] = state.begins <= now;
    json["begins_in_s"] = to_seconds(std::max(state.begins - now, Nanos::zero()));
    json["ends_in_s"] = state.ends ? ordered_json(to_seconds(*state.ends - now)) : nullptr;
    json["struck"] = state.struck;
    return json;
}

Reply list_faults(Core& core) {
    const MonoTime now = core.now();
    ordered_json faults = ordered_json::array();
    for (const auto& provider : core.providers()) {
        for (const FaultState& state : provider->faults().list(now)) {
            faults.push_back(shown(provider->profile().provider, state, now));
        }
    }
    return done({{"faults", std::move(faults)}});
}

Reply add_fault(Core& core, const Request& request) {
    auto wanted = parse_fault(request.body);
    if (!wanted) return wrong(wanted.error());
    const auto id = core.inject(wanted->provider, std::move(wanted->spec));
    if (!id) return wrong(id.error());
    return done({{"id", *id}});
}

Reply remove_faults(Core& core, const Request& request) {
    if (auto no = unknown_name(request, {"provider", "id"})) return std::move(*no);
    const auto provider = service::query_value(request.query, "provider");
    if (service::query_value(request.query, "id")) {
        const auto id = number(request, "id", 0);
        if (!id || !core.remove_fault(*id)) return wrong("there is no fault of that id");
        return done({{"removed", 1}});
    }
    if (provider) {
        if (const auto known = core.provider(*provider); !known) return wrong(known.error());
    }
    return done({{"removed", core.clear_faults(provider.value_or(""))}});
}

ordered_json shown(const limits::QuotaSettings& quota) {
    return {{"requests", quota.requests},
            {"burst", quota.burst},
            {"window_s", to_seconds(quota.window)},
            {"requests_day", quota.requests_day},
            {"tokens", quota.tokens},
            {"concurrency", quota.concurrency}};
}

ordered_json shown(const QuotaBook::Active& active, MonoTime now) {
    ordered_json json = ordered_json::object();
    const auto add = [&](const char* key, const std::optional<std::int64_t>& value) {
        if (value) json[key] = *value;
    };
    const QuotaChange& change = active.change;
    if (!change.model.empty()) json["model"] = change.model;
    add("requests", change.requests);
    add("burst", change.burst);
    add("requests_day", change.requests_day);
    add("tokens", change.tokens);
    add("concurrency", change.concurrency);
    json["ends_in_s"] = active.ends ? ordered_json(to_seconds(*active.ends - now)) : nullptr;
    return json;
}

Reply list_quotas(Core& core) {
    const MonoTime now = core.now();
    ordered_json all = ordered_json::array();
    for (const auto& provider : core.providers()) {
        const Profile& profile = provider->profile();
        ordered_json models = ordered_json::object();
        for (const ModelProfile& model : profile.models) {
            models[model.name] = shown(provider->quotas().effective(model.name, now));
        }
        ordered_json changes = ordered_json::array();
        for (const auto& change : provider->quotas().changes(now)) {
            changes.push_back(shown(change, now));
        }
        all.push_back({{"provider", profile.provider},
                       {"scope", profile.scope == Scope::key ? "key" : "key_model"},
                       {"dated", profile.dated},
                       {"models", std::move(models)},
                       {"changes", std::move(changes)}});
    }
    return done({{"quotas", std::move(all)}});
}

Reply change_quota(Core& core, const Request& request) {
    const auto wanted = parse_quota_change(request.body);
    if (!wanted) return wrong(wanted.error());
    const auto provider = core.provider(wanted->provider);
    if (!provider) return wrong(provider.error());
    if (const auto changed = (*provider)->quotas().change(wanted->change, core.now()); !changed)
        return wrong(changed.error());
    return done({{"changed", true}});
}

Reply restore_quota(Core& core, const Request& request) {
    if (auto no = unknown_name(request, {"provider"})) return std::move(*no);
    const auto name = service::query_value(request.query, "provider");
    if (name) {
        if (const auto known = core.provider(*name); !known) return wrong(known.error());
    }
    for (const auto& provider : core.providers()) {
        if (!name || provider->profile().provider == *name) provider->quotas().restore(core.now());
    }
    return done({{"restored", true}});
}

Reply arrivals_page(Core& core, const Request& request) {
    if (auto no = unknown_name(request, {"since", "limit"})) return std::move(*no);
    const auto since = number(request, "since", 0);
    const auto limit = number(request, "limit", kUsualPage);
    if (!since || !limit || *limit < 1)
        return wrong("since and limit are whole numbers, limit from 1");
    const ArrivalPage page = core.log().page(*since, std::min<std::size_t>(*limit, kLargestPage));
    Reply reply;
    reply.content_type = "application/x-ndjson";
    reply.body.reserve((page.arrivals.size() + 1) * 450);
    for (const arrivals::Arrival& arrival : page.arrivals) {
        arrivals::to_line(arrival, reply.body);
    }
    to_line(page.counts, page.next_since, mono_now() - core.started(), reply.body);
    reply.headers.add("x-arrivals-next", fmt::format("{}", page.next_since));
    reply.headers.add("x-arrivals-more", page.more ? "true" : "false");
    reply.headers.add("x-arrivals-overflow", fmt::format("{}", page.counts.overflow));
    return reply;
}

Reply clock(const Core& core) {
    return done({{"now_ns", (mono_now() - core.started()).count()},
                 {"now", utc_iso8601(wall_now())},
                 {"log_started_at", utc_iso8601(core.wall_started())}});
}

}  // namespace

void add_own_routes(service::Router& router, const std::shared_ptr<Core>& core) {
    const auto open = [&](const char* method, const char* path, auto handler) {
        router.add_quick(method, path,
                         [core, handler](const Request& r) { return handler(*core, r); });
    };
    const auto guarded = [&](const char* method, const char* path, auto handler) {
        router.add_quick(method, path, [core, handler](const Request& r) {
            if (auto no = refusal(*core, r)) return std::move(*no);
            return handler(*core, r);
        });
    };
    open("GET", "/health",
         [](Core& c, const Request&) { return service::json_reply(200, c.health()); });
    open("GET", "/arrivals", arrivals_page);
    open("GET", "/arrivals/summary",
         [](Core& c, const Request&) { return service::json_reply(200, c.summary()); });
    guarded("DELETE", "/arrivals", [](Core& c, const Request&) {
        c.log().clear();
        return done({{"recorded", c.log().counts().recorded}});
    });
    guarded("GET", "/control/faults", [](Core& c, const Request&) { return list_faults(c); });
    guarded("POST", "/control/faults", add_fault);
    guarded("DELETE", "/control/faults", remove_faults);
    guarded("GET", "/control/quota", [](Core& c, const Request&) { return list_quotas(c); });
    guarded("PUT", "/control/quota", change_quota);
    guarded("DELETE", "/control/quota", restore_quota);
    guarded("GET", "/control/clock", [](Core& c, const Request&) { return clock(c); });
}

}  // namespace squadload::providers
