// Bounds watched while the run goes: fail-fast over a sliding window, and when each bound first
// broke. Pure: fed once a second.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "judge/verdict/threshold.h"
#include "load/measure/interval.h"
#include "load/scenario/scenario.h"

namespace squadload::verdict {

// Ends a run early when a bound breaks over a sliding window.
class FailFast {
  public:
    // What bounds are judged on, of one second.
    struct Second {
        std::vector<measure::TaskStats> tasks;
        std::vector<measure::IterationStats> iterations;
    };

    FailFast(std::vector<Threshold> bounds, Nanos window, std::uint64_t min_samples);

    // Returns the broken criterion as a threshold result (name "fail_fast.…", first_broken_at_s
    // set) once the window holds at least min_samples requests, or iterations, of the bound's task
    // if it has one, and a bound is broken. The window is the last `window` seconds seen, rounded
    // up to seconds.
    [[nodiscard]] std::optional<result::ThresholdResult> observe(const measure::Interval& second);

  private:
    std::vector<Threshold> bounds_;
    std::size_t window_seconds_;
    std::uint64_t min_samples_;
    std::deque<Second> window_;
};

// Remembers when each bound first broke on the running total. Bounds from below on what grows with
// time (requests, counts, throughput) are not tracked: at the start they are always broken.
class BoundsTracker {
  public:
    explicit BoundsTracker(std::vector<Threshold> bounds);

    // totals: everything so far (engine::Progress::totals); elapsed since the start of the run.
    void observe(const measure::Interval& totals, Nanos elapsed);
    // Sets first_broken_at_s of the broken ones among `judged`, which starts with the results of
    // the tracked bounds in their order (as conclude() leaves them).
    void annotate(std::vector<result::ThresholdResult>& judged) const;

  private:
    std::vector<Threshold> bounds_;
    std::vector<std::optional<double>> first_broken_s_;  // by bound
};

}  // namespace squadload::verdict
