#include "report/sentences.h"

#include <fmt/format.h>

#include <algorithm>

#include "judge/result/figures.h"

namespace squadload::report {
namespace {

using measure::Outcome;
using result::ScenarioResult;
using result::ThresholdResult;
using result::Verdict;

// "2:00" beyond a minute, "9.9 s" below.
std::string span_text(double seconds) {
    if (seconds < 60) return result::number(seconds, 1) + " s";
    std::string text = result::clock(from_seconds(seconds));
    if (text.starts_with('0')) text.erase(0, 1);
    return text;
}

}  // namespace

bool answered(const ScenarioResult& s) {
    return s.totals.outcomes.completed() > 0;
}

std::string delivered_text(const ScenarioResult& s) {
    const auto& a = s.audit;
    const auto requests = s.totals.outcomes.requests();
    const double seconds = s.schedule_duration_s > 0 ? s.schedule_duration_s : s.duration_s;
    const std::string lag =
        fmt::format("generator lag p99 {} ms", result::ms(a.generator_lag_p99_ms));
    const bool all = requests == s.totals.outcomes.scheduled();
    std::string count = result::plural(requests, "request");
    if (!all) {
        count = fmt::format("{} of {}", result::thousands(requests),
                            result::plural(s.totals.outcomes.scheduled(), "scheduled request"));
    }
    if (s.model == "closed") {
        // Of what another tool measured the lag is not known.
        const bool known = requests == 0 || s.totals.generator_lag.count() > 0;
        return fmt::format("{} in {}, {}, {}/s completed{}", count, span_text(seconds),
                           s.load_description, result::number(s.throughput_per_s, 1),
                           known ? " (" + lag + ")" : "");
    }
    std::string rate =
        result::number(a.delivered_rate_per_s, 1) + (s.iterations.empty() ? "/s" : " iterations/s");
    if (!all) rate += fmt::format(" of {}/s", result::number(a.planned_rate_per_s, 1));
    const bool late = a.generator_lag_p99_ms > a.lag_budget_ms;
    rate += !all                     ? " delivered"
            : late                   ? " sent, but late"
            : a.void_reasons.empty() ? " delivered as scheduled"
                                     : " started as scheduled";
    return fmt::format("{} in {}, {} ({})", count, span_text(seconds), rate, lag);
}

std::string why_not_passed(const ScenarioResult& s) {
    const auto requests = s.totals.outcomes.requests();
    if (s.verdict == Verdict::void_run) return "the run does not count: " + s.verdict_reason;
    if (s.verdict == Verdict::fail && requests > 0 && !answered(s)) {
        const auto& outcomes = s.totals.outcomes;
        const bool heard =
            outcomes[Outcome::protocol_error] + outcomes[Outcome::connection_closed] > 0;
        return heard ? fmt::format("no complete response came from {}: {}", s.target,
                                   s.verdict_reason)
                     : fmt::format("nothing at {} answered: {}", s.target, s.verdict_reason);
    }
    if (s.verdict == Verdict::fail && s.stop_reason != "fail_fast" && s.totals.outcomes.ok() > 0) {
        const auto broken = std::count_if(s.thresholds.begin(), s.thresholds.end(),
                                          [](const ThresholdResult& t) { return !t.pass; });
        return fmt::format("{} of {} {} broken", broken, s.thresholds.size(),
                           s.thresholds.size() == 1 ? "criterion" : "criteria");
    }
    return s.verdict_reason;
}

std::string headline(const ScenarioResult& s) {
    return s.verdict == Verdict::pass ? delivered_text(s) : why_not_passed(s);
}

std::vector<const ThresholdResult*> broken_first(const std::vector<ThresholdResult>& thresholds) {
    std::vector<const ThresholdResult*> out;
    for (const bool pass : {false, true})
        for (const auto& t : thresholds)
            if (t.pass == pass) out.push_back(&t);
    return out;
}

std::string first_broken(const ThresholdResult& t) {
    if (t.pass || !t.first_broken_at_s) return {};
    return "first broken at " + result::clock(from_seconds(*t.first_broken_at_s));
}

}  // namespace squadload::report
