// The summary at the end: verdict, criteria, waiting, tasks, failures, notes.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "judge/result/figures.h"
#include "report/console.h"
#include "report/provider_table.h"
#include "report/sentences.h"
#include "report/text.h"

namespace squadload::report {
namespace {

using measure::Outcome;
using result::ScenarioResult;
using result::summarize;
using result::Summary;
using result::ThresholdResult;
using result::Verdict;

constexpr std::size_t kShownFailures = 5;
constexpr std::size_t kShownTasks = 20;

Tone tone_of(Verdict verdict) {
    if (verdict == Verdict::pass) return Tone::ok;
    return verdict == Verdict::fail ? Tone::failed : Tone::rate_limited;
}

void append(std::string& out, const std::vector<std::string>& lines) {
    for (const auto& text : lines) out += text + "\n";
}

void add_headline(std::string& out, const ScenarioResult& s, const Style& style) {
    const std::string verdict(result::name(s.verdict));
    const bool pass = s.verdict == Verdict::pass;
    const std::string text = printable(fmt::format("{} — {}", s.name, headline(s)), style);
    const std::string indent(verdict.size() + 2, ' ');
    const auto lines = wrapped(text, columns(style) - static_cast<int>(indent.size()));
    Style bold = style;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const std::string lead =
            i == 0 ? painted(painted(verdict, Tone::strong, bold), tone_of(s.verdict), style) + "  "
                   : indent;
        out += lead + lines[i] + "\n";
    }
    if (pass || !answered(s)) return;
    for (const auto& more : wrapped(printable(delivered_text(s), style),
                                    columns(style) - static_cast<int>(indent.size()))) {
        out += indent + painted(more, Tone::muted, style) + "\n";
    }
}

void add_criteria(std::string& out, const std::vector<ThresholdResult>& thresholds,
                  const Style& style) {
    if (thresholds.empty()) return;
    const auto ordered = broken_first(thresholds);
    std::vector<std::string> bounds, actuals;
    for (const auto* t : ordered) {
        bounds.push_back(t->bound);
        actuals.push_back(t->actual);
    }
    align_units(bounds);
    align_units(actuals);
    Table table({{"", false}, {"criterion", false}, {"bound"}, {"actual"}, {"", false, 1}});
    for (std::size_t i = 0; i < ordered.size(); ++i) {
        const auto& t = *ordered[i];
        const Tone tone = t.pass ? Tone::ok : Tone::failed;
        table.add({{t.pass ? "✔" : "✘", tone},
                   {t.criterion},
                   {bounds[i], Tone::muted},
                   {actuals[i], t.pass ? Tone::plain : Tone::failed},
                   {first_broken(t), Tone::failed}});
    }
    out += "\n";
    append(out, table.lines(style));
}

std::vector<std::string> quantile_texts(const Summary& s, int decimals) {
    std::vector<std::string> out;
    for (const double v : {s.p50, s.p75, s.p90, s.p95, s.p99, s.p99_9, s.max}) {
        out.push_back(s.count == 0 ? "–" : result::number(v, decimals));
    }
    return out;
}

// Low priority quantiles leave first where a terminal is narrow.
std::vector<Column> quantile_columns() {
    return {{"p50"}, {"p75", true, 4},   {"p90", true, 3}, {"p95"},
            {"p99"}, {"p99.9", true, 2}, {"max"}};
}

// The rows' quantiles, each row with the decimals its median needs, aligned on the decimal point
// down a column. Beside times of seconds a tenth of a millisecond is enough.
std::vector<std::vector<std::string>> quantile_rows(const std::vector<Summary>& rows) {
    const bool long_times =
        std::any_of(rows.begin(), rows.end(), [](const Summary& s) { return s.max >= 1000; });
    std::vector<std::vector<std::string>> out;
    for (const auto& s : rows) {
        out.push_back(quantile_texts(s, std::min(result::ms_decimals(s.p50), long_times ? 1 : 2)));
    }
    for (std::size_t column = 0; !out.empty() && column < out.front().size(); ++column) {
        std::vector<std::string> texts;
        for (const auto& row : out) texts.push_back(row[column]);
        align_points(texts);
        for (std::size_t i = 0; i < out.size(); ++i) out[i][column] = texts[i];
    }
    return out;
}

struct TaskRow {
    std::string name;
    const measure::TaskStats* stats;
    Summary time;
};

std::vector<Segment> count_cells(const TaskRow& row) {
    const auto& outcomes = row.stats->outcomes;
    const auto cell = [](std::uint64_t n, Tone tone) {
        return Segment{result::thousands(n), n > 0 ? tone : Tone::plain};
    };
    return {{row.name},
            {result::thousands(outcomes.requests())},
            {result::thousands(outcomes.ok())},
            cell(outcomes.rate_limited(), Tone::rate_limited),
            cell(outcomes.failed(), Tone::failed)};
}

void add_tasks(std::string& out, const ScenarioResult& s, const Style& style) {
    std::vector<const result::TaskResult*> tasks;
    for (const auto& task : s.tasks) {
        if (task.stats.outcomes.scheduled() > 0) tasks.push_back(&task);
    }
    const std::size_t used = tasks.size();
    if (used > kShownTasks) {
        std::sort(tasks.begin(), tasks.end(), [](const auto* a, const auto* b) {
            const auto na = a->stats.outcomes.requests();
            const auto nb = b->stats.outcomes.requests();
            return na != nb ? na > nb : a < b;  // file order among equals
        });
        tasks.resize(kShownTasks);
    }
    std::vector<TaskRow> rows;
    for (const auto* task : tasks)
        rows.push_back({task->name, &task->stats, summarize(task->stats.response_time)});
    if (used != 1) rows.push_back({"all", &s.totals, summarize(s.totals.response_time)});
    std::vector<Summary> times;
    for (const auto& row : rows) times.push_back(row.time);
    const auto time_texts = quantile_rows(times);

    const std::vector<Column> count_columns{
        {"task", false}, {"requests"}, {"ok"}, {"429"}, {"failed"}};
    auto all_columns = count_columns;
    auto time_columns = quantile_columns();
    all_columns.insert(all_columns.end(), time_columns.begin(), time_columns.end());
    time_columns.insert(time_columns.begin(), {"response, ms", false});
    Table wide(all_columns), counts(count_columns), quantiles(time_columns);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto cells = count_cells(rows[i]);
        counts.add(cells);
        std::vector<Segment> time_cells{{rows[i].name}};
        for (const auto& text : time_texts[i]) {
            cells.push_back({text});
            time_cells.push_back({text});
        }
        wide.add(std::move(cells));
        quantiles.add(std::move(time_cells));
    }
    out += "\n";
    if (wide.fits(style)) {
        append(out, wide.lines(style));
    } else {
        append(out, counts.lines(style));
        out += "\n";
        append(out, quantiles.lines(style));
    }
    if (used > kShownTasks) {
        out += line({{fmt::format(" … {} more tasks in the metrics file", used - kShownTasks),
                      Tone::muted}},
                    style) +
               "\n";
    }
}

