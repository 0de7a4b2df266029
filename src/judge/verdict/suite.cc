#include "judge/verdict/suite.h"

#include <fmt/core.h>

#include <algorithm>

#include "judge/result/figures.h"

namespace squadload::verdict {
namespace {

using result::ScenarioResult;
using result::ThresholdResult;

bool is_spike(const ScenarioResult& s) {
    return s.kind == "spike";
}

const ScenarioResult* baseline_of(const result::RunResult& run, const ScenarioResult& spike,
                                  const std::string& name) {
    const ScenarioResult* last = nullptr;
    for (const auto& s : run.scenarios) {
        if (&s == &spike && name.empty()) break;
        if (&s != &spike && (name.empty() ? !is_spike(s) : s.name == name)) last = &s;
    }
    return last;
}

double p95(const measure::TaskStats& stats) {
    return to_ms(stats.response_time.percentile(0.95));
}

ThresholdResult compared(const std::string& what, const ScenarioResult& spike,
                         const ScenarioResult& base, double high, double low,
                         const scenario::SuiteSettings& settings) {
    ThresholdResult t;
    t.name = fmt::format("p95_ratio({}, {} / {})", what, spike.name, base.name);
    t.criterion = fmt::format("p95 of {}: {} against {}", what, spike.name, base.name);
    t.comparison = "<=";
    t.bound_value = settings.latency_ratio_max;
    t.bound = fmt::format("≤ {} ×", result::short_number(settings.latency_ratio_max, 2));
    t.unit = "ratio";
    const double ratio = low > 0 ? high / low : 1;
    t.actual_value = ratio;
    t.actual = fmt::format("{} ×", result::number(ratio, 2));
    t.pass = ratio <= settings.latency_ratio_max;
    const double ignored = to_ms(settings.latency_ratio_ignore);
    if (!t.pass && high - low < ignored) {
        t.pass = true;
        t.note = fmt::format("{}: {} against {} ms: a difference below {} ms is none", t.criterion,
                             result::ms(high), result::ms(low), result::ms(ignored));
    }
    return t;
}

}  // namespace

std::vector<ThresholdResult> judge_suite(const result::RunResult& run,
                                         const scenario::SuiteSettings& settings) {
    std::vector<ThresholdResult> out;
    if (settings.latency_ratio_max <= 0) return out;
    for (const auto& spike : run.scenarios) {
        if (!is_spike(spike)) continue;
        const ScenarioResult* base = baseline_of(run, spike, settings.baseline);
        if (base == nullptr) continue;
        const auto add = [&](const std::string& what, const measure::TaskStats& high,
                             const measure::TaskStats& low) {
            if (high.response_time.count() == 0 || low.response_time.count() == 0) return;
            out.push_back(compared(what, spike, *base, p95(high), p95(low), settings));
        };
        add("all requests", spike.totals, base->totals);
        for (const auto& task : spike.tasks) {
            const auto same = std::find_if(base->tasks.begin(), base->tasks.end(),
                                           [&](const auto& t) { return t.name == task.name; });
            if (same != base->tasks.end() && spike.tasks.size() > 1)
                add(task.name, task.stats, same->stats);
        }
    }
    return out;
}

bool criteria_hold(const result::RunResult& run) {
    const bool witnessed = std::any_of(run.scenarios.begin(), run.scenarios.end(),
                                       [](const ScenarioResult& s) { return !s.witness.empty(); });
    return std::none_of(run.criteria.begin(), run.criteria.end(), [&](const result::Criterion& c) {
        using enum result::CriterionAnswer;
        return c.answer == not_met || (witnessed && c.answer == not_exercised);
    });
}

}  // namespace squadload::verdict
