#include "report/comparison.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "judge/result/figures.h"
#include "report/html.h"
#include "report/text.h"

namespace squadload::report {
namespace {

using compare::Comparison;
using compare::Difference;
using compare::Finding;
using nlohmann::json;

Tone tone_of(Finding finding) {
    switch (finding) {
        case Finding::regression:
            return Tone::failed;
        case Finding::worse:
        case Finding::differs:
            return Tone::rate_limited;
        case Finding::better:
            return Tone::ok;
        case Finding::same:
        case Finding::unknown:
            break;
    }
    return Tone::muted;
}

// In the figure's unit, without a sign.
std::string amount(const Difference& d, double value) {
    if (d.unit == "ms") return result::ms(value) + " ms";
    if (d.unit == "share") return result::percent(value);
    return result::number(value, 1) + "/s";
}

std::string value(const Difference& d, const std::optional<double>& v) {
    return v ? amount(d, *v) : "–";
}

std::string change(const Difference& d) {
    if (!d.a || !d.b) return "–";
    const double by = *d.b - *d.a;
    const std::string sign = by < 0 ? "−" : "+";
    std::string text = sign + amount(d, std::abs(by));
    if (d.unit != "share" && *d.a > 0)
        text += fmt::format(" ({}{})", sign, result::percent(std::abs(by / *d.a), 1));
    return text;
}

// How much the difference may be off by noise.
std::string noise(const Difference& d) {
    if (!d.low || !d.high) return "–";
    return "± " + amount(d, (*d.high - *d.low) / 2);
}

bool shown(const Difference& d) {
    return d.task == "all" || (d.finding != Finding::same && d.finding != Finding::unknown);
}

void add_scenario(std::string& out, const compare::ScenarioComparison& s, const Style& style) {
    Table table({{"", false},
                 {"task", false},
                 {"figure", false},
                 {"A"},
                 {"B"},
                 {"B − A"},
                 {"noise", true, 1},
                 {"", false}});
    std::size_t left_out = 0;
    for (const auto& d : s.differences) {
        if (!shown(d)) {
            ++left_out;
            continue;
        }
        const Tone tone = tone_of(d.finding);
        const std::string sign = d.finding == Finding::regression ? "✘" : "";
        table.add({{sign, tone},
                   {d.task},
                   {d.figure},
                   {value(d, d.a)},
                   {value(d, d.b)},
                   {change(d), tone == Tone::muted ? Tone::plain : tone},
                   {noise(d), Tone::muted},
                   {std::string(name(d.finding)), tone}});
    }
    out += "\n" + painted(printable(s.name, style), Tone::strong, style) + "\n";
    for (const auto& text : table.lines(style)) out += text + "\n";
    if (left_out > 0)
        out += fmt::format(" {} of tasks and providers within noise or with too few samples\n",
                           result::plural(left_out, "further figure"));
    for (const auto& note : s.notes) out += message("note: " + note, style, true) + "\n";
}

json optional(const std::optional<double>& v) {
    return v ? json(*v) : json(nullptr);
}

json data(const Comparison& c, const std::string& name_a, const std::string& name_b) {
    json scenarios = json::array();
    for (const auto& s : c.scenarios) {
        json rows = json::array();
        for (const auto& d : s.differences)
            rows.push_back({{"task", d.task},
                            {"figure", d.figure},
                            {"unit", d.unit},
                            {"a", optional(d.a)},
                            {"b", optional(d.b)},
                            {"low", optional(d.low)},
                            {"high", optional(d.high)},
                            {"finding", name(d.finding)}});
        scenarios.push_back(
            {{"name", s.name}, {"a", s.a}, {"b", s.b}, {"notes", s.notes}, {"differences", rows}});
    }
    return {{"a", name_a},
            {"b", name_b},
            {"verdict", comparison_verdict(c)},
            {"headline", comparison_headline(c)},
            {"method", comparison_method(c)},
            {"notes", c.notes},
            {"scenarios", scenarios}};
}

}  // namespace

std::string comparison_verdict(const Comparison& c) {
    if (!c.void_reason.empty()) return "VOID";
    return c.exit_code() == 0 ? "NO REGRESSION" : "REGRESSION";
}

std::string comparison_headline(const Comparison& c) {
    if (!c.void_reason.empty()) return c.void_reason;
    const auto worse = c.count(Finding::regression);
    const auto of = result::plural(c.judged, "figure");
    if (worse > 0)
        return fmt::format("{} of {} worse beyond noise and tolerance", result::thousands(worse),
                           of);
    if (c.judged == 0) return "too few samples to judge anything";
    const auto better = c.count(Finding::better), slightly = c.count(Finding::worse);
    std::string text = fmt::format("{} judged", of);
    if (better == 0 && slightly == 0) return text + ", none beyond noise";
    if (better > 0) text += fmt::format(", {} better", result::thousands(better));
    if (slightly > 0)
        text += fmt::format(", {} worse within the tolerance", result::thousands(slightly));
    return text;
}

std::string comparison_method(const Comparison& c) {
    std::string effects;
    for (const auto& s : c.scenarios)
        effects += fmt::format("{}{:.1f}", effects.empty() ? "" : ", ", s.design_effect);
    return fmt::format(
        "beyond noise: the interval of the difference leaves out 0, at a risk of 0.1 % for all "
        "figures together (z = {:.2f}, design effect {}); a regression is also worse by more than "
        "{} and {} ms, or {} of the requests. Noise between the runs, other machines or "
        "neighbours, is not in them: the tolerance is for that",
        c.z, effects.empty() ? "–" : effects, result::percent(c.tolerance.relative, 1),
        result::short_number(c.tolerance.time_ms, 3), result::percent(c.tolerance.share, 2));
}

std::string comparison(const Comparison& c, const std::string& name_a, const std::string& name_b,
                       const Style& style) {
    const auto verdict = comparison_verdict(c);
    const Tone tone = verdict == "REGRESSION" ? Tone::failed
                      : verdict == "VOID"     ? Tone::rate_limited
                                              : Tone::ok;
    std::string out = painted(painted(verdict, Tone::strong, style), tone, style) + "  " +
                      printable(comparison_headline(c), style) + "\n";
    out += fmt::format(" A  {}\n B  {}\n", printable(name_a, style), printable(name_b, style));
    for (const auto& note : c.notes) out += message("note: " + note, style, true) + "\n";
    if (!c.void_reason.empty()) return out;
    for (const auto& s : c.scenarios) add_scenario(out, s, style);
    return out + "\n" + message(comparison_method(c), style, true) + "\n";
}

std::string comparison_html(const Comparison& c, const result::RunResult& a,
                            const result::RunResult& b, const std::string& name_a,
                            const std::string& name_b) {
    return page_with(
        {{"metrics", to_json(a)},
         {"other", to_json(b)},
         {"comparison",
          data(c, name_a, name_b).dump(-1, ' ', false, json::error_handler_t::replace)}});
}

}  // namespace squadload::report
