// The offered rate over time: a chain of linear ramps and plateaus, with its integral and inverse.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"

namespace squadload::pacing {

// One stage: the rate goes linearly from start to end during `duration`.
struct RateStage {
    Nanos duration{};        // > 0
    double start_per_s = 0;  // requests per second, finite, >= 0
    double end_per_s = 0;
    friend bool operator==(const RateStage&, const RateStage&) = default;
};

// L(t) = expected number of intended starts in [0, t): piecewise quadratic, non-decreasing.
// Decimal rates have no exact binary form; where L at the end of a stage is an integer but for that
// (0.1/s for 10 s), it is that integer, so that stages hold the number of requests they seem to.
// Immutable after construction; safe to share between threads.
class RateProfile {
  public:
    // At least one stage; all durations together fit Nanos (292 years).
    explicit RateProfile(std::vector<RateStage> stages);

    [[nodiscard]] const std::vector<RateStage>& stages() const { return stages_; }
    [[nodiscard]] Nanos duration() const { return duration_; }
    [[nodiscard]] double total() const;               // L(duration)
    [[nodiscard]] double expected_by(Nanos t) const;  // L(t), clamped to [0, duration]
    [[nodiscard]] double rate_at(Nanos t) const;      // per second; 0 outside [0, duration)
    // Upper inverse: the latest t with L(t) <= arrivals, so that an arrival due exactly at the
    // start of a pause (rate 0) comes after it. To the nearest nanosecond, within [0, duration).
    // Nanos::max() when arrivals >= total().
    [[nodiscard]] Nanos time_of(long double arrivals) const;

  private:
    [[nodiscard]] std::size_t stage_at(Nanos t) const;  // t in [0, duration)

    std::vector<RateStage> stages_;
    std::vector<long double> arrivals_before_;  // L at the start of each stage
    std::vector<Nanos> start_;
    Nanos duration_{};
    long double total_ = 0;
};

}  // namespace squadload::pacing