// What users did about 429s, where they did not only note them.
void add_waits(std::string& out, const ScenarioResult& s, const Style& style) {
    const auto& waits = s.totals.retry_wait;
    if (waits.count() == 0) return;
    const std::string retried =
        s.totals.retries == 0 ? std::string()
                              : fmt::format(", {} sent again", result::thousands(s.totals.retries));
    out += line({{fmt::format("   429 responses {}{}; waits p50 {}, max {}",
                              result::thousands(s.totals.responses_429), retried,
                              result::ms(to_ms(waits.percentile(0.5))) + " ms",
                              result::ms(to_ms(waits.max())) + " ms"),
                  Tone::rate_limited}},
                style) +
           "\n";
}

void add_reasons(std::string& out, const std::vector<const result::IterationResult*>& iterations,
                 const Style& style) {
    struct Why {
        std::uint64_t count;
        std::string text;
    };
    std::vector<Why> all;
    for (const auto* one : iterations) {
        for (const auto& reason : one->stats.reasons) {
            all.push_back(
                {reason.count, fmt::format("{} of {} ended {}", result::thousands(reason.count),
                                           one->task, reason.text)});
        }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Why& a, const Why& b) { return a.count > b.count; });
    for (std::size_t i = 0; i < std::min(all.size(), kShownFailures); ++i) {
        out += line({{"   " + all[i].text, Tone::failed}}, style) + "\n";
    }
    if (all.size() > kShownFailures) {
        out += line({{fmt::format(" … {} more reasons in the metrics file",
                                  all.size() - kShownFailures),
                      Tone::muted}},
                    style) +
               "\n";
    }
}

