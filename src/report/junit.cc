#include "report/junit.h"

#include <fmt/format.h>

#include <vector>

#include "base/utf8.h"
#include "judge/result/figures.h"
#include "report/sentences.h"

namespace squadload::report {
namespace {

using result::CriterionAnswer;
using result::RunResult;
using result::ScenarioResult;
using result::ThresholdResult;
using result::Verdict;

enum class End { passed, failure, error, skipped };

struct Case {
    std::string name;
    End end = End::passed;
    std::string message;
};

struct Suite {
    std::string name;
    std::string started_at;
    double duration_s = 0;
    std::vector<Case> cases;
    [[nodiscard]] std::size_t count(End end) const {
        std::size_t n = 0;
        for (const auto& c : cases) n += c.end == end ? 1 : 0;
        return n;
    }
};

// XML 1.0 §2.2 knows no control characters but tab and line ends, escaped or not.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : valid_utf8(text)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\n')
            out += "&#10;";
        else if (c == '\t')
            out += "&#9;";
        else
            out += byte < 0x20 || byte == 0x7f ? '.' : c;
    }
    return out;
}

Case threshold_case(const ThresholdResult& t) {
    Case out{fmt::format("{} {}", t.criterion, t.bound), End::passed, t.actual};
    if (t.pass) return out;
    out.end = End::failure;
    out.message = fmt::format("{} was {}, the bound is {}", t.criterion, t.actual, t.bound);
    if (const auto since = first_broken(t); !since.empty()) out.message += ", " + since;
    return out;
}

Case criterion_case(const result::Criterion& c) {
    Case out{c.scenario.empty() ? fmt::format("{} {}", c.id, c.text)
                                : fmt::format("{} {} ({})", c.id, c.text, c.scenario),
             End::passed, c.actual};
    if (c.answer == CriterionAnswer::met) return out;
    out.end = c.answer == CriterionAnswer::not_met ? End::failure : End::skipped;
    out.message = fmt::format("{}: {} (bound {})", result::name(c.answer),
                              c.actual.empty() ? c.sentence : c.actual, c.bound);
    return out;
}

Suite scenario_suite(const ScenarioResult& s) {
    Suite out{s.name, s.started_at, s.duration_s, {}};
    bool any_broken = false;
    for (const auto& t : s.thresholds) {
        out.cases.push_back(threshold_case(t));
        any_broken = any_broken || !t.pass;
    }
    // What no bound says: the run counts, and why it failed where every bound was kept.
    Case counts{"load delivered and judged", End::passed, delivered_text(s)};
    if (s.verdict == Verdict::void_run || s.verdict == Verdict::interrupted)
        counts = {counts.name, End::error,
                  fmt::format("{}: {}", result::name(s.verdict), s.verdict_reason)};
    else if (s.verdict == Verdict::fail && !any_broken)
        counts = {counts.name, End::failure, s.verdict_reason};
    // A run that does not count breaks no bound either way.
    if (s.verdict == Verdict::void_run)
        for (auto& c : out.cases)
            if (c.end == End::failure) c.end = End::skipped;
    out.cases.push_back(std::move(counts));
    return out;
}

Suite whole_suite(const RunResult& run) {
    Suite out{"suite", run.started_at, 0, {}};
    for (const auto& t : run.suite_thresholds) out.cases.push_back(threshold_case(t));
    for (const auto& c : run.criteria) out.cases.push_back(criterion_case(c));
    return out;
}

void write(std::string& out, const Suite& suite) {
    out += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
        "time=\"{:.3f}\" timestamp=\"{}\">\n",
        escaped(suite.name), suite.cases.size(), suite.count(End::failure), suite.count(End::error),
        suite.count(End::skipped), suite.duration_s, escaped(suite.started_at));
    for (const auto& c : suite.cases) {
        out += fmt::format("    <testcase name=\"{}\" classname=\"squadload.{}\" time=\"0\">",
                           escaped(c.name), escaped(suite.name));
        const auto message = escaped(c.message);
        switch (c.end) {
            case End::passed:
                if (!message.empty()) out += fmt::format("<system-out>{}</system-out>", message);
                break;
            case End::failure:
                out += fmt::format("<failure message=\"{}\"/>", message);
                break;
            case End::error:
                out += fmt::format("<error message=\"{}\"/>", message);
                break;
            case End::skipped:
                out += fmt::format("<skipped message=\"{}\"/>", message);
                break;
        }
        out += "</testcase>\n";
    }
    out += "  </testsuite>\n";
}

}  // namespace

std::string junit_xml(const RunResult& run) {
    std::vector<Suite> suites;
    for (const auto& s : run.scenarios) suites.push_back(scenario_suite(s));
    if (auto whole = whole_suite(run); !whole.cases.empty()) suites.push_back(std::move(whole));
    const auto count = [&](End end) {
        std::size_t n = 0;
        for (const auto& s : suites) n += s.count(end);
        return n;
    };
    if (run.exit_code != 0 && count(End::failure) + count(End::error) == 0)
        suites.push_back(
            {"run",
             run.started_at,
             0,
             {{"ran to its end", End::error,
               fmt::format("{}, exit code {}", result::name(run.verdict), run.exit_code)}}});
    std::size_t tests = 0;
    double seconds = 0;
    for (const auto& s : suites) {
        tests += s.cases.size();
        seconds += s.duration_s;
    }
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    out += fmt::format(
        "<testsuites name=\"squadload\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
        "time=\"{:.3f}\" timestamp=\"{}\">\n",
        tests, count(End::failure), count(End::error), count(End::skipped), seconds,
        escaped(run.started_at));
    for (const auto& s : suites) write(out, s);
    return out + "</testsuites>\n";
}

}  // namespace squadload::report
