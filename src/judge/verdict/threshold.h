// Bounds: the named threshold keys and free expressions, compiled once, judged on statistics. Pure.
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
    percentile,
    mean,
    min,
    max,  // of response time, ms
    success_rate,
    rate_limited_rate,
    failure_rate,
    server_error_rate,
    outcome_rate,  // share of requests
    count,
    outcome_count,
    failed_count,  // requests
    throughput,    // completed responses per second
    iteration_percentile,
    iteration_mean,
    iteration_min,
    iteration_max,    // of iteration time, ms
    iteration_count,  // iterations started
    iteration_rate,   // share of those that ended so
};
enum class Comparison { less, less_equal, greater, greater_equal, equal };
enum class Unit { ms, share, count, per_s };

[[nodiscard]] Unit unit_of(Figure figure);

// "figure of task compared with bound".
struct Threshold {
    std::string name;  // key, or the expression as written
    Figure figure = Figure::percentile;
    double quantile = 0;                                    // for percentile, in (0, 1)
    measure::Outcome outcome = measure::Outcome::ok;        // for outcome_rate and outcome_count
    measure::IterationEnd end = measure::IterationEnd::ok;  // for iteration_rate
    std::vector<std::uint16_t> entries;                     // by number; none: all requests
    std::vector<std::uint16_t> sequences;  // by number; a bound on iterations has one at least
    std::string task_name;                 // for people; "" for all requests
    Comparison comparison = Comparison::less;
    double bound = 0;  // ms, share, per second or count
    SourceMark mark;
};

// Compiles a scenario's bounds. The named keys are strict (> 99 %, < 1 %; failure_rate_max alone
// allows its bound) and a value of 0 means no bound; spike keys apply to kind spike only, where
// they take the place of the general key of the same figure (and 0 lifts it). Of one key given
// twice the later counts. Errors (kind config) at the entry's mark: unknown key with the nearest
// known one, value out of range or impossible to meet, both spellings of one key, malformed
// expression, unknown task.
//
// Expressions: FIGURE COMPARISON VALUE, with COMPARISON one of < <= > >= == and FIGURE one of
//   p50 … p99.9, mean, min, max       of response time; VALUE with a unit: 300ms, 2s
//   rate(OUTCOME), rate(failed)       share of requests; VALUE 0.1% or 0.001
//   count(OUTCOME), count(failed), requests       VALUE a whole number
//   throughput                        completed responses; VALUE 29/s, 600/m
//   iteration_p50 … iteration_p99.9, iteration_mean, iteration_min, iteration_max
//                                     of iteration time; VALUE a time
//   iterations                        VALUE a whole number
//   iteration_rate(END)               END is ok or failed, shares of the iterations that came to
//                                     their end, or cut_off, of all; VALUE a share
// Those on iterations are about tasks with steps. A task narrows any of them: p95(chat), rate(ok,
// chat), requests(chat). A task with steps means all of them, task.step one: p95(conversation.ask);
// so do on_start and on_stop. A task whose name several user classes have is written Class.task.
// Expressions on the providers' side (provider_bound.h) are skipped here.
[[nodiscard]] Result<std::vector<Threshold>> compile(
    const std::vector<scenario::ThresholdEntry>& entries, const scenario::Scenario& scenario);
// The keys a file may use under `thresholds` (without expressions).
[[nodiscard]] const std::vector<std::string>& known_threshold_keys();

// Judges one bound. `tasks` by entry, `iterations` by sequence number. duration_s serves
// throughput. Without samples a bound is broken.
[[nodiscard]] result::ThresholdResult judge(
    const Threshold& threshold, const std::vector<measure::TaskStats>& tasks, double duration_s,
    const std::vector<measure::IterationStats>& iterations = {});
// The same on the statistics the bound is about (of its task, or of all tasks merged).
[[nodiscard]] result::ThresholdResult judge_stats(const Threshold& threshold,
                                                  const measure::TaskStats& stats,
                                                  double duration_s);
// A percentile q of fewer than 10 / (1 - q) samples rests on fewer than ten values beyond it.
[[nodiscard]] std::uint64_t samples_wanted(double quantile);
// "only 62 samples for p99 of chat, 1,000 wanted"; task: "" for the whole run.
[[nodiscard]] std::string few_samples_note(double quantile, std::uint64_t samples,
                                           const std::string& task = "");
[[nodiscard]] std::string quantile_name(double quantile);  // 0.999 → "p99.9"
// What bounds are judged on, all requests merged: outcomes and response time alone.
[[nodiscard]] measure::TaskStats pooled(const std::vector<measure::TaskStats>& tasks);

// What one bound is about: requests, or iterations.
struct Sample {
    measure::TaskStats requests;  // outcomes and response time alone
    measure::IterationStats iterations;
};
[[nodiscard]] bool is_on_iterations(Figure figure);
[[nodiscard]] Sample sample_for(const Threshold& threshold,
                                const std::vector<measure::TaskStats>& tasks,
                                const std::vector<measure::IterationStats>& iterations);
// How many requests, or iterations, the bound is judged on.
[[nodiscard]] std::uint64_t sample_size(const Threshold& threshold, const Sample& sample);
[[nodiscard]] result::ThresholdResult judge_sample(const Threshold& threshold, const Sample& sample,
                                                   double duration_s);
// The answer where the figure is known; `samples` it rests on.
[[nodiscard]] result::ThresholdResult judge_value(const Threshold& threshold, double actual,
                                                  std::uint64_t samples);
// The bound in words, not met, and nothing about its figure.
[[nodiscard]] result::ThresholdResult unjudged(const Threshold& threshold);

}  // namespace squadload::verdict
