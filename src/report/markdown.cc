#include "report/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/utf8.h"
#include "judge/result/figures.h"
#include "report/sentences.h"

namespace squadload::report {
namespace {

using result::RunResult;
using result::ScenarioResult;
using result::ThresholdResult;
using result::Verdict;

constexpr std::size_t kShownTasks = 20;
constexpr std::size_t kShownFailures = 5;
constexpr std::size_t kLongestCell = 200;  // bytes

// Nothing of the text is markup (CommonMark 0.31 §2.4: any ASCII punctuation may be escaped), HTML
// or the end of a table's cell; line ends become spaces.
std::string escaped(std::string_view text) {
    std::string out;
    const std::string valid = valid_utf8(text);
    std::string_view rest = valid;
    while (!rest.empty()) {
        const auto length = std::max<std::size_t>(utf8_length(rest), 1);
        if (out.size() + length > kLongestCell && rest.size() > length) return out + "…";
        const char c = rest.front();
        if (length > 1)
            out += rest.substr(0, length);
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            out += ' ';
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '&')
            out += "&amp;";
        else if (c == '@')
            out += "&#64;";  // mentions nobody
        else if (std::string_view("\\`*_{}[]()#|~!").find(c) != std::string_view::npos)
            out += std::string("\\") + c;
        else
            out += c;
        rest.remove_prefix(length);
    }
    return out;
}

// For a span of code, where nothing is escaped and a backtick ends it.
std::string in_code(std::string_view text) {
    std::string out = valid_utf8(text);
    std::replace(out.begin(), out.end(), '`', '\'');
    std::replace(out.begin(), out.end(), '\n', ' ');
    return out;
}

std::string row(const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const auto& cell : cells) out += fmt::format(" {} |", cell);
    return out + "\n";
}

// Titles that begin with "<" are of text, the others of figures, aligned right.
std::string head(const std::vector<std::string>& titles) {
    std::vector<std::string> names, rules;
    for (const auto& title : titles) {
        const bool text = title.starts_with('<');
        names.push_back(text ? title.substr(1) : title);
        rules.emplace_back(text ? "---" : "---:");
    }
    return row(names) + row(rules);
}

std::string mark(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass:
            return "✅ PASS";
        case Verdict::fail:
            return "❌ FAIL";
        case Verdict::void_run:
            return "⚠️ VOID";
        case Verdict::interrupted:
            return "⏹️ INTERRUPTED";
    }
    return "";
}

std::string thresholds(const std::vector<ThresholdResult>& all) {
    if (all.empty()) return {};
    std::string out = "\n" + head({"<", "<criterion", "bound", "actual", "<"});
    for (const auto* t : broken_first(all)) {
        const auto actual = escaped(t->actual);
        out += row({t->pass ? "✔" : "✘", escaped(t->criterion), escaped(t->bound),
                    t->pass ? actual : fmt::format("**{}**", actual), first_broken(*t)});
    }
    return out;
}

std::vector<std::string> task_row(const std::string& name, const measure::TaskStats& stats) {
    const auto time = result::summarize(stats.response_time);
    const auto ms = [&](double value) {
        return time.count == 0 ? std::string("–") : result::ms(value);
    };
    return {name,
            result::thousands(stats.outcomes.requests()),
            result::thousands(stats.outcomes.ok()),
            result::thousands(stats.outcomes.rate_limited()),
            result::thousands(stats.outcomes.failed()),
            ms(time.p50),
            ms(time.p95),
            ms(time.p99),
            ms(time.p99_9),
            ms(time.max)};
}

std::string tasks(const ScenarioResult& s) {
    std::string out = "\n" + head({"<task", "requests", "ok", "429", "failed", "p50 ms", "p95 ms",
                                   "p99 ms", "p99.9 ms", "max ms"});
    std::size_t shown = 0, used = 0;
    for (const auto& task : s.tasks) {
        if (task.stats.outcomes.scheduled() == 0) continue;
        if (++used > kShownTasks) continue;
        out += row(task_row(escaped(task.name), task.stats));
        ++shown;
    }
    if (shown != 1) out += row(task_row("**all**", s.totals));
    if (used > shown) out += fmt::format("\n… {} more tasks in the metrics file\n", used - shown);
    return out;
}

