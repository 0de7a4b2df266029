// Ends a run early when a bound breaks over a sliding window. Pure: fed one Interval a second.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "judge/verdict/threshold.h"
#include "load/measure/interval.h"
#include "load/scenario/scenario.h"

namespace squadload::verdict {

class FailFast {
  public:
    FailFast(std::vector<Threshold> bounds, Nanos window, std::uint64_t min_samples);

    // Returns the broken criterion as a threshold result (first_broken_at_s set) once the window holds at least
    // min_samples requests and a bound is broken. The window is the last `window` seconds seen, rounded up to seconds.
    [[nodiscard]] std::optional<result::ThresholdResult> observe(const measure::Interval& second);

  private:
    std::vector<Threshold> bounds_;
    std::size_t window_seconds_;
    std::uint64_t min_samples_;
    std::deque<measure::Interval> window_;
};

}  // namespace squadload::verdict
