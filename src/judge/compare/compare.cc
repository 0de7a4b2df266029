#include "judge/compare/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "judge/compare/noise.h"

namespace squadload::compare {
namespace {

using result::RunResult;
using result::ScenarioResult;

// That any figure of two runs that are alike is called different.
constexpr double kFalseAlarm = 0.001;
constexpr std::array<std::pair<double, const char*>, 6> kQuantiles{{{0.5, "p50 response"},
                                                                    {0.75, "p75 response"},
                                                                    {0.9, "p90 response"},
                                                                    {0.95, "p95 response"},
                                                                    {0.99, "p99 response"},
                                                                    {0.999, "p99.9 response"}}};
constexpr std::size_t kFiguresPerTask = kQuantiles.size() + 3;  // mean, failed, rate limited

std::uint64_t count_failed(const measure::OutcomeCounts& c) {
    return c.failed();
}
std::uint64_t count_rate_limited(const measure::OutcomeCounts& c) {
    return c.rate_limited();
}

// One scenario of both runs, and what all its figures need.
struct Pair {
    const ScenarioResult& a;
    const ScenarioResult& b;
    const Tolerance& tolerance;
    const Spans& spans;
    // The same for every task: the seconds hold all tasks together.
    Noise failed = spans.outcome(count_failed);
    Noise rate_limited = spans.outcome(count_rate_limited);
};

// Larger is worse for every figure but a rate of good answers.
Finding judged(const Interval& d, double a, double least, bool larger_is_worse) {
    if (d.low <= 0 && d.high >= 0) return Finding::same;
    const bool worse = (d.value > 0) == larger_is_worse;
    if (!worse) return Finding::better;
    return std::abs(d.value) > std::max(least, a) ? Finding::regression : Finding::worse;
}

void set_interval(Difference& row, const Interval& d) {
    row.low = d.low;
    row.high = d.high;
}

Difference time_row(const Pair& pair, const std::string& task, const char* figure,
                    const std::optional<Interval>& a, const std::optional<Interval>& b) {
    Difference row{task, figure, "ms", {}, {}, {}, {}, Finding::unknown};
    if (!a || !b) return row;
    const auto d = difference(*a, *b);
    set_interval(row, d);
    row.finding = judged(d, a->value * pair.tolerance.relative, pair.tolerance.time_ms, true);
    return row;
}

void add_times(const Pair& pair, const std::string& task, const measure::Histogram& a,
               const measure::Histogram& b, std::vector<Difference>& rows) {
    const auto& [effect, z, seen] = pair.spans.times();
    const auto add = [&](Difference row, double value_a, double value_b) {
        if (a.count() > 0) row.a = value_a;
        if (b.count() > 0) row.b = value_b;
        rows.push_back(std::move(row));
    };
    add(time_row(pair, task, "mean response", mean_interval(a, effect, z),
                 mean_interval(b, effect, z)),
        a.mean_ns() / 1e6, b.mean_ns() / 1e6);
    for (const auto& [q, figure] : kQuantiles)
        add(time_row(pair, task, figure, quantile_interval(a, q, effect, z),
                     quantile_interval(b, q, effect, z)),
            to_ms(a.percentile(q)), to_ms(b.percentile(q)));
}

void add_share(const Pair& pair, const std::string& task, const char* figure, const Noise& noise,
               std::pair<std::uint64_t, std::uint64_t> a, std::pair<std::uint64_t, std::uint64_t> b,
               std::vector<Difference>& rows) {
    Difference row{task, figure, "share", {}, {}, {}, {}, Finding::unknown};
    if (a.second > 0 && b.second > 0) {
        const auto in_a = share_interval(a.first, a.second, noise.effect, noise.z);
        const auto in_b = share_interval(b.first, b.second, noise.effect, noise.z);
        const auto d = difference(in_a, in_b);
        row.a = in_a.value;
        row.b = in_b.value;
        set_interval(row, d);
        row.finding = judged(d, 0, pair.tolerance.share, true);
    }
    rows.push_back(std::move(row));
}

void add_task(const Pair& pair, const std::string& task, const measure::TaskStats& a,
              const measure::TaskStats& b, std::vector<Difference>& rows) {
    add_times(pair, task, a.response_time, b.response_time, rows);
    const auto share = [&](const char* figure, const Noise& noise, const Spans::Part& part) {
        add_share(pair, task, figure, noise, {part(a.outcomes), a.outcomes.requests()},
                  {part(b.outcomes), b.outcomes.requests()}, rows);
    };
    share("failed", pair.failed, count_failed);
    share("rate limited (429)", pair.rate_limited, count_rate_limited);
}

void add_ok_rate(const Pair& pair, std::vector<Difference>& rows) {
    Difference row{"all", "ok per second", "per_s", {}, {}, {}, {}, Finding::unknown};
    const auto rate = pair.spans.ok_rate();
    if (pair.spans.count() > 0) {
        row.a = rate.a;
        row.b = rate.b;
    }
    if (rate.difference) {
        set_interval(row, *rate.difference);
        row.finding = judged(*rate.difference, rate.a * pair.tolerance.relative, 0, false);
    }
    rows.push_back(std::move(row));
}

std::uint64_t calls_of(const ScenarioResult& s, const std::string& provider) {
    for (const auto& p : s.providers)
        if (p.name == provider) return p.calls();
    return 0;
}

// Whom the calls went to is no matter of better or worse.
void add_providers(const Pair& pair, std::vector<Difference>& rows) {
    std::vector<std::string> names;
    std::uint64_t all_a = 0, all_b = 0;
    for (const auto& [s, all] : {std::pair{&pair.a, &all_a}, std::pair{&pair.b, &all_b}})
        for (const auto& p : s->providers) {
            *all += p.calls();
            if (std::find(names.begin(), names.end(), p.name) == names.end())
                names.push_back(p.name);
        }
    if (all_a == 0 || all_b == 0) return;
    for (const auto& name : names) {
        add_share(pair, "provider " + name, "share of calls", pair.spans.provider(name),
                  {calls_of(pair.a, name), all_a}, {calls_of(pair.b, name), all_b}, rows);
        if (auto& row = rows.back(); row.finding != Finding::same) row.finding = Finding::differs;
    }
}

const result::TaskResult* task_named(const ScenarioResult& s, const std::string& name) {
    for (const auto& task : s.tasks)
        if (task.name == name) return &task;
    return nullptr;
}

void add_notes(const ScenarioResult& a, const ScenarioResult& b, ScenarioComparison& out) {
    const auto differs = [&](const std::string& what, const std::string& in_a,
                             const std::string& in_b) {
        if (in_a != in_b)
            out.notes.push_back(fmt::format("{} differs: {} in A, {} in B", what, in_a, in_b));
    };
    differs("the load", a.load_description, b.load_description);
    if (a.time_scale != b.time_scale)
        differs("the time scale", fmt::format("{}", a.time_scale), fmt::format("{}", b.time_scale));
    if (std::abs(a.duration_s - b.duration_s) > 0.1 * std::max(a.duration_s, b.duration_s))
        differs("the length", fmt::format("{:.0f} s", a.duration_s),
                fmt::format("{:.0f} s", b.duration_s));
    differs("the verdict", std::string(name(a.verdict)), std::string(name(b.verdict)));
    for (const auto& task : a.tasks)
        if (task_named(b, task.name) == nullptr)
            out.notes.push_back(fmt::format("task {} is in A alone", task.name));
    for (const auto& task : b.tasks)
        if (task_named(a, task.name) == nullptr)
            out.notes.push_back(fmt::format("task {} is in B alone", task.name));
    if (!out.effect_seen)
        out.notes.push_back(fmt::format(
            "its noise over time cannot be seen (too short, or times too alike): requests are "
            "taken for 1/{:.0f} of as many",
            kAssumedEffect));
}

ScenarioComparison compare_scenarios(const Pair& pair, std::size_t a, std::size_t b) {
    ScenarioComparison out;
    out.name = pair.a.name == pair.b.name ? pair.a.name
                                          : fmt::format("{} and {}", pair.a.name, pair.b.name);
    out.a = a;
    out.b = b;
    out.design_effect = pair.spans.times().effect;
    out.effect_seen = pair.spans.times().seen;
    add_ok_rate(pair, out.differences);
    add_task(pair, "all", pair.a.totals, pair.b.totals, out.differences);
    // One task says the same as all of them.
    if (pair.a.tasks.size() > 1 || pair.b.tasks.size() > 1)
        for (const auto& task : pair.a.tasks)
            if (const auto* other = task_named(pair.b, task.name))
                add_task(pair, task.name, task.stats, other->stats, out.differences);
    add_providers(pair, out.differences);
    add_notes(pair.a, pair.b, out);
    return out;
}

using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

// By name; two runs of one scenario each are about the same thing, whatever it is called.
Pairs pairs_of(const RunResult& a, const RunResult& b, std::vector<std::string>& notes) {
    if (a.scenarios.size() == 1 && b.scenarios.size() == 1) return {{0, 0}};
    Pairs pairs;
    std::vector<bool> taken(b.scenarios.size());
    for (std::size_t i = 0; i < a.scenarios.size(); ++i) {
        bool found = false;
        for (std::size_t j = 0; j < b.scenarios.size() && !found; ++j) {
            if (taken[j] || a.scenarios[i].name != b.scenarios[j].name) continue;
            found = taken[j] = true;
            pairs.emplace_back(i, j);
        }
        if (!found) notes.push_back(fmt::format("scenario {} is in A alone", a.scenarios[i].name));
    }
    for (std::size_t j = 0; j < b.scenarios.size(); ++j)
        if (!taken[j])
            notes.push_back(fmt::format("scenario {} is in B alone", b.scenarios[j].name));
    return pairs;
}

std::string void_reason(const RunResult& a, const RunResult& b, const Pairs& pairs) {
    for (const auto& [run, label] : {std::pair{&a, "A"}, std::pair{&b, "B"}})
        if (run->verdict == result::Verdict::void_run)
            return fmt::format("run {} is VOID: what it measured does not count", label);
    if (pairs.empty()) return "the runs have no scenario in common";
    // A run may fail by one scenario while another of it is VOID.
    for (const auto& [i, j] : pairs)
        for (const auto& [s, label] :
             {std::pair{&a.scenarios[i], "A"}, std::pair{&b.scenarios[j], "B"}})
            if (s->verdict == result::Verdict::void_run)
                return fmt::format("scenario {} of run {} is VOID: what it measured does not count",
                                   s->name, label);
    return "";
}

}  // namespace

std::string_view name(Finding finding) {
    switch (finding) {
        case Finding::same:
            return "within noise";
        case Finding::better:
            return "better";
        case Finding::worse:
            return "worse, within tolerance";
        case Finding::regression:
            return "regression";
        case Finding::differs:
            return "differs";
        case Finding::unknown:
            break;
    }
    return "too few samples";
}

std::size_t Comparison::count(Finding finding) const {
    std::size_t n = 0;
    for (const auto& s : scenarios)
        n += static_cast<std::size_t>(
            std::count_if(s.differences.begin(), s.differences.end(),
                          [&](const Difference& d) { return d.finding == finding; }));
    return n;
}

int Comparison::exit_code() const {
    if (!void_reason.empty()) return result::ExitCode::void_run;
    return count(Finding::regression) > 0 ? result::ExitCode::fail : result::ExitCode::pass;
}

Comparison compare(const RunResult& a, const RunResult& b, const Tolerance& tolerance) {
    Comparison out;
    out.tolerance = tolerance;
    const auto pairs = pairs_of(a, b, out.notes);
    std::size_t figures = 0;
    for (const auto& [i, j] : pairs)
        figures += 1 + (1 + a.scenarios[i].tasks.size()) * kFiguresPerTask +
                   a.scenarios[i].providers.size() + b.scenarios[j].providers.size();
    const double tail = kFalseAlarm / 2 / static_cast<double>(std::max<std::size_t>(figures, 1));
    out.z = normal_quantile(tail);
    for (const auto& [i, j] : pairs) {
        const Spans spans(a.scenarios[i], b.scenarios[j], tail);
        out.scenarios.push_back(
            compare_scenarios({a.scenarios[i], b.scenarios[j], tolerance, spans}, i, j));
    }
    for (const auto& s : out.scenarios) out.judged += s.differences.size();
    out.judged -= out.count(Finding::unknown);
    out.void_reason = void_reason(a, b, pairs);
    return out;
}

}  // namespace squadload::compare
