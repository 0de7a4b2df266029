#include "judge/verdict/capacity.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "judge/result/figures.h"

namespace squadload::verdict {
namespace {

using measure::Outcome;
using result::CapacityStep;
using result::LimitCause;
using result::ScenarioResult;

// The target keeps up when in flight grows by less than this share of what was asked for, beyond
// what chance does to a number of requests in flight (two standard deviations of a Poisson number,
// while both ends are means over a quarter of the schedule).
constexpr double kGrowth = 0.01;

struct Growth {
    double from = 0, to = 0;  // in flight or due
    double seconds = 0;
    double asked = 0;
    [[nodiscard]] bool too_much() const {
        return to - from > kGrowth * asked + 2 * std::sqrt(std::max(from, 1.0));
    }
};

// In flight or waiting for a slot, in the seconds before `end`.
double due(const ScenarioResult& s, std::size_t end, std::size_t seconds) {
    double sum = 0;
    for (std::size_t i = end - seconds; i < end; ++i)
        sum +=
            static_cast<double>(s.series[i].in_flight) + static_cast<double>(s.series[i].backlog);
    return sum / static_cast<double>(seconds);
}

// Over the second half of the schedule.
Growth growth(const ScenarioResult& s) {
    Growth out;
    const auto seconds = static_cast<std::size_t>(s.schedule_duration_s);
    if (seconds < 2 || s.series.size() < seconds) return out;
    const std::size_t half = seconds / 2;
    const std::size_t quarter = std::max<std::size_t>(1, seconds / 4);
    out.from = due(s, half, quarter);
    out.to = due(s, seconds, quarter);
    out.seconds = static_cast<double>(seconds - half);
    for (std::size_t i = half; i < seconds; ++i)
        out.asked += static_cast<double>(s.series[i].scheduled);
    return out;
}

// ok responses per second in the second half of the schedule, when the first have long come back.
double settled_rate(const ScenarioResult& s, std::size_t seconds) {
    const std::size_t half = seconds / 2;
    std::uint64_t ok = 0;
    for (std::size_t i = half; i < seconds; ++i) ok += s.series[i].outcomes.ok();
    return static_cast<double>(ok) / static_cast<double>(seconds - half);
}

std::string broken_text(const result::ThresholdResult& t) {
    return fmt::format("{} {} where {} is asked for", t.criterion, t.actual, t.bound);
}

void find_cause(const ScenarioResult& s, CapacityStep& step) {
    if (s.verdict == result::Verdict::void_run) {
        step.cause = LimitCause::generator;
        step.sentence = s.verdict_reason;
        return;
    }
    const result::ThresholdResult *on_time = nullptr, *other = nullptr;
    for (const auto& t : s.thresholds) {
        if (t.pass) continue;
        auto& first = t.unit == "ms" ? on_time : other;
        if (first == nullptr) first = &t;
    }
    const Growth grown = growth(s);
    if (on_time == nullptr && other == nullptr && !grown.too_much() &&
        s.verdict == result::Verdict::pass)
        return;
    const auto& outcomes = s.totals.outcomes;
    const auto late =
        outcomes[Outcome::timeout] + outcomes[Outcome::abandoned] + outcomes[Outcome::unsent];
    const auto broken =
        outcomes.failed() - outcomes[Outcome::timeout] - outcomes[Outcome::abandoned];
    const auto refused = s.totals.responses_429;
    const bool by_count = other != nullptr || (on_time == nullptr && !grown.too_much());
    step.cause = LimitCause::latency;
    if (by_count && std::max(broken, refused) > late)
        step.cause = refused >= broken ? LimitCause::rate_limiting : LimitCause::errors;
    const bool slow = step.cause == LimitCause::latency;
    if (slow && on_time != nullptr) {
        step.sentence = broken_text(*on_time);
    } else if (slow && grown.too_much()) {
        step.sentence =
            fmt::format("the target fell behind: in flight grew from {} to {} in the last {} s",
                        result::thousands(static_cast<std::uint64_t>(grown.from)),
                        result::thousands(static_cast<std::uint64_t>(grown.to)),
                        result::short_number(grown.seconds, 0));
    } else {
        step.sentence = other != nullptr ? broken_text(*other) : s.verdict_reason;
    }
}

std::string per_s(double rate) {
    return result::short_number(rate, rate < 100 ? 1 : 0) + "/s";
}

std::string_view who(LimitCause cause) {
    switch (cause) {
        case LimitCause::errors:
            return "the target fails above it";
        case LimitCause::rate_limiting:
            return "the target limits the rate above it";
        case LimitCause::generator:
            return "this machine cannot make more load, so the target may take more";
        default:
            return "the target is too slow above it";
    }
}

}  // namespace

CapacityStep judge_step(const ScenarioResult& s, double rate) {
    CapacityStep step;
    step.rate_per_s = rate;
    const auto& outcomes = s.totals.outcomes;
    step.requests = outcomes.requests();
    step.ok = outcomes.ok();
    step.rate_limited = outcomes.rate_limited();
    step.failed = outcomes.failed();
    const auto time = result::summarize(s.totals.response_time);
    step.p50_ms = time.p50;
    step.p95_ms = time.p95;
    step.p99_ms = time.p99;
    step.max_ms = time.max;
    const auto seconds = static_cast<std::size_t>(s.schedule_duration_s);
    if (seconds > 0 && s.series.size() >= seconds) {
        step.in_flight = s.series[seconds - 1].in_flight;
        step.ok_per_s = settled_rate(s, seconds);
    }
    find_cause(s, step);
    return step;
}

void conclude_capacity(result::Capacity& c) {
    const CapacityStep* broken = nullptr;
    for (const auto& step : c.steps) {
        if (!step.held() && (broken == nullptr || step.rate_per_s <= broken->rate_per_s))
            broken = &step;
    }
    c.limit_per_s.reset();
    for (const auto& step : c.steps) {
        if (step.held() && (broken == nullptr || step.rate_per_s < broken->rate_per_s))
            c.limit_per_s = std::max(c.limit_per_s.value_or(0), step.rate_per_s);
    }
    c.broken_per_s.reset();
    c.cause = LimitCause::none;
    if (broken != nullptr) {
        c.broken_per_s = broken->rate_per_s;
        c.cause = broken->cause;
    }
    if (!c.limit_per_s) {
        c.sentence = broken == nullptr ? "nothing was measured"
                                       : fmt::format("not even {} holds: {}", per_s(c.from_per_s),
                                                     broken->sentence);
    } else if (broken == nullptr) {
        c.sentence = *c.limit_per_s >= c.to_per_s
                         ? fmt::format("{} holds, the highest rate asked for", per_s(c.to_per_s))
                         : fmt::format("{} holds; the search was stopped", per_s(*c.limit_per_s));
    } else {
        c.sentence = fmt::format("{} holds; {} does not: {}; {}", per_s(*c.limit_per_s),
                                 per_s(*c.broken_per_s), broken->sentence, who(c.cause));
    }
}

}  // namespace squadload::verdict
