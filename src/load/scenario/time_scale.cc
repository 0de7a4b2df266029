// A shorter run of the same story: durations are divided, rates multiplied. Times of single
// requests (timeouts, latency bounds, graceful_stop) are the target's and stay; what bounds
// requests in flight grows with the rate, because their latency does not shrink.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

Nanos shorter(Nanos t, double scale) {
    if (t == Nanos::max()) return t;
    return Nanos{std::llround(static_cast<double>(t.count()) / scale)};
}

std::uint32_t more(std::uint32_t n, double scale) {
    return static_cast<std::uint32_t>(std::min(1e6, std::ceil(static_cast<double>(n) * scale)));
}

}  // namespace

void scale_time(Scenario& s) {
    const double k = s.time_scale;
    if (k == 1) return;
    s.duration = shorter(s.duration, k);
    s.spawn_rate *= k;
    for (auto& stage : s.rates) {
        stage.duration = shorter(stage.duration, k);
        stage.start_per_s *= k;
        stage.end_per_s *= k;
    }
    if (s.model == Model::open) {
        s.users = more(s.users, k);
        s.max_in_flight = more(s.max_in_flight, k);
    }
    for (auto& user : s.classes) {
        user.wait.low = shorter(user.wait.low, k);
        user.wait.high = shorter(user.wait.high, k);
        user.wait.per_s *= k;
    }
    for (auto& event : s.events) {
        event.at = shorter(event.at, k);
        if (event.lasts) event.lasts = shorter(*event.lasts, k);
        if (event.retry_after) event.retry_after = shorter(*event.retry_after, k);
    }
    s.on_429.default_wait = shorter(s.on_429.default_wait, k);
    s.on_429.max_wait = shorter(s.on_429.max_wait, k);
    s.fail_fast.window = std::max<Nanos>(std::chrono::seconds{1}, shorter(s.fail_fast.window, k));
    s.notes.push_back(fmt::format(
        "time scale {:g}: durations, waits, events and quota windows are divided by it and rates "
        "multiplied; latencies, timeouts and their bounds are not",
        k));
}

}  // namespace squadload::scenario
