// A bound against statistics, and both in words.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "judge/result/figures.h"
#include "judge/verdict/threshold.h"
#include "judge/verdict/words.h"

namespace squadload::verdict {
namespace {

using measure::TaskStats;

double iteration_value(const Threshold& t, const measure::IterationStats& stats) {
    switch (t.figure) {
        case Figure::iteration_percentile:
            return to_ms(stats.time.percentile(t.quantile));
        case Figure::iteration_mean:
            return stats.time.mean_ns() / 1e6;
        case Figure::iteration_min:
            return to_ms(stats.time.min());
        case Figure::iteration_max:
            return to_ms(stats.time.max());
        case Figure::iteration_rate:
            return stats.rate(t.end);
        default:
            return static_cast<double>(stats.started());
    }
}

double figure_value(const Threshold& t, const Sample& sample, double duration_s) {
    const TaskStats& stats = sample.requests;
    const auto rates = result::rates(stats.outcomes);
    const auto& time = stats.response_time;
    switch (t.figure) {
        case Figure::percentile:
            return to_ms(time.percentile(t.quantile));
        case Figure::mean:
            return time.mean_ns() / 1e6;
        case Figure::min:
            return to_ms(time.min());
        case Figure::max:
            return to_ms(time.max());
        case Figure::success_rate:
            return rates.success;
        case Figure::rate_limited_rate:
            return result::rate_limited_share(stats);
        case Figure::failure_rate:
            return rates.failure;
        case Figure::server_error_rate:
            return rates.server_error;
        case Figure::outcome_rate:
            return static_cast<double>(stats.outcomes[t.outcome]) /
                   static_cast<double>(stats.outcomes.requests());
        case Figure::count:
            return static_cast<double>(stats.outcomes.requests());
        case Figure::outcome_count:
            return static_cast<double>(stats.outcomes[t.outcome]);
        case Figure::failed_count:
            return static_cast<double>(stats.outcomes.failed());
        case Figure::throughput:
            return result::throughput_per_s(stats.outcomes, duration_s);
        default:
            break;
    }
    return iteration_value(t, sample.iterations);
}

std::string spaced(std::string_view name) {
    std::string out(name);
    std::replace(out.begin(), out.end(), '_', ' ');
    return out;
}

constexpr std::array<const char*, 3> kIterationEnds{"ok", "failed", "cut off"};

std::string figure_text(const Threshold& t) {
    switch (t.figure) {
        case Figure::percentile:
            return quantile_name(t.quantile) + " response";
        case Figure::mean:
            return "mean response";
        case Figure::min:
            return "min response";
        case Figure::max:
            return "max response";
        case Figure::success_rate:
            return "success rate";
        case Figure::rate_limited_rate:
            return "rate limited (429)";
        case Figure::failure_rate:
            return "failures";
        case Figure::server_error_rate:
            return "server errors (5xx)";
        case Figure::outcome_rate:
            return spaced(measure::name(t.outcome)) + " rate";
        case Figure::count:
            return "requests";
        case Figure::outcome_count:
            return spaced(measure::name(t.outcome)) + " count";
        case Figure::failed_count:
            return "failed requests";
        case Figure::throughput:
            return "throughput";
        case Figure::iteration_percentile:
            return quantile_name(t.quantile) + " iteration";
        case Figure::iteration_mean:
            return "mean iteration";
        case Figure::iteration_min:
            return "min iteration";
        case Figure::iteration_max:
            return "max iteration";
        case Figure::iteration_rate:
            return std::string(kIterationEnds[static_cast<std::size_t>(t.end)]) + " iterations";
        case Figure::iteration_count:
            break;
    }
    return "iterations";
}

void add_judged(TaskStats& sum, const TaskStats& more) {
    sum.outcomes.merge(more.outcomes);
    sum.response_time.merge(more.response_time);
}

std::string sample_note(const Threshold& t, std::uint64_t n) {
    const bool percentile =
        t.figure == Figure::percentile || t.figure == Figure::iteration_percentile;
    if (!percentile || n >= samples_wanted(t.quantile)) return {};
    return few_samples_note(t.quantile, n, t.task_name);
}

}  // namespace

std::string quantile_name(double quantile) {
    return "p" + result::short_number(quantile * 100, 3);
}

std::uint64_t samples_wanted(double quantile) {
    return static_cast<std::uint64_t>(std::ceil(10 / (1 - quantile) - 1e-6));
}

std::string few_samples_note(double quantile, std::uint64_t samples, const std::string& task) {
    return fmt::format("only {} for {}{}, {} wanted", result::plural(samples, "sample"),
                       quantile_name(quantile), task.empty() ? "" : " of " + task,
                       result::thousands(samples_wanted(quantile)));
}

bool is_on_iterations(Figure figure) {
    return figure >= Figure::iteration_percentile;
}

std::uint64_t sample_size(const Threshold& t, const Sample& sample) {
    if (!is_on_iterations(t.figure)) return sample.requests.outcomes.requests();
    if (unit_of(t.figure) == Unit::ms) return sample.iterations.time.count();
    return t.figure == Figure::iteration_rate ? sample.iterations.rate_base(t.end)
                                              : sample.iterations.started();
}

result::ThresholdResult judge_stats(const Threshold& t, const TaskStats& stats, double duration_s) {
    return judge_sample(t, {stats, {}}, duration_s);
}

result::ThresholdResult unjudged(const Threshold& t) {
    const Unit unit = unit_of(t.figure);
    result::ThresholdResult out;
    out.name = t.name;
    out.criterion = figure_text(t);
    if (!t.task_name.empty()) out.criterion += " of " + t.task_name;
    out.comparison = sign(t.comparison);
    out.bound_value = t.bound;
    out.bound = bound_text(t.comparison, t.bound, unit);
    out.unit = unit_name(unit);
    return out;
}

result::ThresholdResult judge_value(const Threshold& t, double actual, std::uint64_t samples) {
    auto out = unjudged(t);
    out.actual_value = actual;
    out.actual = value_text(actual, t.comparison, t.bound, unit_of(t.figure));
    out.pass = meets(actual, t.comparison, t.bound);
    out.note = sample_note(t, samples);
    return out;
}

result::ThresholdResult judge_sample(const Threshold& t, const Sample& sample, double duration_s) {
    if (sample_size(t, sample) == 0) {
        auto out = unjudged(t);
        out.actual = "no samples";
        return out;
    }
    return judge_value(t, figure_value(t, sample, duration_s),
                       is_on_iterations(t.figure) ? sample.iterations.time.count()
                                                  : sample.requests.response_time.count());
}

result::ThresholdResult judge(const Threshold& threshold, const std::vector<TaskStats>& tasks,
                              double duration_s,
                              const std::vector<measure::IterationStats>& iterations) {
    return judge_sample(threshold, sample_for(threshold, tasks, iterations), duration_s);
}

TaskStats pooled(const std::vector<TaskStats>& tasks) {
    TaskStats all;
    for (const auto& task : tasks) add_judged(all, task);
    return all;
}

Sample sample_for(const Threshold& threshold, const std::vector<TaskStats>& tasks,
                  const std::vector<measure::IterationStats>& iterations) {
    Sample sample;
    if (is_on_iterations(threshold.figure)) {
        for (const std::uint16_t sequence : threshold.sequences) {
            if (sequence < iterations.size()) sample.iterations.merge(iterations[sequence]);
        }
    } else if (threshold.entries.empty()) {
        sample.requests = pooled(tasks);
    } else {
        for (const std::uint16_t entry : threshold.entries) {
            if (entry < tasks.size()) add_judged(sample.requests, tasks[entry]);
        }
    }
    return sample;
}

}  // namespace squadload::verdict
