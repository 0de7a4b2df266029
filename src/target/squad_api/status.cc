#include "target/squad_api/status.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace squadload::squad_api {
namespace {

using json = nlohmann::ordered_json;

double rounded_ms(Nanos time) {
    return std::round(to_ms(time) * 1000) / 1000;
}

// What providers say may be no valid UTF-8; what we say must be.
std::string text_of(const json& document) {
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

json level_of(const std::optional<limits::Level>& level) {
    if (!level) return nullptr;
    return json{{"limit", level->limit},
                {"used", level->used},
                {"remaining", level->remaining},
                {"next_after_ms", rounded_ms(level->next_after)}};
}

json store_of(const StoreHealth& health, MonoTime now) {
    json out{{"status", name_of(health.status)}, {"kind", health.kind}};
    if (!health.detail.empty()) out["detail"] = health.detail;
    if (health.since) out["for_s"] = std::round(to_seconds(now - *health.since));
    if (health.losses > 0) out["losses"] = health.losses;
    return out;
}

json off_store(std::string_view kind) {
    return json{{"status", "off"}, {"kind", kind}};
}

enum class Shown { ok, limited, throttled, paused, breaker };

// How a provider fares; anything but ok and limited degrades the gateway. Using up a quota is what
// quotas are for.
Shown shown(Provider& provider, const limits::QuotaState& quota, MonoTime now) {
    if (provider.state.breaker(now).phase != limits::BreakerPhase::closed) return Shown::breaker;
    if (now < provider.state.floor()) return Shown::paused;
    if (provider.state.factor(now) < 1) return Shown::throttled;
    for (const auto* level : {&quota.requests, &quota.burst, &quota.tokens, &quota.concurrency})
        if (*level && (*level)->remaining == 0) return Shown::limited;
    return Shown::ok;
}

std::string_view name_of(Shown status) {
    switch (status) {
        case Shown::ok:
            return "ok";
        case Shown::limited:
            return "limited";
        case Shown::throttled:
            return "throttled";
        case Shown::paused:
            return "paused";
        case Shown::breaker:
            break;
    }
    return "breaker_open";
}

// What /health and /providers have in common.
json summary_of(Provider& provider, const limits::QuotaState& quota, Shown status, MonoTime now) {
    const limits::QuotaSettings& limits = provider.config.limits;
    // Per minute, also when the window is scaled.
    const double per_minute = 60 / to_seconds(limits.window);
    const auto rpm = [per_minute](std::int64_t n) {
        return std::llround(static_cast<double>(n) * per_minute);
    };
    json out{{"status", name_of(status)}, {"model", provider.config.model}};
    if (quota.requests) {
        out["rpm_limit"] = rpm(quota.requests->limit);
        out["rpm_current"] = rpm(quota.requests->used);
        out["rpm_available"] = rpm(quota.requests->remaining);
    } else {
        out["rpm_limit"] = out["rpm_current"] = out["rpm_available"] = nullptr;
    }
    const auto mean = provider.state.mean_latency(now);
    out["latency_avg_ms"] = mean ? json(rounded_ms(*mean)) : json(nullptr);
    const auto& last = provider.counters.last_429;
    out["last_429_time"] = last ? json(utc_iso8601(*last)) : json(nullptr);
    out["throttle_factor"] = provider.state.factor(now);
    out["breaker"] = limits::name_of(provider.state.breaker(now).phase);
    out["in_flight"] = provider.state.in_flight();
    return out;
}

json by_reason(const std::array<std::uint64_t, kReasons>& counts) {
    json out = json::object();
    for (std::size_t i = 0; i < kReasons; ++i)
        if (counts[i] > 0) out[std::string(name_of(static_cast<Reason>(i)))] = counts[i];
    return out;
}

json limits_of(const ProviderConfig& config) {
    const limits::QuotaSettings& limits = config.limits;
    return json{{"requests", limits.requests},           {"tokens", limits.tokens},
                {"window_s", to_seconds(limits.window)}, {"burst", limits.burst},
                {"concurrency", limits.concurrency},     {"guard_ms", to_ms(limits.guard)}};
}

json throttle_of(Provider& provider, MonoTime now) {
    const limits::ThrottleState state = provider.state.throttle(now);
    const limits::ThrottleSettings& settings = provider.config.throttle;
    json out{{"factor", state.factor},
             {"recent_429s", state.recent_429s},
             {"steps_down", state.steps_down},
             {"trigger", settings.trigger},
             {"window_s", to_seconds(settings.window)},
             {"decrease", settings.decrease},
             {"hold_s", to_seconds(settings.hold)},
             {"floor", settings.floor},
             {"calm_s", to_seconds(settings.calm)},
             {"restore_step", settings.restore_step}};
    if (state.next_step_after) out["next_step_after_ms"] = rounded_ms(*state.next_step_after);
    return out;
}

json breaker_of(Provider& provider, MonoTime now) {
    const limits::BreakerState state = provider.state.breaker(now);
    const limits::BreakerSettings& settings = provider.config.breaker;
    return json{{"phase", limits::name_of(state.phase)},
                {"failures_in_row", state.failures_in_row},
                {"samples", state.samples},
                {"failed", state.failed},
                {"opened", state.opened},
                {"open_ms", rounded_ms(state.open_time)},
                {"retry_after_ms", rounded_ms(provider.state.breaker_wait(now))},
                {"failures", settings.failures},
                {"failure_share", settings.failure_share},
                {"min_samples", settings.min_samples},
                {"open_max_ms", rounded_ms(settings.open_max)}};
}

json detail_of(Core& core, std::size_t place, MonoTime now) {
    Provider& provider = core.providers[place];
    const LimiterState state = core.stores.limiter->state(place, now);
    json out{{"name", provider.config.name},
             {"dialect", llm::dialect_name(provider.config.dialect)},
             {"base_url", provider.config.base_url},
             {"key", provider.key_hash}};
    out.update(summary_of(provider, state.quota, shown(provider, state.quota, now), now));
    out["timeout_ms"] = rounded_ms(provider.config.timeout);
    out["limits"] = limits_of(provider.config);
    out["shared_limits"] = state.shared;
    out["levels"] = json{{"requests", level_of(state.quota.requests)},
                         {"burst", level_of(state.quota.burst)},
                         {"tokens", level_of(state.quota.tokens)},
                         {"concurrency", level_of(state.quota.concurrency)}};
    const Nanos pause = provider.state.floor() - now;
    out["paused_ms"] = pause > Nanos::zero() ? rounded_ms(pause) : 0.0;
    out["throttle"] = throttle_of(provider, now);
    out["breaker_state"] = breaker_of(provider, now);
    const ProviderCounters& counters = provider.counters;
    out["calls"] = json{{"total", counters.calls},
                        {"ok", counters.served},
                        {"failed", by_reason(counters.failed)},
                        {"given_up", counters.given_up}};
    out["skipped"] = by_reason(counters.skipped);
    out["tokens"] =
        json{{"prompt", counters.prompt_tokens}, {"completion", counters.completion_tokens}};
    return out;
}

bool any_store_down(const Core& core) {
    const auto down = [](const StoreHealth& health) { return health.status == StoreStatus::down; };
    return down(core.stores.limiter->health()) ||
           (core.stores.audit && down(core.stores.audit->health())) ||
           (core.stores.history && down(core.stores.history->health()));
}

// The stores by what they are: redis and postgres always stand there.
void add_stores(const Core& core, json& out, MonoTime now) {
    out["redis"] = off_store("redis");
    out["postgres"] = off_store("postgres");
    const auto add = [&out, now](const StoreHealth& health) {
        // Two users of one store: the worse of the two is shown.
        if (health.kind == "redis" || health.kind == "postgres") {
            json& place = out[health.kind];
            if (place["status"] != "down") place = store_of(health, now);
        }
    };
    add(core.stores.limiter->health());
    if (core.stores.history) {
        const StoreHealth history = core.stores.history->health();
        add(history);
        const HistoryCounters counters = core.stores.history->counters();
        out["history"] = store_of(history, now);
        out["history"]["dropped"] = counters.dropped;
        out["history"]["failed_reads"] = counters.failed_reads;
    }
    if (!core.stores.audit) {
        out["audit"] = off_store("none");
        return;
    }
    const StoreHealth audit = core.stores.audit->health();
    add(audit);
    out["audit"] = store_of(audit, now);
    const AuditCounters counters = core.stores.audit->counters();
    out["audit"]["written"] = counters.written;
    out["audit"]["queued"] = counters.queued;
    out["audit"]["dropped"] = counters.dropped;
}

}  // namespace

service::Reply health_reply(Core& core, MonoTime now) {
    json providers = json::object();
    bool degraded = any_store_down(core);
    bool any = false;
    for (std::size_t i = 0; i < core.providers.size(); ++i) {
        Provider& provider = core.providers[i];
        const limits::QuotaState quota = core.stores.limiter->state(i, now).quota;
        const Shown status = shown(provider, quota, now);
        degraded = degraded || (status != Shown::ok && status != Shown::limited);
        any = any || provider.state.breaker(now).phase != limits::BreakerPhase::open;
        providers[provider.config.name] = summary_of(provider, quota, status, now);
    }
    const char* status = core.draining ? "draining"
                         : !any        ? "unavailable"
                         : degraded    ? "degraded"
                                       : "healthy";
    json out{{"status", status}, {"uptime_s", std::floor(to_seconds(now - core.started))}};
    add_stores(core, out, now);
    out["queue"] = json{{"length", core.queue.length()}, {"max", core.config.queue.max_length}};
    out["in_flight"] = core.counters.in_flight;
    out["providers"] = std::move(providers);
    return service::json_reply(core.draining || !any ? 503 : 200, text_of(out));
}

service::Reply providers_reply(Core& core, MonoTime now) {
    json list = json::array();
    for (std::size_t i = 0; i < core.providers.size(); ++i) list.push_back(detail_of(core, i, now));
    const FallbackConfig& fallback = core.config.fallback;
    const json out{{"providers", std::move(list)},
                   {"fallback",
                    {{"attempts", fallback.attempts},
                     {"total_time_ms", rounded_ms(fallback.total_time)},
                     {"amplification", fallback.amplification},
                     {"amplification_reserve", fallback.amplification_reserve}}},
                   {"queue",
                    {{"length", core.queue.length()},
                     {"max_length", core.config.queue.max_length},
                     {"max_wait_ms", rounded_ms(core.config.queue.max_wait)}}}};
    return service::json_reply(200, text_of(out));
}

service::Reply provider_reply(Core& core, std::string_view name, MonoTime now) {
    for (std::size_t i = 0; i < core.providers.size(); ++i)
        if (core.providers[i].config.name == name)
            return service::json_reply(200, text_of(detail_of(core, i, now)));
    return service::error_reply(404, "not_found_error",
                                fmt::format("there is no provider '{}'", name.substr(0, 64)));
}

service::Reply agents_reply(const Core& core) {
    json list = json::array();
    for (const AgentConfig& agent : core.config.agents) {
        json chain = json::array();
        for (const std::size_t place : agent.chain)
            chain.push_back(core.providers[place].config.name);
        list.push_back(json{{"id", agent.name},
                            {"description", agent.description},
                            {"chain", std::move(chain)},
                            {"max_tokens", agent.max_tokens}});
    }
    return service::json_reply(200, text_of(json{{"agents", std::move(list)}}));
}

service::Reply models_reply(const Core& core) {
    json list = json::array();
    for (const Route& route : core.routes)
        list.push_back(
            json{{"id", route.name},
                 {"object", "model"},
                 {"created", 0},
                 {"owned_by",
                  route.agent ? "squad-api" : core.providers[route.chain.front()].config.name}});
    return service::json_reply(200, text_of(json{{"object", "list"}, {"data", std::move(list)}}));
}

}  // namespace squadload::squad_api
