#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "target/service/url.h"
#include "target/squad_api/read_config.h"

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLongest = 24h;
constexpr std::size_t kMostProviders = 64;  // the wait queue keeps sets of them in one word

Nanos positive(const yaml::Value& value) {
    const Nanos read = value.duration(1us);
    if (read > kLongest) value.fail("at most 24h");
    return read;
}

void read_limits(const yaml::Value& value, limits::QuotaSettings& quota, bool& burst_said) {
    const yaml::Map map = value.map({"rpm", "burst", "tpm", "concurrency", "guard_ms", "window"});
    if (const auto rpm = map.get("rpm")) quota.requests = rpm->integer(0, 1'000'000'000);
    if (const auto burst = map.get("burst")) {
        quota.burst = burst->integer(0, 1'000'000'000);
        burst_said = true;
    }
    if (const auto tpm = map.get("tpm")) quota.tokens = tpm->integer(0, limits::kMaxAmount);
    if (const auto most = map.get("concurrency")) quota.concurrency = most->integer(0, 1'000'000);
    if (const auto guard = map.get("guard_ms"))
        quota.guard = from_seconds(guard->number(0, 10'000) / 1000);
    if (const auto window = map.get("window")) quota.window = positive(*window);
    if (quota.guard * 2 > quota.window) value.fail("guard_ms must be less than half of the window");
}

void read_throttle(const yaml::Value& value, limits::ThrottleSettings& throttle) {
    const yaml::Map map =
        value.map({"trigger", "window", "decrease", "hold", "floor", "calm", "restore_step"});
    if (const auto v = map.get("trigger")) throttle.trigger = v->integer(1, 1'000'000);
    if (const auto v = map.get("window")) throttle.window = positive(*v);
    if (const auto v = map.get("decrease")) throttle.decrease = v->number(0.01, 1);
    if (const auto v = map.get("hold")) throttle.hold = v->duration();
    if (const auto v = map.get("floor")) throttle.floor = v->number(0.001, 1);
    if (const auto v = map.get("calm")) throttle.calm = positive(*v);
    if (const auto v = map.get("restore_step")) throttle.restore_step = v->number(0.001, 1);
}

void read_breaker(const yaml::Value& value, limits::BreakerSettings& breaker) {
    const yaml::Map map = value.map({"failures", "failure_share", "min_samples", "window", "open",
                                     "growth", "open_max", "probes", "successes"});
    if (const auto v = map.get("failures")) breaker.failures = v->integer(0, 1'000'000);
    if (const auto v = map.get("failure_share")) breaker.failure_share = v->number(0, 1);
    if (const auto v = map.get("min_samples")) breaker.min_samples = v->integer(1, 1'000'000);
    if (const auto v = map.get("window")) breaker.window = positive(*v);
    if (const auto v = map.get("open")) breaker.open = positive(*v);
    if (const auto v = map.get("growth")) breaker.growth = v->number(1, 100);
    if (const auto v = map.get("open_max")) breaker.open_max = positive(*v);
    if (const auto v = map.get("probes")) breaker.probes = v->integer(1, 1000);
    if (const auto v = map.get("successes")) breaker.successes = v->integer(1, 1000);
    if (breaker.open_max < breaker.open) value.fail("open_max must not be below open");
}

// The keys that provider_defaults and a provider have in common.
void read_common(const yaml::Map& map, ProviderConfig& provider, bool& burst_said) {
    if (const auto v = map.get("timeout")) provider.timeout = positive(*v);
    if (const auto v = map.get("max_tokens")) provider.max_tokens = v->integer(1, 10'000'000);
    if (const auto v = map.get("limits")) read_limits(*v, provider.limits, burst_said);
    if (const auto v = map.get("throttle")) read_throttle(*v, provider.throttle);
    if (const auto v = map.get("breaker")) read_breaker(*v, provider.breaker);
}

bool plain_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

// About two seconds of the rate.
std::int64_t usual_burst(const limits::QuotaSettings& quota) {
    const double per_second = static_cast<double>(quota.requests) / to_seconds(quota.window);
    return std::max<std::int64_t>(1, std::llround(2 * per_second));
}

void read_dialect(const yaml::Map& map, const yaml::Value& place, ProviderConfig& provider) {
    const auto value = map.get("dialect");
    const std::string name = value ? value->text() : provider.name;
    if (const auto dialect = llm::parse_dialect(name)) {
        provider.dialect = *dialect;
        return;
    }
    std::string known;
    for (const llm::Dialect dialect : llm::kDialects) {
        if (!known.empty()) known += ", ";
        known += llm::dialect_name(dialect);
    }
    (value ? *value : place)
        .fail(fmt::format("{} dialect must be one of {}", value ? "the" : "its", known));
}

ProviderConfig read_provider(const yaml::Value::Named& entry, const ProviderConfig& defaults) {
    ProviderConfig provider = defaults;
    provider.name = entry.name;
    if (!plain_name(entry.name))
        entry.value.problems().add(
            entry.key_mark, "a provider's name has 1 to 64 characters of a-z, 0-9, '_' and '-'");
    const yaml::Map map = entry.value.map({"dialect", "base_url", "key_env", "model", "timeout",
                                           "max_tokens", "limits", "throttle", "breaker"});
    read_dialect(map, entry.value, provider);
    if (const auto url = map.get("base_url")) {
        provider.base_url = url->text();
        if (const auto parsed = service::parse_url(provider.base_url); !parsed)
            url->fail(parsed.error().message);
        else if (parsed->target.find('?') != std::string::npos)
            url->fail("a base URL has no query");
    } else {
        entry.value.fail("base_url is missing");
    }
    if (const auto model = map.get("model"))
        provider.model = model->text();
    else
        entry.value.fail("model is missing");
    if (const auto key = map.get("key_env")) provider.key_env = read_variable_name(*key);
    bool burst_said = false;
    read_common(map, provider, burst_said);
    if (!burst_said && provider.limits.requests > 0)
        provider.limits.burst = usual_burst(provider.limits);
    return provider;
}

}  // namespace

std::vector<ProviderConfig> read_providers(const yaml::Map& file) {
    ProviderConfig defaults;
    defaults.limits.guard = 50ms;
    if (const auto value = file.get("provider_defaults")) {
        bool burst_said = false;
        read_common(value->map({"timeout", "max_tokens", "limits", "throttle", "breaker"}),
                    defaults, burst_said);
        if (burst_said) value->fail("burst belongs beside each provider's rpm");
    }
    std::vector<ProviderConfig> providers;
    const auto value = file.get("providers");
    if (!value) {
        file.value().fail("providers is missing: at least one is needed");
        return providers;
    }
    for (const auto& entry : value->entries()) providers.push_back(read_provider(entry, defaults));
    if (providers.empty()) value->fail("at least one provider is needed");
    if (providers.size() > kMostProviders)
        value->fail(fmt::format("at most {} providers", kMostProviders));
    return providers;
}

}  // namespace squadload::squad_api
