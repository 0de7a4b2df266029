#include "judge/witness/declared.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace squadload::witness {
namespace {

using nlohmann::json;
constexpr double kLargest = 1e15;

// A number at a place, `usual` where there is none.
double number(const json& object, const char* key, double usual = 0) {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number()) return usual;
    const double v = it->get<double>();
    return std::isfinite(v) && v >= 0 && v < kLargest ? v : usual;
}

std::int64_t whole(const json& object, const char* key) {
    return std::llround(number(object, key));
}

Nanos seconds(const json& object, const char* key) {
    return from_seconds(std::min(number(object, key), 1e6));
}

Nanos milliseconds(const json& object, const char* key) {
    return from_seconds(std::min(number(object, key), 1e9) / 1000);
}

const json& member(const json& object, const char* key) {
    static const json kNone = json::object();
    const auto it = object.find(key);
    return it == object.end() || !it->is_object() ? kNone : *it;
}

std::optional<DeclaredThrottle> throttle_of(const json& provider) {
    const json& t = member(provider, "throttle");
    if (!t.contains("decrease") || !t.contains("trigger")) return std::nullopt;
    DeclaredThrottle out;
    out.trigger = whole(t, "trigger");
    out.window = seconds(t, "window_s");
    out.decrease = number(t, "decrease", 0.5);
    out.hold = seconds(t, "hold_s");
    out.floor = number(t, "floor", 0.1);
    out.calm = seconds(t, "calm_s");
    out.restore_step = number(t, "restore_step", 0.1);
    return out;
}

DeclaredProvider provider_of(const json& p) {
    DeclaredProvider out;
    out.name = p["name"].get<std::string>();
    const json& limits = member(p, "limits");
    out.requests = whole(limits, "requests");
    out.burst = whole(limits, "burst");
    out.tokens = whole(limits, "tokens");
    out.concurrency = whole(limits, "concurrency");
    if (const Nanos window = seconds(limits, "window_s"); window > Nanos{}) out.window = window;
    out.guard = milliseconds(limits, "guard_ms");
    out.throttle = throttle_of(p);
    const json& breaker = member(p, "breaker_state");
    if (breaker.contains("open_max_ms"))
        out.breaker_open_max = milliseconds(breaker, "open_max_ms");
    return out;
}

Result<void> add_providers(const json& document, Declared& out) {
    const auto list = document.is_object() ? document.find("providers") : document.end();
    if (!document.is_object() || list == document.end() || !list->is_array())
        return fail(ErrorKind::config, "there is no list of providers in it");
    for (const auto& p : *list) {
        if (!p.is_object() || !p.contains("name") || !p["name"].is_string())
            return fail(ErrorKind::config, "a provider in it has no name");
        out.providers.push_back(provider_of(p));
    }
    const json& fallback = member(document, "fallback");
    if (fallback.contains("amplification")) {
        out.amplification = number(fallback, "amplification");
        out.amplification_reserve = number(fallback, "amplification_reserve");
    }
    out.queue_wait = milliseconds(member(document, "queue"), "max_wait_ms");
    return {};
}

void add_chains(const json& document, Declared& out) {
    const auto list = document.is_object() ? document.find("agents") : document.end();
    if (!document.is_object() || list == document.end() || !list->is_array()) return;
    for (const auto& agent : *list) {
        if (!agent.is_object() || !agent.contains("id") || !agent["id"].is_string()) continue;
        const auto chain = agent.find("chain");
        if (chain == agent.end() || !chain->is_array()) continue;
        auto& names = out.chains[agent["id"].get<std::string>()];
        for (const auto& name : *chain)
            if (name.is_string()) names.push_back(name.get<std::string>());
    }
}

}  // namespace

Nanos DeclaredThrottle::longest_recovery() const {
    if (restore_step <= 0) return Nanos::zero();
    return from_seconds(std::min(to_seconds(calm) * std::ceil((1 - floor) / restore_step), 1e6));
}

const DeclaredProvider* Declared::provider(std::string_view name) const {
    for (const auto& p : providers)
        if (p.name == name) return &p;
    return nullptr;
}

const std::vector<std::string>* Declared::chain(std::string_view agent) const {
    const auto it = chains.find(agent);
    return it == chains.end() || it->second.empty() ? nullptr : &it->second;
}

Result<Declared> read_declared(std::string_view providers, std::string_view agents) {
    Declared out;
    const json document = json::parse(providers, nullptr, false);
    if (document.is_discarded()) return fail(ErrorKind::config, "it is no JSON");
    if (auto added = add_providers(document, out); !added) return tl::unexpected(added.error());
    const json chains = json::parse(agents, nullptr, false);
    if (!chains.is_discarded()) add_chains(chains, out);
    return out;
}

Result<Declared> read_declared_file(std::string_view text, const std::string& file) {
    const json document = json::parse(text, nullptr, false);
    const auto bad = [&](const std::string& why) {
        return fail(ErrorKind::config,
                    fmt::format("{} does not say what a gateway declares: {}", file, why));
    };
    if (!document.is_object()) return bad("it is no JSON object");
    // As GET /providers gives it, or both answers side by side.
    const auto inner = document.find("providers");
    const bool both = inner != document.end() && inner->is_object();
    Declared out;
    if (auto added = add_providers(both ? *inner : document, out); !added)
        return bad(added.error().message);
    if (both && document.contains("agents")) add_chains(document["agents"], out);
    return out;
}

std::string declared_file(std::string_view providers, std::string_view agents) {
    json out = json::object();
    out["providers"] = json::parse(providers, nullptr, false);
    out["agents"] = json::parse(agents, nullptr, false);
    for (auto& part : out)
        if (part.is_discarded()) part = nullptr;
    return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace squadload::witness