// Tasks with steps as a whole, and why iterations of them failed.
void add_iterations(std::string& out, const ScenarioResult& s, const Style& style) {
    std::vector<const result::IterationResult*> used;
    for (const auto& one : s.iterations) {
        if (one.stats.started() > 0) used.push_back(&one);
    }
    if (used.empty()) return;
    if (used.size() > kShownTasks) used.resize(kShownTasks);
    std::vector<Summary> times;
    for (const auto* one : used) times.push_back(summarize(one->stats.time));
    const auto texts = quantile_rows(times);
    auto columns = quantile_columns();
    columns.insert(
        columns.begin(),
        {{"iterations, ms", false}, {"started"}, {"ok"}, {"failed"}, {"cut off", true, 1}});
    Table table(columns);
    for (std::size_t i = 0; i < used.size(); ++i) {
        const auto& stats = used[i]->stats;
        std::vector<Segment> cells{
            {used[i]->task},
            {result::thousands(stats.started())},
            {result::thousands(stats.ok)},
            {result::thousands(stats.failed), stats.failed > 0 ? Tone::failed : Tone::plain},
            {result::thousands(stats.cut_off)}};
        for (const auto& text : texts[i]) cells.push_back({text});
        table.add(std::move(cells));
    }
    out += "\n";
    append(out, table.lines(style));
    add_reasons(out, used, style);
}

bool part_visibly(double response, double service) {
    return response - service > std::max(1.0, 0.1 * service);
}

// Shown only where the user waited for more than the service: the two clocks and what lies between
// them.
void add_waiting(std::string& out, const ScenarioResult& s, const Style& style) {
    const Summary response = summarize(s.totals.response_time);
    const Summary service = summarize(s.totals.service_time);
    if (service.count == 0) return;  // not known
    const bool parted =
        part_visibly(response.p50, service.p50) || part_visibly(response.p90, service.p90) ||
        part_visibly(response.p99, service.p99) || part_visibly(response.max, service.max);
    if (!parted) return;
    const Summary blocked = summarize(s.totals.blocked);
    const Summary lag = summarize(s.totals.generator_lag);
    std::vector<std::pair<const char*, Summary>> rows{{"response, from schedule", response},
                                                      {"service, from send", service}};
    if (blocked.max > 0) rows.emplace_back("blocked by the target", blocked);
    if (part_visibly(lag.max, 0)) rows.emplace_back("generator lag", lag);
    std::vector<Summary> times;
    for (const auto& row : rows) times.push_back(row.second);
    const auto texts = quantile_rows(times);
    auto columns = quantile_columns();
    columns.insert(columns.begin(), {"waiting the user felt, ms", false});
    Table table(columns);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::vector<Segment> cells{{rows[i].first}};
        for (const auto& text : texts[i]) cells.push_back({text});
        table.add(std::move(cells));
    }
    out += "\n";
    append(out, table.lines(style));
}

// What making connections took, where more than TCP is in it.
void add_connections(std::string& out, const ScenarioResult& s, const Style& style) {
    if (s.totals.handshake.count() == 0) return;
    const Summary connect = summarize(s.totals.connect);
    const Summary handshake = summarize(s.totals.handshake);
    const std::string resumed =
        s.totals.handshakes_resumed == 0
            ? ""
            : fmt::format(", {} resumed", result::thousands(s.totals.handshakes_resumed));
    out += "\n" +
           line({{fmt::format(" TLS handshake p50 {} ms (connect {} ms); {} made{}; {}",
                              result::ms(handshake.p50), result::ms(connect.p50),
                              result::thousands(handshake.count), resumed, s.tls),
                  Tone::muted}},
                style) +
           "\n";
}

void add_failures(std::string& out, const ScenarioResult& s, const Style& style) {
    if (s.failures.empty()) return;
    Table table({{"count"},
                 {"task", false, 1},
                 {"outcome", false},
                 {"seen", false, 2},
                 {"message", false}});
    for (std::size_t i = 0; i < std::min(s.failures.size(), kShownFailures); ++i) {
        const auto& f = s.failures[i];
        std::string seen = result::clock(f.first);
        if (result::clock(f.last) != seen) seen += "–" + result::clock(f.last);
        table.add({{result::thousands(f.count)},
                   {f.task < s.tasks.size() ? s.tasks[f.task].name : ""},
                   {std::string(measure::name(f.outcome)),
                    f.outcome == Outcome::rate_limited ? Tone::rate_limited : Tone::failed},
                   {seen, Tone::muted},
                   {f.message}});
    }
    out += "\n";
    append(out, table.lines(style));
    if (s.failures.size() > kShownFailures) {
        out += line({{fmt::format(" … {} more kinds of failure in the metrics file",
                                  s.failures.size() - kShownFailures),
                      Tone::muted}},
                    style) +
               "\n";
    }
}