std::string providers(const ScenarioResult& s) {
    if (s.providers.empty()) return {};
    std::string out = "\n" + head({"<provider", "calls", "share", "mean ms", "p95 ms", "429",
                                   "failed", "rpm peak / limit", "as fallback"});
    for (const auto& p : s.providers) {
        const auto time = result::summarize(p.time);
        out +=
            row({escaped(p.name), result::thousands(p.calls()),
                 result::percent(result::share(p, s.providers), 0),
                 time.count == 0 ? "–" : result::ms(time.mean),
                 time.count == 0 ? "–" : result::ms(time.p95), result::thousands(p.responses_429),
                 result::thousands(p.failed),
                 fmt::format("{} / {}", result::thousands(p.peak_per_minute),
                             p.limit_per_minute == 0 ? "–" : result::thousands(p.limit_per_minute)),
                 result::thousands(p.served_as_fallback)});
    }
    return out;
}

std::string witness(const ScenarioResult& s) {
    std::string out;
    for (const auto& check : s.witness) {
        if (check.answer != result::WitnessAnswer::broken) continue;
        out += fmt::format("- ✘ witness: {}{}: {}\n", escaped(check.check),
                           check.provider.empty() ? "" : " of " + escaped(check.provider),
                           escaped(check.sentence));
    }
    return out.empty() ? out : "\n" + out;
}

std::string failures(const ScenarioResult& s) {
    if (s.failures.empty()) return {};
    std::string out = "\n" + head({"count", "<task", "<outcome", "<message"});
    for (std::size_t i = 0; i < std::min(s.failures.size(), kShownFailures); ++i) {
        const auto& f = s.failures[i];
        out += row({result::thousands(f.count),
                    f.task < s.tasks.size() ? escaped(s.tasks[f.task].name) : "",
                    escaped(measure::name(f.outcome)), escaped(f.message)});
    }
    if (s.failures.size() > kShownFailures)
        out += fmt::format("\n… {} more kinds of failure in the metrics file\n",
                           s.failures.size() - kShownFailures);
    return out;
}

std::string scenario(const ScenarioResult& s) {
    std::string out =
        fmt::format("### {} — {}\n\n{}\n", mark(s.verdict), escaped(s.name), escaped(headline(s)));
    if (answered(s)) {
        out += thresholds(s.thresholds) + tasks(s) + providers(s) + witness(s) + failures(s);
    } else if (s.failures.size() > 1) {
        out += failures(s);
    }
    for (const auto& note : s.notes) out += fmt::format("\n> {}\n", escaped(note));
    return out;
}

std::string criteria(const RunResult& run) {
    if (run.criteria.empty()) return {};
    using result::CriterionAnswer;
    std::string out = "\n" + head({"<", "<acceptance criterion", "<scenario", "bound", "actual"});
    for (const auto& c : run.criteria) {
        const auto answer = c.answer == CriterionAnswer::met       ? std::string("✔")
                            : c.answer == CriterionAnswer::not_met ? "✘"
                                                                   : std::string(name(c.answer));
        out += row({answer, fmt::format("{} {}", escaped(c.id), escaped(c.text)),
                    escaped(c.scenario), escaped(c.bound), escaped(c.actual)});
    }
    return out;
}

}  // namespace

std::string markdown(const RunResult& run) {
    std::string out = fmt::format("## {} — squadload\n", mark(run.verdict));
    for (const auto& s : run.scenarios) out += "\n" + scenario(s);
    if (!run.suite_thresholds.empty() || !run.criteria.empty())
        out += "\n### suite\n" + thresholds(run.suite_thresholds) + criteria(run);
    return out + fmt::format("\n<sub>`{}` · squadload {} · {}</sub>\n", in_code(run.command),
                             escaped(run.tool_version), escaped(run.started_at));
}

}  // namespace squadload::report
