#include "judge/merge/merge.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>

#include "judge/merge/internal.h"

namespace squadload::merge {
namespace {

// Processes that share a load differ in their seeds, and are meant to.
std::string without_seed(const std::string& yaml) {
    std::string out;
    for (std::size_t at = 0; at < yaml.size();) {
        const auto end = std::min(yaml.find('\n', at), yaml.size() - 1) + 1;
        if (yaml.compare(at, 5, "seed:") != 0) out += yaml.substr(at, end - at);
        at = end;
    }
    return out;
}

using internal::Piece;
using internal::Pieces;
using result::ScenarioResult;
using result::Verdict;

// "a", "a + b"; each text once, unless `all` counts them: "2 × a".
std::string joined(const Pieces& pieces, std::string ScenarioResult::* text, const char* between,
                   bool counted = false) {
    std::vector<std::pair<std::string, int>> seen;
    for (const auto& piece : pieces) {
        const auto& one = piece.scenario->*text;
        const auto same = std::find_if(seen.begin(), seen.end(),
                                       [&](const auto& known) { return known.first == one; });
        if (same != seen.end())
            ++same->second;
        else if (!one.empty())
            seen.emplace_back(one, 1);
    }
    std::string out;
    for (const auto& [one, times] : seen) {
        if (!out.empty()) out += between;
        out += counted && times > 1 ? fmt::format("{} × {}", times, one) : one;
    }
    return out;
}

void add_tasks(ScenarioResult& sum, const ScenarioResult& more) {
    for (const auto& theirs : more.tasks) {
        auto same = std::find_if(sum.tasks.begin(), sum.tasks.end(),
                                 [&](const auto& t) { return t.name == theirs.name; });
        if (same == sum.tasks.end()) {
            same = sum.tasks.emplace(sum.tasks.end());
            same->name = theirs.name;
            same->entry_name = theirs.entry_name;
            same->method = theirs.method;
        }
        same->stats.merge(theirs.stats);
    }
    for (const auto& theirs : more.iterations) {
        auto same = std::find_if(sum.iterations.begin(), sum.iterations.end(),
                                 [&](const auto& i) { return i.task == theirs.task; });
        if (same == sum.iterations.end()) same = sum.iterations.insert(same, {theirs.task, {}});
        same->stats.merge(theirs.stats);
    }
}

void add_failures(ScenarioResult& sum, const ScenarioResult& more, Nanos offset) {
    for (measure::FailureGroup group : more.failures) {
        const auto& name = more.tasks[group.task].name;
        const auto task = std::find_if(sum.tasks.begin(), sum.tasks.end(),
                                       [&](const auto& t) { return t.name == name; });
        group.task = static_cast<std::uint16_t>(task - sum.tasks.begin());
        group.first += offset;
        group.last += offset;
        const auto same = std::find_if(sum.failures.begin(), sum.failures.end(), [&](auto& known) {
            return known.task == group.task && known.outcome == group.outcome &&
                   known.message == group.message;
        });
        if (same == sum.failures.end()) {
            sum.failures.push_back(std::move(group));
            continue;
        }
        if (group.first < same->first) {
            same->first = group.first;
            same->status = group.status;
            same->example = std::move(group.example);
        }
        same->last = std::max(same->last, group.last);
        same->count += group.count;
    }
}

void sort_failures(ScenarioResult& s) {
    std::sort(s.failures.begin(), s.failures.end(), [](const auto& a, const auto& b) {
        return std::tie(b.count, a.first, a.task, a.outcome, a.message) <
               std::tie(a.count, b.first, b.task, b.outcome, b.message);
    });
}

// A rate times how long it held is a number of requests: those add up.
void merge_audit(ScenarioResult& sum, const Pieces& pieces) {
    auto& a = sum.audit;
    double due = 0, started = 0;
    for (const auto& piece : pieces) {
        const auto& s = *piece.scenario;
        const auto& one = s.audit;
        a.scheduled += one.scheduled;
        a.sent += one.sent;
        a.unsent += one.unsent;
        a.unsent_while_free += one.unsent_while_free;
        due += one.planned_rate_per_s * s.schedule_duration_s;
        started += one.delivered_rate_per_s * s.schedule_duration_s;
        a.lag_budget_ms = std::max(a.lag_budget_ms, one.lag_budget_ms);
        for (const auto& reason : one.void_reasons)
            a.void_reasons.push_back(pieces.size() > 1 ? piece.file + ": " + reason : reason);
        if (one.randomness || !one.randomness_note.empty())
            a.randomness_note =
                "whether arrivals are as random as planned is told for each file, not for all of "
                "them together";
    }
    if (pieces.size() == 1) {
        a.randomness = pieces.front().scenario->audit.randomness;
        a.randomness_note = pieces.front().scenario->audit.randomness_note;
    }
    if (sum.schedule_duration_s > 0) {
        a.planned_rate_per_s = due / sum.schedule_duration_s;
        a.delivered_rate_per_s = started / sum.schedule_duration_s;
    }
    if (due > 0)
        a.rate_error = started / due - 1;
    else if (a.scheduled > 0)
        a.rate_error = static_cast<double>(a.sent) / static_cast<double>(a.scheduled) - 1;
    const auto& lag = sum.totals.generator_lag;
    a.generator_lag_p50_ms = to_ms(lag.percentile(0.5));
    a.generator_lag_p99_ms = to_ms(lag.percentile(0.99));
    a.generator_lag_max_ms = to_ms(lag.max());
    const auto& blocked = sum.totals.blocked;
    a.blocked_p50_ms = to_ms(blocked.percentile(0.5));
    a.blocked_p99_ms = to_ms(blocked.percentile(0.99));
    a.blocked_max_ms = to_ms(blocked.max());
}

// What is said of a few samples is not true of all of them.
bool is_of_few_samples(const std::string& note) {
    return note.starts_with("only ") && note.find(" sample") != std::string::npos;
}

void merge_notes(ScenarioResult& sum, const Pieces& pieces) {
    const auto everywhere = [&](const std::string& note) {
        return std::all_of(pieces.begin(), pieces.end(), [&](const auto& piece) {
            const auto& notes = piece.scenario->notes;
            return std::find(notes.begin(), notes.end(), note) != notes.end();
        });
    };
    for (const auto& piece : pieces) {
        for (const auto& note : piece.scenario->notes) {
            if (is_of_few_samples(note)) continue;
            const auto text = everywhere(note) ? note : piece.file + ": " + note;
            if (std::find(sum.notes.begin(), sum.notes.end(), text) == sum.notes.end())
                sum.notes.push_back(text);
        }
    }
}

// What is broken at the providers is broken whoever saw it; the rest was judged by what one process
// knew of its own requests.
void merge_witness(ScenarioResult& sum, const Pieces& pieces) {
    std::string left_out;
    for (const auto& piece : pieces) {
        std::size_t others = 0;
        for (auto row : piece.scenario->witness) {
            if (pieces.size() > 1 && row.answer != result::WitnessAnswer::broken) {
                ++others;
                continue;
            }
            if (pieces.size() > 1) row.sentence = piece.file + ": " + row.sentence;
            sum.witness.push_back(std::move(row));
        }
        if (others > 0) left_out += (left_out.empty() ? "" : ", ") + piece.file;
    }
    if (!left_out.empty())
        sum.notes.push_back(fmt::format(
            "checks of the witness are not merged, they stand in the files ({}); what one found "
            "broken is kept",
            left_out));
    for (const auto& piece : pieces)
        for (const auto& event : piece.scenario->events) {
            const bool known =
                std::any_of(sum.events.begin(), sum.events.end(), [&](const auto& one) {
                    return one.label == event.label && one.provider == event.provider &&
                           one.error.empty() == event.error.empty();
                });
            if (!known) sum.events.push_back(event);
        }
}

// The gravest of the parts' endings: one that was not finished, or does not count, makes the whole
// so. What a part failed by is judged again on the whole, but for a stop by fail-fast.
void carry_over(ScenarioResult& sum, const Pieces& pieces) {
    const auto of = [&](const Piece& piece, std::string text) {
        return pieces.size() > 1 ? piece.file + ": " + std::move(text) : text;
    };
    const auto gravest = [](const std::string& reason) {
        return reason == "terminated" ? 3 : reason == "interrupted" ? 2 : reason == "fail_fast";
    };
    sum.stop_reason = "schedule_ended";
    for (const auto& piece : pieces)
        if (gravest(piece.scenario->stop_reason) > gravest(sum.stop_reason))
            sum.stop_reason = piece.scenario->stop_reason;
    const auto first_with = [&](Verdict verdict) {
        return std::find_if(pieces.begin(), pieces.end(),
                            [&](const auto& piece) { return piece.scenario->verdict == verdict; });
    };
    for (const auto verdict : {Verdict::interrupted, Verdict::void_run}) {
        const auto piece = first_with(verdict);
        if (piece == pieces.end()) continue;
        sum.verdict = verdict;
        sum.verdict_reason = of(*piece, piece->scenario->verdict_reason);
        return;
    }
    for (const auto& piece : pieces) {
        if (piece.scenario->stop_reason != "fail_fast") continue;
        if (sum.verdict == Verdict::pass)
            sum.verdict_reason = of(piece, piece.scenario->verdict_reason);
        sum.verdict = Verdict::fail;
    }
}

void carry_fail_fast(ScenarioResult& sum, const Pieces& pieces) {
    for (const auto& piece : pieces)
        for (auto t : piece.scenario->thresholds) {
            if (!internal::is_fail_fast(t)) continue;
            if (pieces.size() > 1) t.note = piece.file + (t.note.empty() ? "" : ": " + t.note);
            sum.thresholds.push_back(std::move(t));
        }
}

void describe(ScenarioResult& sum, const Pieces& pieces) {
    const ScenarioResult& first = *pieces.front().scenario;
    sum.name = first.name;
    sum.description = first.description;
    sum.kind = first.kind;
    sum.model = first.model;
    sum.time_scale = first.time_scale;
    sum.provider_columns = first.provider_columns;
    sum.seed = first.seed;
    sum.started_at = first.started_at;
    sum.configuration_yaml = first.configuration_yaml;
    sum.load_description = joined(pieces, &ScenarioResult::load_description, " + ", true);
    sum.target = joined(pieces, &ScenarioResult::target, ", ");
    sum.proxy = joined(pieces, &ScenarioResult::proxy, ", ");
    sum.tls = joined(pieces, &ScenarioResult::tls, ", ");
    sum.backend = joined(pieces, &ScenarioResult::backend, ", ");
    sum.workers = 0;
    for (const auto& piece : pieces) {
        const auto& s = *piece.scenario;
        const double offset = to_seconds(piece.started - pieces.front().started);
        sum.workers += s.workers;
        sum.connections_opened += s.connections_opened;
        sum.duration_s = std::max(sum.duration_s, offset + s.duration_s);
        sum.schedule_duration_s = std::max(sum.schedule_duration_s, offset + s.schedule_duration_s);
    }
}

ScenarioResult merged(const Pieces& pieces) {
    ScenarioResult sum;
    describe(sum, pieces);
    for (const auto& piece : pieces) {
        sum.totals.merge(piece.scenario->totals);
        add_tasks(sum, *piece.scenario);
        add_failures(sum, *piece.scenario, piece.started - pieces.front().started);
    }
    sort_failures(sum);
    sum.throughput_per_s = result::throughput_per_s(sum.totals.outcomes, sum.duration_s);
    sum.series = internal::merged_series(pieces);
    carry_over(sum, pieces);
    carry_fail_fast(sum, pieces);
    merge_audit(sum, pieces);
    merge_notes(sum, pieces);
    if (pieces.size() == 1) {
        sum.providers = pieces.front().scenario->providers;
    } else {
        const auto yaml = without_seed(pieces.front().scenario->configuration_yaml);
        sum.notes.push_back(fmt::format(
            "merged from {} files; of each second, service time, generator lag and blocked time "
            "are "
            "the highest of the parts, and response times where several parts have some are those "
            "of Locust's rounding: only the run's own figures are exact",
            pieces.size()));
        if (std::any_of(pieces.begin(), pieces.end(), [&](const auto& piece) {
                return without_seed(piece.scenario->configuration_yaml) != yaml;
            }))
            sum.notes.push_back(
                fmt::format("the parts were configured differently; the "
                            "configuration shown is that of {}",
                            pieces.front().file));
        sum.providers = internal::merged_providers(pieces, sum.notes);
        for (auto& p : sum.providers)
            while (!p.series.empty() && p.series.size() < sum.series.size()) {
                auto& fresh = p.series.emplace_back();
                fresh.second = static_cast<std::uint32_t>(p.series.size() - 1);
            }
    }
    merge_witness(sum, pieces);
    return sum;
}

// The order of the arguments decides nothing.
void sort(std::vector<Part>& parts) {
    std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
        const auto key = [](const Part& part) {
            return std::tie(part.run.scenarios.front().started_at, part.run.scenarios.front().seed,
                            part.file);
        };
        return key(a) < key(b);
    });
}

}  // namespace

Result<result::RunResult> merge(std::vector<Part> parts) {
    const bool complete = std::none_of(parts.begin(), parts.end(),
                                       [](const Part& part) { return part.run.scenarios.empty(); });
    if (complete) sort(parts);
    if (auto why = internal::contradiction(parts); !why.empty())
        return fail(ErrorKind::config, std::move(why));
    const auto& first = parts.front().run;
    result::RunResult run;
    run.tool_version = first.tool_version;
    run.started_at = first.started_at;
    for (const auto& part : parts) run.started_at = std::min(run.started_at, part.run.started_at);
    for (const auto& s : first.scenarios) {
        Pieces pieces;
        for (const auto& part : parts)
            for (const auto& theirs : part.run.scenarios)
                if (theirs.name == s.name)
                    pieces.push_back(
                        {part.file, &theirs, from_utc_iso8601(theirs.started_at).value()});
        std::stable_sort(pieces.begin(), pieces.end(),
                         [](const auto& a, const auto& b) { return a.started < b.started; });
        if (auto why = internal::contradiction(pieces); !why.empty())
            return fail(ErrorKind::config, std::move(why));
        run.scenarios.push_back(merged(pieces));
    }
    return run;
}

}  // namespace squadload::merge
