// What the gateway counts, for /metrics and /providers. Plain numbers: one thread writes and reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "base/time.h"
#include "target/squad_api/attempt.h"

namespace squadload::squad_api {

// Upper bounds in seconds; the last bucket has none.
inline constexpr std::array<double, 15> kLatencyBounds = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

struct LatencyHistogram {
    std::array<std::uint64_t, kLatencyBounds.size() + 1> counts{};
    std::uint64_t count = 0;
    double sum_seconds = 0;
    void add(Nanos latency);
};

struct ProviderCounters {
    std::uint64_t calls = 0;                        // sent, whatever came of it
    std::uint64_t served = 0;                       // answered a request
    std::array<std::uint64_t, kReasons> failed{};   // calls, by reason
    std::array<std::uint64_t, kReasons> skipped{};  // passed over, by reason
    std::uint64_t given_up = 0;  // calls whose client left, or whose request's time was over
    std::uint64_t prompt_tokens = 0;
    std::uint64_t completion_tokens = 0;
    std::uint64_t answers_429 = 0;
    std::optional<WallTime> last_429;
    LatencyHistogram latency;  // of complete answers
};

struct Counters {
    // By place + 1 of provider (0: nobody served) and route (0: none known), and status.
    std::map<std::tuple<std::size_t, std::size_t, int>, std::uint64_t> requests;
    // Calls, by provider, route and how they ended ("200", "429", "timeout", …).
    std::map<std::tuple<std::size_t, std::size_t, std::string>, std::uint64_t> calls;
    // By provider that served and why the chain's first did not.
    std::map<std::pair<std::size_t, Reason>, std::uint64_t> fallbacks;
    std::uint64_t requests_total = 0;
    std::uint64_t in_flight = 0;  // chat requests
    std::uint64_t hangups = 0;
    std::uint64_t unauthorized = 0;
    std::uint64_t queued = 0;  // entered the wait queue
    std::uint64_t queue_granted = 0;
    std::uint64_t queue_timeouts = 0;
    std::uint64_t queue_full = 0;
    double queue_seconds = 0;
};

}  // namespace squadload::squad_api
