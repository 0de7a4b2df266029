// The highest rate at which the bounds hold, and how it was found. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace squadload::result {

// What ended the search.
enum class LimitCause {
    none,           // nothing: the bounds held
    latency,        // the target was too slow, or fell behind
    errors,         // it failed
    rate_limiting,  // it answered 429
    generator,      // this machine could not make the load
};
[[nodiscard]] std::string_view name(LimitCause cause);  // "none", "latency", "rate limiting", …
[[nodiscard]] std::optional<LimitCause> limit_cause_from_name(std::string_view name);

// One rate that was tried.
struct CapacityStep {
    double rate_per_s = 0;  // asked for
    LimitCause cause = LimitCause::none;
    std::string sentence;  // why the bounds did not hold; "" when they did
    std::uint64_t requests = 0, ok = 0, rate_limited = 0, failed = 0;
    double ok_per_s = 0;                                    // in the second half of the schedule
    double p50_ms = 0, p95_ms = 0, p99_ms = 0, max_ms = 0;  // response time
    std::uint32_t in_flight = 0;                            // at the end of the schedule
    [[nodiscard]] bool held() const { return cause == LimitCause::none; }
    friend bool operator==(const CapacityStep&, const CapacityStep&) = default;
};

struct Capacity {
    double from_per_s = 0, to_per_s = 0;
    double precision = 0;                 // the search ends when both ends are this share apart
    double step_s = 0;                    // how long each rate was held
    std::vector<std::string> bounds;      // as written
    std::optional<double> limit_per_s;    // the highest rate that held; none: not even `from`
    std::optional<double> broken_per_s;   // the lowest that did not; none: all up to `to` held
    LimitCause cause = LimitCause::none;  // at broken_per_s
    std::string sentence;                 // the answer, for people
    std::vector<CapacityStep> steps;      // in the order they were tried
    friend bool operator==(const Capacity&, const Capacity&) = default;
};

}  // namespace squadload::result
