#include "judge/verdict/provider_bound.h"

#include <fmt/core.h>

#include <algorithm>

#include "judge/result/figures.h"
#include "judge/verdict/provider_figures.h"
#include "judge/verdict/words.h"

namespace squadload::verdict {
namespace {

using Figure = ProviderBound::Figure;
using Subject = ProviderBound::Subject;
using result::WitnessAnswer;

Unit unit_of(const ProviderBound& bound) {
    if (bound.subject != Subject::provider) return Unit::count;
    if (bound.figure == Figure::quantile) return Unit::ms;
    for (const ProviderFigure& one : kProviderFigures)
        if (one.figure == bound.figure) return one.unit;
    return Unit::count;
}

std::string words_of(const ProviderBound& bound) {
    if (bound.figure == Figure::quantile) return quantile_name(bound.quantile) + " call";
    for (const ProviderFigure& one : kProviderFigures)
        if (one.figure == bound.figure) return std::string(one.words);
    return "calls";
}

std::optional<double> figure_of(const ProviderBound& bound, const result::ProviderResult& p,
                                const std::vector<result::ProviderResult>& all) {
    const bool timed = unit_of(bound) == Unit::ms;
    if (timed && p.time.count() == 0) return std::nullopt;
    switch (bound.figure) {
        case Figure::rpm:
            return static_cast<double>(p.peak_per_minute);
        case Figure::calls:
            return static_cast<double>(p.calls());
        case Figure::ok:
            return static_cast<double>(p.ok);
        case Figure::failed:
            return static_cast<double>(p.failed);
        case Figure::responses_429:
            return static_cast<double>(p.responses_429);
        case Figure::fallbacks:
            return static_cast<double>(p.served_as_fallback);
        case Figure::share:
            return result::share(p, all);
        case Figure::mean:
            return p.time.mean_ns() / 1e6;
        case Figure::max:
            return to_ms(p.time.max());
        case Figure::quantile:
            break;
    }
    return to_ms(p.time.percentile(bound.quantile));
}

struct Judged {
    std::optional<double> actual;
    double bound = 0;
    bool pass = false;
    std::string note;
};

Judged judge_one(const ProviderBound& bound, const result::ProviderResult& p,
                 const std::vector<result::ProviderResult>& all) {
    Judged out;
    out.bound = bound.against_limit ? static_cast<double>(p.limit_per_minute) : bound.bound;
    if (bound.against_limit && p.limit_per_minute == 0) {
        out.note = fmt::format("no limit is known of {}", p.name);
        return out;
    }
    out.actual = figure_of(bound, p, all);
    out.pass = out.actual && meets(*out.actual, bound.comparison, out.bound);
    return out;
}

void judge_providers(const ProviderBound& bound, const result::ScenarioResult& s,
                     result::ThresholdResult& out) {
    const Unit unit = unit_of(bound);
    out.unit = unit_name(unit);
    out.criterion = fmt::format("{} of {}", words_of(bound),
                                bound.provider == "*" ? "every provider" : bound.provider);
    std::optional<Judged> shown;
    std::string whose;
    for (const auto& p : s.providers) {
        if (bound.provider != "*" && bound.provider != p.name) continue;
        Judged one = judge_one(bound, p, s.providers);
        // The first that breaks it, else the first.
        if (!shown || (shown->pass && !one.pass)) {
            shown = std::move(one);
            whose = p.name;
        }
    }
    if (!shown) {
        out.actual = "not known";
        out.note = fmt::format("nothing is known of {}", bound.provider == "*"
                                                             ? std::string("any provider")
                                                             : "provider " + bound.provider);
        shown.emplace();
        shown->bound = bound.bound;
    } else {
        out.actual = shown->actual
                         ? value_text(*shown->actual, bound.comparison, shown->bound, unit)
                         : "no samples";
        if (bound.provider == "*") out.actual += fmt::format(" ({})", whose);
        out.note = shown->note;
    }
    out.bound_value = shown->bound;
    out.bound = bound.against_limit && bound.provider == "*"
                    ? fmt::format("{} limit", printed_sign(bound.comparison))
                    : bound_text(bound.comparison, shown->bound, unit);
    out.actual_value = shown->actual;
    out.pass = shown->pass;
}

void judge_fallbacks(const ProviderBound& bound, const result::ScenarioResult& s,
                     result::ThresholdResult& out) {
    out.criterion = "served as fallback";
    out.unit = "count";
    out.bound_value = bound.bound;
    out.bound = bound_text(bound.comparison, bound.bound, Unit::count);
    if (s.providers.empty()) {
        out.actual = "not known";
        out.note = "nothing names the provider that served, so fallbacks are not known";
        return;
    }
    const auto n = static_cast<double>(result::fallbacks(s.providers));
    out.actual_value = n;
    out.actual = value_text(n, bound.comparison, bound.bound, Unit::count);
    out.pass = meets(n, bound.comparison, bound.bound);
}

void judge_witness(const ProviderBound& bound, const result::ScenarioResult& s,
                   result::ThresholdResult& out) {
    std::string what = bound.check == "all" ? "every check" : bound.check;
    std::replace(what.begin(), what.end(), '_', ' ');
    out.criterion =
        fmt::format("witness: {}{}", what, bound.provider.empty() ? "" : " of " + bound.provider);
    out.unit = "answer";
    out.bound_value = 1;
    out.bound = "kept";
    const WitnessAnswer answer = answer_of(s.witness, bound.check, bound.provider);
    out.actual = std::string(result::name(answer));
    out.pass = answer == WitnessAnswer::kept || answer == WitnessAnswer::within_jitter;
    if (answer != WitnessAnswer::not_exercised) out.actual_value = out.pass ? 1 : 0;
    for (const auto& row : s.witness) {
        const bool about = (bound.check == "all" || row.check == bound.check) &&
                           (bound.provider.empty() || row.provider == bound.provider);
        if (!about || row.answer != answer || out.pass) continue;
        out.note = row.provider.empty() ? row.sentence : row.provider + ": " + row.sentence;
        break;
    }
    if (s.witness.empty()) out.note = "there was no witness: no simulated providers were in play";
}

}  // namespace

result::ThresholdResult judge(const ProviderBound& bound, const result::ScenarioResult& scenario) {
    result::ThresholdResult out;
    out.name = bound.name;
    out.comparison = sign(bound.comparison);
    switch (bound.subject) {
        case Subject::provider:
            judge_providers(bound, scenario, out);
            break;
        case Subject::fallbacks:
            judge_fallbacks(bound, scenario, out);
            break;
        case Subject::witness:
            judge_witness(bound, scenario, out);
            break;
    }
    return out;
}

WitnessAnswer answer_of(const std::vector<result::WitnessCheck>& rows, std::string_view check,
                        std::string_view provider) {
    bool kept = false, close = false;
    for (const auto& row : rows) {
        if (check != "all" && row.check != check) continue;
        if (!provider.empty() && row.provider != provider) continue;
        if (row.answer == WitnessAnswer::broken) return WitnessAnswer::broken;
        kept = kept || row.answer == WitnessAnswer::kept;
        close = close || row.answer == WitnessAnswer::within_jitter;
    }
    if (close) return WitnessAnswer::within_jitter;
    return kept ? WitnessAnswer::kept : WitnessAnswer::not_exercised;
}

}  // namespace squadload::verdict
