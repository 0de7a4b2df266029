#include "target/stack/scale.h"

#include <algorithm>
#include <cmath>

namespace squadload::stack {
namespace {

constexpr double kMost = static_cast<double>(limits::kMaxAmount);

// 0 stays none.
std::int64_t times(std::int64_t n, double factor) {
    if (n == 0 || factor == 1) return n;
    return std::max<std::int64_t>(1,
                                  std::llround(std::min(kMost, static_cast<double>(n) * factor)));
}

// Counts per window stay: the window is what gets shorter.
void scale_quota(limits::QuotaSettings& quota, const Settings& settings) {
    const double q = settings.quota_scale;
    quota.requests = times(quota.requests, q);
    quota.burst = times(quota.burst, q);
    quota.requests_day = times(quota.requests_day, q);
    quota.tokens = times(quota.tokens, q);
    // Latencies stay, so more calls are in flight at a higher rate.
    quota.concurrency = times(quota.concurrency, q * settings.time_scale);
}

}  // namespace

Nanos shorter(Nanos time, double scale) {
    if (scale == 1) return time;
    return Nanos{std::llround(static_cast<double>(time.count()) / scale)};
}

void scale(squad_api::Config& config, const Settings& settings) {
    const double k = settings.time_scale;
    const double more = k * settings.quota_scale;
    for (auto& p : config.providers) {
        scale_quota(p.limits, settings);
        p.limits.window = shorter(p.limits.window, k);
        for (Nanos* t : {&p.throttle.window, &p.throttle.hold, &p.throttle.calm, &p.breaker.window,
                         &p.breaker.open, &p.breaker.open_max})
            *t = shorter(*t, k);
    }
    config.queue.max_wait = shorter(config.queue.max_wait, k);
    config.queue.max_length = times(config.queue.max_length, more);
    config.fallback.backoff_base = shorter(config.fallback.backoff_base, k);
    config.fallback.backoff_max = shorter(config.fallback.backoff_max, k);
    const auto bound = [more](std::size_t n) {
        return static_cast<std::size_t>(times(static_cast<std::int64_t>(n), more));
    };
    config.server.max_requests_in_flight = bound(config.server.max_requests_in_flight);
    config.server.max_connections = bound(config.server.max_connections);
}

void scale(providers::Profile& profile, const Settings& settings) {
    const double more = settings.quota_scale * settings.time_scale;
    scale_quota(profile.quota, settings);
    for (auto& model : profile.models) scale_quota(model.quota, settings);
    profile.concurrency = times(profile.concurrency, more);
    profile.queue = times(profile.queue, more);
}

}  // namespace squadload::stack