void add_notes(std::string& out, const ScenarioResult& s, const Style& style) {
    std::vector<std::string> notes;
    std::set<std::string> seen;
    for (const auto& t : s.thresholds) {
        if (answered(s) && !t.note.empty() && seen.insert(t.note).second) notes.push_back(t.note);
    }
    for (const auto& note : s.notes) {
        if (seen.insert(note).second) notes.push_back(note);
    }
    if (!notes.empty()) out += "\n";
    for (const auto& note : notes) {
        std::string lead = " note: ";
        for (const auto& text : wrapped(printable(note, style), columns(style) - 7)) {
            out += painted(lead + text, Tone::muted, style) + "\n";
            lead = "       ";
        }
    }
}

// "suite — 3 of 3 scenarios passed, 19 of 20 criteria met, 1 not exercised".
std::string suite_headline(const result::RunResult& run, std::size_t passed) {
    std::string out =
        fmt::format("suite — {} of {} scenarios passed", passed, run.scenarios.size());
    if (run.criteria.empty()) return out;
    const auto count = [&](result::CriterionAnswer answer) {
        return std::count_if(run.criteria.begin(), run.criteria.end(),
                             [&](const auto& c) { return c.answer == answer; });
    };
    out += fmt::format(", {} of {} criteria met", count(result::CriterionAnswer::met),
                       run.criteria.size());
    for (const auto answer :
         {result::CriterionAnswer::not_met, result::CriterionAnswer::not_exercised,
          result::CriterionAnswer::left_out})
        if (const auto n = count(answer); n > 0)
            out += fmt::format(", {} {}", n, result::name(answer));
    return out;
}

}  // namespace

std::string summary(const ScenarioResult& s, const Style& style) {
    std::string out;
    add_headline(out, s, style);
    if (answered(s)) {
        add_criteria(out, s.thresholds, style);
        add_tasks(out, s, style);
        add_waits(out, s, style);
        add_iterations(out, s, style);
        out += providers_and_witness(s, style);
        add_waiting(out, s, style);
        add_connections(out, s, style);
        add_failures(out, s, style);
    } else if (s.failures.size() > 1) {
        add_failures(out, s, style);
    }
    add_notes(out, s, style);
    return out;
}

std::string providers_and_witness(const ScenarioResult& s, const Style& style) {
    return provider_table(s, style) + witness_table(s.witness, style);
}

std::string suite_summary(const result::RunResult& run, const Style& style) {
    if (run.scenarios.size() < 2) return {};
    Table table({{"", false},
                 {"scenario", false},
                 {"requests"},
                 {"success"},
                 {"p95 ms"},
                 {"max ms", true, 1},
                 {"", false, 2}});
    std::size_t passed = 0;
    for (const auto& s : run.scenarios) {
        passed += s.verdict == Verdict::pass ? 1 : 0;
        const Summary time = summarize(s.totals.response_time);
        const bool any = time.count > 0;
        table.add({{std::string(result::name(s.verdict)), tone_of(s.verdict)},
                   {s.name},
                   {result::thousands(s.totals.outcomes.requests())},
                   {any ? result::percent(result::rates(s.totals.outcomes).success) : "–"},
                   {any ? result::ms(time.p95) : "–"},
                   {any ? result::ms(time.max) : "–"},
                   {s.verdict_reason, Tone::muted}});
    }
    const std::string verdict(result::name(run.verdict));
    std::string out = painted(verdict, tone_of(run.verdict), style) + "  " +
                      line({{suite_headline(run, passed)}}, style) + "\n";
    append(out, table.lines(style));
    add_criteria(out, run.suite_thresholds, style);
    if (!run.criteria.empty()) out += "\n" + criteria_table(run.criteria, style);
    return out;
}

}  // namespace squadload::report
