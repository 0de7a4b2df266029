#include "judge/verdict/verdict.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "base/units.h"
#include "judge/result/figures.h"
#include "judge/verdict/suite.h"
#include "judge/verdict/words.h"
#include "load/scenario/config.h"
#include "load/scenario/entries.h"

namespace squadload::verdict {
namespace {

using engine::StopReason;
using measure::Outcome;
using result::ScenarioResult;
using result::ThresholdResult;
using result::Verdict;

const char* stop_name(StopReason reason) {
    switch (reason) {
        case StopReason::interrupted:
            return "interrupted";
        case StopReason::terminated:
            return "terminated";
        case StopReason::fail_fast:
            return "fail_fast";
        case StopReason::schedule_ended:
            break;
    }
    return "schedule_ended";
}

// "http://user:secret@host" → "http://***@host".
std::string without_secrets(const std::string& url) {
    const auto scheme = url.find("://");
    const auto start = scheme == std::string::npos ? 0 : scheme + 3;
    const auto path = url.find_first_of("/?#", start);
    const auto at = url.rfind('@', path == std::string::npos ? path : path - 1);
    if (at == std::string::npos || at < start) return url;
    return url.substr(0, start) + "***" + url.substr(at);
}

std::string advice(const engine::Measurements& m) {
    return fmt::format(
        "lower the rate, raise --workers (now {}), or use a machine with nothing else to do",
        m.workers);
}

std::vector<std::string> void_reasons(const measure::DeliveredAudit& a,
                                      const engine::Measurements& m) {
    std::vector<std::string> out;
    if (a.generator_lag_p99_ms > a.lag_budget_ms) {
        out.push_back(fmt::format(
            "the generator could not start requests on time: its lag at p99 is {} ms and its "
            "budget {} ms; {}",
            result::ms(a.generator_lag_p99_ms), result::ms(a.lag_budget_ms), advice(m)));
    }
    if (a.unsent_while_free > 0) {
        out.push_back(fmt::format(
            "the generator left {} of {} scheduled requests unsent although slots were free; {}",
            result::thousands(a.unsent_while_free), result::thousands(a.scheduled), advice(m)));
    }
    if (m.own_limit_hits > 0) {
        out.push_back(fmt::format("{} could not be made by this machine: {}",
                                  result::plural(m.own_limit_hits, "request"), m.own_limit));
    }
    return out;
}

measure::TaskStats merged(const std::vector<measure::TaskStats>& tasks) {
    measure::TaskStats all;
    for (const auto& task : tasks) all.merge(task);
    return all;
}

std::string rate_text(double per_s) {
    return result::short_number(per_s, 2) + "/s";
}

std::string nothing_succeeded(const ScenarioResult& s) {
    std::string out = fmt::format("not one of {} succeeded",
                                  result::plural(s.totals.outcomes.requests(), "request"));
    if (s.failures.empty()) return out;
    const auto& most = s.failures.front();
    return out + fmt::format("; most often {}: {} ({})", measure::name(most.outcome), most.message,
                             result::thousands(most.count));
}

std::string interrupted_reason(const ScenarioResult& s, const scenario::Scenario& scenario) {
    const char* how =
        s.stop_reason == "terminated" ? "stopped by SIGTERM" : "stopped by Ctrl-C (SIGINT)";
    std::string out =
        fmt::format("{} after {}", how, result::clock(from_seconds(s.schedule_duration_s)));
    if (scenario.duration != Nanos::max()) out += " of " + result::clock(scenario.duration);
    return out;
}

// A stop by fail-fast judges the target unless its figure contains the generator's own lag.
bool judges_target(const ThresholdResult& fail_fast) {
    return fail_fast.unit != "ms";
}

bool bounds_unsent(const std::vector<Threshold>& thresholds) {
    return std::any_of(thresholds.begin(), thresholds.end(), [](const Threshold& t) {
        return t.figure == Figure::outcome_count && t.outcome == Outcome::unsent;
    });
}

void decide(ScenarioResult& s, const engine::Plan& plan, const std::vector<Threshold>& thresholds,
            const std::optional<ThresholdResult>& fail_fast, const Policy& policy) {
    const bool stopped_by_bound = s.stop_reason == "fail_fast" && fail_fast;
    const bool counts = s.audit.void_reasons.empty() || policy.allow_void;
    const auto set = [&](Verdict verdict, std::string reason) {
        s.verdict = verdict;
        s.verdict_reason = std::move(reason);
    };
    if (s.stop_reason == "interrupted" || s.stop_reason == "terminated") {
        return set(Verdict::interrupted, interrupted_reason(s, plan.scenario));
    }
    if (!counts && !(stopped_by_bound && judges_target(*fail_fast))) {
        return set(Verdict::void_run, s.audit.void_reasons.front());
    }
    if (stopped_by_bound) {
        return set(
            Verdict::fail,
            fmt::format("stopped early at {}: {}",
                        result::clock(from_seconds(fail_fast->first_broken_at_s.value_or(0))),
                        broken_text(*fail_fast)));
    }
    auto reason = failed_reason(s, thresholds);
    const auto verdict = reason.empty() ? Verdict::pass : Verdict::fail;
    set(verdict, std::move(reason));
}

void add_notes(ScenarioResult& s, const scenario::Scenario& scenario, const Policy& policy) {
    s.notes = scenario.notes;
    const auto& outcomes = s.totals.outcomes;
    const bool void_shown = s.verdict == Verdict::void_run;
    for (std::size_t i = void_shown ? 1 : 0; i < s.audit.void_reasons.size(); ++i) {
        const char* lead =
            policy.allow_void ? "counts only because of --allow-void: " : "the run would be VOID: ";
        s.notes.push_back((void_shown ? "" : lead) + s.audit.void_reasons[i]);
    }
    if (const auto& r = s.audit.randomness; r && !r->within(4)) {
        s.notes.push_back(fmt::format(
            "arrivals were not as random as planned: dispersion index {} (1 ± {}), lag-1 "
            "correlation {} (0 ± {})",
            result::number(r->dispersion_index, 3), result::number(4 * r->dispersion_error, 3),
            result::number(r->lag1_correlation, 3), result::number(4 * r->lag1_error, 3)));
    }
    if (!s.audit.randomness_note.empty()) s.notes.push_back(s.audit.randomness_note);
    if (const auto waiting = never_started(s); waiting > 0) {
        s.notes.push_back(
            fmt::format("{} never started: no user or connection came free before the end",
                        result::plural(waiting, "scheduled request")));
    }
    if (outcomes[Outcome::abandoned] > 0) {
        s.notes.push_back(fmt::format("{} still in flight when graceful_stop ({}) ended",
                                      result::plural(outcomes[Outcome::abandoned], "request"),
                                      format_duration(scenario.graceful_stop)));
    }
    if (auto few = few_samples_text(s); !few.empty()) s.notes.push_back(std::move(few));
    if (s.thresholds.empty())
        s.notes.emplace_back("no criteria are set: any run with a success passes");
}

std::string scheme_of_load(const scenario::Scenario& s) {
    const bool poisson = s.arrivals == pacing::Arrivals::poisson;
    const std::string arrivals =
        std::string(poisson ? "poisson" : "constant") + (has_iterations(s) ? " iterations" : "");
    if (s.rates.empty()) return "open";
    const auto& first = s.rates.front();
    const bool flat =
        std::all_of(s.rates.begin(), s.rates.end(), [&](const pacing::RateStage& stage) {
            return stage.start_per_s == first.start_per_s && stage.end_per_s == first.start_per_s;
        });
    if (flat) return fmt::format("open {} {}", rate_text(first.start_per_s), arrivals);
    double low = first.start_per_s;
    double high = low;
    for (const auto& stage : s.rates) {
        low = std::min({low, stage.start_per_s, stage.end_per_s});
        high = std::max({high, stage.start_per_s, stage.end_per_s});
    }
    const auto stages = result::plural(s.rates.size(), "stage");
    return fmt::format("open {} to {} in {}, {}", rate_text(low), rate_text(high), stages,
                       arrivals);
}

void add_tasks(ScenarioResult& s, const engine::Plan& plan, const engine::Measurements& m) {
    const auto labels = entry_labels(plan.scenario);
    const auto sequences = number_sequences(plan.scenario);
    std::vector<std::string> methods;
    for (const auto ref : number_entries(plan.scenario)) {
        methods.push_back(request_of(plan.scenario, sequences[ref.sequence], ref.step).method);
    }
    for (std::size_t i = 0; i < m.tasks.size(); ++i) {
        result::TaskResult task;
        task.name = i < labels.size() ? labels[i] : m.task_names[i];
        task.entry_name = i < m.entry_names.size() ? m.entry_names[i] : task.name;
        task.method = i < methods.size() ? methods[i] : "";
        task.stats = m.tasks[i];
        s.tasks.push_back(std::move(task));
    }
}

void add_iterations(ScenarioResult& s, const scenario::Scenario& scenario,
                    const engine::Measurements& m) {
    const auto sequences = number_sequences(scenario);
    const auto labels = sequence_labels(scenario);
    for (std::size_t i = 0; i < std::min(m.iterations.size(), sequences.size()); ++i) {
        if (has_iterations(scenario, sequences[i])) {
            s.iterations.push_back({labels[i], m.iterations[i]});
        }
    }
}

// Requests that were never sent, because a variable they write was not set, as far as the
// iterations do not tell.
void add_unfit_notes(ScenarioResult& s, const scenario::Scenario& scenario,
                     const engine::Measurements& m) {
    const auto sequences = number_sequences(scenario);
    const auto labels = sequence_labels(scenario);
    for (std::size_t i = 0; i < std::min(m.iterations.size(), sequences.size()); ++i) {
        if (has_iterations(scenario, sequences[i])) continue;
        const bool task = sequences[i].part == scenario::Part::task;
        for (const auto& reason : m.iterations[i].reasons) {
            s.notes.push_back(
                task ? fmt::format("{} of {} ended {}", result::plural(reason.count, "iteration"),
                                   labels[i], reason.text)
                     : fmt::format("{} ended {} {}", labels[i],
                                   result::plural(reason.count, "time"), reason.text));
        }
    }
}

}  // namespace

// Scheduled requests that found no slot before the end: the target's doing, or the bound's.
std::uint64_t never_started(const ScenarioResult& s) {
    const auto unsent = s.totals.outcomes[Outcome::unsent];
    return unsent - std::min(unsent, s.audit.unsent_while_free);
}

// What the whole run's percentiles rest on, as far as no criterion says it.
std::string few_samples_text(const ScenarioResult& s) {
    const std::uint64_t n = s.totals.response_time.count();
    if (s.totals.outcomes.completed() == 0) return {};
    std::string few;
    for (const double q : {0.5, 0.75, 0.9, 0.95, 0.99, 0.999}) {
        const auto wanted = samples_wanted(q);
        const bool said =
            std::any_of(s.thresholds.begin(), s.thresholds.end(),
                        [&](const ThresholdResult& t) { return t.note == few_samples_note(q, n); });
        if (n >= wanted || said) continue;
        few += fmt::format("{}{} ({} wanted)", few.empty() ? "" : ", ", quantile_name(q),
                           result::thousands(wanted));
    }
    if (few.empty()) return {};
    return fmt::format("only {} for {}", result::plural(n, "sample"), few);
}

std::string failed_reason(const ScenarioResult& s, const std::vector<Threshold>& thresholds) {
    if (s.totals.outcomes.requests() == 0)
        return "no request was sent, so there is nothing to judge";
    if (s.totals.outcomes.ok() == 0) return nothing_succeeded(s);
    if (auto reason = broken_reason(s.thresholds); !reason.empty()) return reason;
    // A load that was not taken is not green, however well the part fared that was.
    if (never_started(s) == 0 || bounds_unsent(thresholds)) return {};
    return fmt::format(
        "{} of {} scheduled requests never started: no user or connection came free before the end",
        result::thousands(never_started(s)), result::thousands(s.totals.outcomes.scheduled()));
}

measure::DeliveredAudit audit(const engine::Measurements& m, const scenario::Scenario& scenario,
                              const Policy& policy) {
    const auto all = merged(m.tasks);
    measure::DeliveredAudit a;
    a.scheduled = m.scheduled;
    a.sent = m.sent;
    a.unsent = all.outcomes[Outcome::unsent];
    a.unsent_while_free = m.unsent_while_free;
    const bool open = scenario.model == scenario::Model::open;
    // The schedule asks for iterations; without flows each is a request.
    const std::uint64_t due = open && m.arrivals > 0 ? m.arrivals : m.scheduled;
    const std::uint64_t started = open && m.arrivals > 0 ? m.arrivals_started : m.sent;
    if (const double seconds = to_seconds(m.schedule_duration); seconds > 0) {
        a.planned_rate_per_s = open ? static_cast<double>(due) / seconds : 0;
        a.delivered_rate_per_s = static_cast<double>(started) / seconds;
    }
    if (due > 0) a.rate_error = static_cast<double>(started) / static_cast<double>(due) - 1;
    a.generator_lag_p50_ms = to_ms(all.generator_lag.percentile(0.5));
    a.generator_lag_p99_ms = to_ms(all.generator_lag.percentile(0.99));
    a.generator_lag_max_ms = to_ms(all.generator_lag.max());
    a.blocked_p50_ms = to_ms(all.blocked.percentile(0.5));
    a.blocked_p99_ms = to_ms(all.blocked.percentile(0.99));
    a.blocked_max_ms = to_ms(all.blocked.max());
    const double median = to_ms(all.response_time.percentile(0.5));
    a.lag_budget_ms = policy.lag_budget_ms.value_or(std::max(10.0, 0.05 * median));
    if (open && scenario.arrivals == pacing::Arrivals::poisson) {
        const bool whole = m.stop_reason == StopReason::schedule_ended;
        if (whole) a.randomness = measure::randomness(m.arrival_bins);
        if (!whole) {
            a.randomness_note =
                "the run was stopped early, so the randomness of its arrivals was not checked";
        } else if (!a.randomness) {
            a.randomness_note =
                fmt::format("too few arrivals to check their randomness; that needs {}",
                            result::thousands(measure::kAuditBins));
        }
    }
    a.void_reasons = void_reasons(a, m);
    return a;
}

ScenarioResult conclude(const engine::Plan& plan, const engine::Measurements& m,
                        const std::vector<Threshold>& thresholds,
                        const std::optional<ThresholdResult>& fail_fast, const Policy& policy) {
    const auto& scenario = plan.scenario;
    ScenarioResult s;
    s.name = scenario.name;
    s.description = scenario.description;
    s.kind = scenario.kind == scenario::Kind::spike ? "spike" : "steady";
    s.model = scenario.model == scenario::Model::open ? "open" : "closed";
    s.load_description = load_description(scenario);
    s.target = without_secrets(scenario.target.host);
    s.proxy = plan.origin.proxy;
    s.tls = m.tls;
    s.backend = m.backend;
    s.workers = m.workers;
    s.started_at = utc_iso8601(m.started_at);
    s.schedule_duration_s = to_seconds(m.schedule_duration);
    s.duration_s = to_seconds(std::max(Nanos{0}, m.duration - m.first_start));
    s.seed = scenario.seed;
    s.connections_opened = m.connections_opened;
    s.stop_reason = stop_name(m.stop_reason);
    s.totals = merged(m.tasks);
    s.throughput_per_s = result::throughput_per_s(s.totals.outcomes, s.duration_s);
    add_tasks(s, plan, m);
    add_iterations(s, plan.scenario, m);
    s.series = m.series;
    for (const auto& threshold : thresholds)
        s.thresholds.push_back(judge(threshold, m.tasks, s.duration_s, m.iterations));
    if (fail_fast && m.stop_reason == StopReason::fail_fast) s.thresholds.push_back(*fail_fast);
    s.audit = audit(m, scenario, policy);
    s.failures = m.failures.groups();
    std::sort(s.failures.begin(), s.failures.end(), [](const auto& a, const auto& b) {
        return std::tie(b.count, a.first, a.task, a.outcome, a.message) <
               std::tie(a.count, b.first, b.task, b.outcome, b.message);
    });
    s.configuration_yaml = scenario::to_yaml(scenario);
    decide(s, plan, thresholds, fail_fast, policy);
    add_notes(s, scenario, policy);
    add_unfit_notes(s, scenario, m);
    return s;
}

std::string load_description(const scenario::Scenario& scenario) {
    if (scenario.model == scenario::Model::open) return scheme_of_load(scenario);
    return "closed, " + result::plural(scenario.users, "user");
}

void conclude_run(result::RunResult& run, bool terminated) {
    const auto any = [&](Verdict v) {
        return std::any_of(run.scenarios.begin(), run.scenarios.end(),
                           [&](const ScenarioResult& s) { return s.verdict == v; });
    };
    const bool suite_broken = std::any_of(run.suite_thresholds.begin(), run.suite_thresholds.end(),
                                          [](const ThresholdResult& t) { return !t.pass; });
    if (run.scenarios.empty() || any(Verdict::interrupted)) {
        run.verdict = Verdict::interrupted;
        run.exit_code = terminated ? result::ExitCode::terminated : result::ExitCode::interrupted;
    } else if (any(Verdict::fail) || suite_broken || !criteria_hold(run)) {
        run.verdict = Verdict::fail;
        run.exit_code = result::ExitCode::fail;
    } else if (any(Verdict::void_run)) {
        run.verdict = Verdict::void_run;
        run.exit_code = result::ExitCode::void_run;
    } else {
        run.verdict = Verdict::pass;
        run.exit_code = result::ExitCode::pass;
    }
}

}  // namespace squadload::verdict
