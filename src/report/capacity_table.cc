#include "report/capacity_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "judge/result/figures.h"
#include "report/text.h"

namespace squadload::report {
namespace {

using result::Capacity;
using result::CapacityStep;
using result::LimitCause;
using result::Verdict;

constexpr int kBar = 16;

std::string rate_text(double rate) {
    return result::number(rate, rate < 100 ? 1 : 0);
}

Segment mark(const CapacityStep& step) {
    if (step.held()) return {"✔", Tone::ok};
    return {"✘", step.cause == LimitCause::generator ? Tone::rate_limited : Tone::failed};
}

std::string cause_text(const CapacityStep& step) {
    return step.held() ? std::string() : std::string(result::name(step.cause));
}

Segment count(std::uint64_t n, Tone tone) {
    return {result::thousands(n), n > 0 ? tone : Tone::plain};
}

// The curve, by rate. The bars are p95 beside the slowest.
std::string curve(const Capacity& c, const Style& style) {
    std::vector<const CapacityStep*> steps;
    double slowest = 0;
    for (const auto& step : c.steps) {
        steps.push_back(&step);
        slowest = std::max(slowest, step.p95_ms);
    }
    std::stable_sort(steps.begin(), steps.end(),
                     [](const auto* a, const auto* b) { return a->rate_per_s < b->rate_per_s; });
    Table table({{"", false},
                 {"rate/s"},
                 {"ok/s"},
                 {"p50 ms", true, 2},
                 {"p95 ms"},
                 {"", false, 3},
                 {"max ms", true, 1},
                 {"429"},
                 {"failed"},
                 {"", false}});
    for (const auto* step : steps) {
        table.add({mark(*step),
                   {rate_text(step->rate_per_s)},
                   {rate_text(step->ok_per_s)},
                   {result::ms(step->p50_ms)},
                   {result::ms(step->p95_ms)},
                   {bar(slowest > 0 ? step->p95_ms / slowest : 0, kBar, style), Tone::muted},
                   {result::ms(step->max_ms)},
                   count(step->rate_limited, Tone::rate_limited),
                   count(step->failed, Tone::failed),
                   {cause_text(*step), Tone::muted}});
    }
    std::string out;
    for (const auto& text : table.lines(style)) out += text + "\n";
    return out;
}

Tone tone_of(Verdict verdict) {
    if (verdict == Verdict::pass) return Tone::ok;
    return verdict == Verdict::fail ? Tone::failed : Tone::rate_limited;
}

}  // namespace

std::string capacity_line(const CapacityStep& step, const Style& style) {
    const auto why = step.held() ? std::string() : "  " + step.sentence;
    const Segment sign = mark(step);
    return line({{" "},
                 sign,
                 {fmt::format(" {:>8}/s", rate_text(step.rate_per_s))},
                 {fmt::format("  p95 {:>7} ms", result::ms(step.p95_ms))},
                 {why, Tone::muted}},
                style) +
           "\n";
}

std::string capacity_summary(const Capacity& c, Verdict verdict, const Style& style) {
    const std::string answer =
        c.limit_per_s ? fmt::format("capacity {} {}/s", c.broken_per_s ? "is" : "is at least",
                                    rate_text(*c.limit_per_s))
                      : std::string("no capacity found");
    const std::string ended = c.broken_per_s && c.limit_per_s
                                  ? fmt::format(", ended by {}", result::name(c.cause))
                                  : std::string();
    std::string out = line({{std::string(result::name(verdict)), tone_of(verdict)},
                            {"  " + answer, Tone::strong},
                            {ended}},
                           style) +
                      "\n";
    for (const auto& text : wrapped(printable(c.sentence, style), columns(style) - 3))
        out += "   " + text + "\n";
    std::string bounds;
    for (const auto& bound : c.bounds) bounds += (bounds.empty() ? "" : ", ") + bound;
    for (const auto& text :
         wrapped(printable(fmt::format("asked for: {}; each rate for {} s", bounds,
                                       result::short_number(c.step_s, 1)),
                           style),
                 columns(style) - 3))
        out += painted("   " + text, Tone::muted, style) + "\n";
    return c.steps.empty() ? out : out + "\n" + curve(c, style);
}

}  // namespace squadload::report
