// Bounds: the story's threshold keys and free expressions, compiled once, judged on statistics. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "judge/result/run_result.h"
#include "load/measure/interval.h"
#include "load/scenario/scenario.h"

namespace squadload::verdict {

enum class Figure {
    percentile, mean, min, max,                       // of response time, ms
    success_rate, rate_limited_rate, failure_rate, server_error_rate, outcome_rate,  // share of requests
    count, outcome_count,                             // requests
    throughput,                                       // completed per second
};
enum class Comparison { less, less_equal, greater, greater_equal, equal };

// "figure of task compared with bound". Grammar of expressions in docs/guide.md.
struct Threshold {
    std::string name;        // key, or the expression as written
    Figure figure = Figure::percentile;
    double quantile = 0;     // for percentile
    measure::Outcome outcome = measure::Outcome::ok;  // for outcome_rate and outcome_count
    std::optional<std::uint16_t> task;                // none: all tasks
    Comparison comparison = Comparison::less;
    double bound = 0;        // ms, share, per second or count
    SourceMark mark;
};

// Compiles a scenario's bounds. The story's keys are strict (> 99 %, < 1 %); a bound of 0 means none; spike keys apply to
// kind spike only, where they take the place of the general key of the same figure. Errors (kind config) at the entry's
// mark: unknown key with the nearest known one, value out of range, malformed expression, unknown task.
[[nodiscard]] Result<std::vector<Threshold>> compile(const std::vector<scenario::ThresholdEntry>& entries,
                                                     const scenario::Scenario& scenario);
// The keys a file may use under `thresholds` (without expressions).
[[nodiscard]] const std::vector<std::string>& known_threshold_keys();

// Judges one bound. `tasks` by task number. duration_s serves throughput.
[[nodiscard]] result::ThresholdResult judge(const Threshold& threshold, const std::vector<measure::TaskStats>& tasks,
                                            double duration_s);

}  // namespace squadload::verdict
