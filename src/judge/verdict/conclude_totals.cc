#include "judge/verdict/conclude_totals.h"

#include <fmt/format.h>

#include <algorithm>

#include "judge/verdict/verdict.h"
#include "judge/verdict/words.h"
#include "load/scenario/entries.h"

namespace squadload::verdict {
namespace {

using result::ScenarioResult;
using result::ThresholdResult;
using result::Verdict;

ThresholdResult unknowable(ThresholdResult t, const std::string& why) {
    t.actual = "cannot be judged";
    t.actual_value.reset();
    t.pass = false;
    t.note = fmt::format("{} cannot be judged: {}", t.name, why);
    return t;
}

ThresholdResult judge_totals(const Threshold& t, const ScenarioResult& s,
                             const std::vector<measure::TaskStats>& tasks,
                             const std::vector<measure::IterationStats>& iterations,
                             const TotalsSource& source) {
    if (auto why = source.unknown ? source.unknown(t) : std::string(); !why.empty())
        return unknowable(unjudged(t), why);
    Sample sample = sample_for(t, tasks, iterations);
    // Where the tasks are not all that was counted, or less exact than their sum.
    if (!is_on_iterations(t.figure) && t.entries.empty()) sample.requests = s.totals;
    auto out = judge_sample(t, sample, s.duration_s);
    if (t.figure != Figure::percentile || !out.actual_value || !source.percentile) return out;
    const auto exact = source.percentile(t);
    return exact ? judge_value(t, *exact, sample.requests.response_time.count()) : out;
}

// The class, task or on_start that a step's label begins with, and the step.
void add_entry(scenario::Scenario& scenario, const ScenarioResult& s, const std::string& label) {
    auto& user = scenario.classes.front();
    const auto dot = label.rfind('.');
    const auto head = dot == std::string::npos ? "" : label.substr(0, dot);
    const bool steps = std::any_of(s.iterations.begin(), s.iterations.end(),
                                   [&](const auto& i) { return i.task == head; });
    if (head == "on_start" || head == "on_stop") {
        auto& part = head == "on_start" ? user.on_start : user.on_stop;
        part.emplace_back().name = label.substr(dot + 1);
        return;
    }
    if (!steps) {
        user.tasks.emplace_back().name = label;
        return;
    }
    auto task = std::find_if(user.tasks.begin(), user.tasks.end(),
                             [&](const auto& t) { return t.name == head; });
    if (task == user.tasks.end()) {
        task = user.tasks.emplace(user.tasks.end());
        task->name = head;
    }
    task->steps.emplace_back().name = label.substr(dot + 1);
}

}  // namespace

Result<TotalsBounds> compile_for_totals(scenario::Scenario scenario) {
    auto thresholds = compile(scenario.thresholds, scenario);
    if (!thresholds) return tl::unexpected(thresholds.error());
    auto providers = compile_provider_bounds(scenario.thresholds);
    if (!providers) return tl::unexpected(providers.error());
    return TotalsBounds{std::move(scenario), *std::move(thresholds), *std::move(providers)};
}

scenario::Scenario skeleton(const ScenarioResult& s, const std::vector<ThresholdResult>& bounds) {
    scenario::Scenario out;
    out.name = s.name;
    out.kind = s.kind == "spike" ? scenario::Kind::spike : scenario::Kind::steady;
    out.model = s.model == "open" ? scenario::Model::open : scenario::Model::closed;
    out.classes.emplace_back().name = "users";
    for (const auto& task : s.tasks) add_entry(out, s, task.name);
    const auto& known = known_threshold_keys();
    for (const auto& bound : bounds) {
        const bool key = std::find(known.begin(), known.end(), bound.name) != known.end();
        out.thresholds.push_back({key ? bound.name : "",
                                  key ? fmt::format("{:.17f}", bound.bound_value) : bound.name,
                                  {}});
    }
    return out;
}

std::vector<measure::TaskStats> stats_by_entry(const ScenarioResult& s,
                                               const scenario::Scenario& scenario) {
    std::vector<measure::TaskStats> out;
    for (const auto& label : scenario::entry_labels(scenario)) {
        auto& stats = out.emplace_back();
        for (const auto& task : s.tasks)
            if (task.name == label) stats = task.stats;
    }
    return out;
}

std::vector<measure::IterationStats> iterations_by_sequence(const ScenarioResult& s,
                                                            const scenario::Scenario& scenario) {
    std::vector<measure::IterationStats> out;
    for (const auto& label : scenario::sequence_labels(scenario)) {
        auto& stats = out.emplace_back();
        for (const auto& one : s.iterations)
            if (one.task == label) stats = one.stats;
    }
    return out;
}

void conclude_totals(ScenarioResult& s, const TotalsBounds& bounds, const TotalsSource& source) {
    const auto tasks = stats_by_entry(s, bounds.scenario);
    const auto iterations = iterations_by_sequence(s, bounds.scenario);
    std::vector<ThresholdResult> judged;
    for (const auto& t : bounds.thresholds)
        judged.push_back(judge_totals(t, s, tasks, iterations, source));
    if (!source.providers_unknown.empty())
        for (const auto& bound : bounds.providers)
            judged.push_back(unknowable(judge(bound, s), source.providers_unknown));
    s.thresholds.insert(s.thresholds.begin(), judged.begin(), judged.end());
    if (s.verdict == Verdict::pass) {
        s.verdict_reason = failed_reason(s, bounds.thresholds);
        if (!s.verdict_reason.empty()) s.verdict = Verdict::fail;
    }
    if (auto few = few_samples_text(s); !few.empty()) s.notes.push_back(std::move(few));
    if (s.thresholds.empty() && bounds.providers.empty())
        s.notes.emplace_back("no criteria are set: any run with a success passes");
    // What the witness found broken counts also where no bound on it can be judged.
    const bool known = source.providers_unknown.empty();
    conclude_providers(s, known ? bounds.providers : std::vector<ProviderBound>{}, {});
}

}  // namespace squadload::verdict
