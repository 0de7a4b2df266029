#include "judge/verdict/words.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "judge/result/figures.h"

namespace squadload::verdict {
namespace {

const char* unit_suffix(Unit unit) {
    static constexpr const char* kSuffixes[] = {" ms", " %", "", "/s"};
    return kSuffixes[static_cast<std::size_t>(unit)];
}

double shown_scale(Unit unit) {
    return unit == Unit::share ? 100 : 1;
}

int usual_decimals(Unit unit, double value) {
    if (unit == Unit::ms) return result::ms_decimals(value);
    if (unit == Unit::share) return 2;
    return unit == Unit::per_s ? 1 : 0;
}

}  // namespace

bool meets(double actual, Comparison comparison, double bound) {
    const bool equal =
        std::abs(actual - bound) <= 1e-12 * std::max(std::abs(actual), std::abs(bound));
    switch (comparison) {
        case Comparison::less:
            return actual < bound && !equal;
        case Comparison::less_equal:
            return actual < bound || equal;
        case Comparison::greater:
            return actual > bound && !equal;
        case Comparison::greater_equal:
            return actual > bound || equal;
        case Comparison::equal:
            break;
    }
    return equal;
}

const char* sign(Comparison comparison) {
    static constexpr const char* kSigns[] = {"<", "<=", ">", ">=", "=="};
    return kSigns[static_cast<std::size_t>(comparison)];
}

const char* printed_sign(Comparison comparison) {
    static constexpr const char* kSigns[] = {"<", "≤", ">", "≥", "="};
    return kSigns[static_cast<std::size_t>(comparison)];
}

const char* unit_name(Unit unit) {
    static constexpr const char* kNames[] = {"ms", "share", "count", "per_s"};
    return kNames[static_cast<std::size_t>(unit)];
}

std::string bound_text(Comparison comparison, double bound, Unit unit) {
    return fmt::format("{} {}{}", printed_sign(comparison),
                       result::short_number(bound * shown_scale(unit), 4), unit_suffix(unit));
}

std::string value_text(double value, Comparison comparison, double bound, Unit unit) {
    const double shown = value * shown_scale(unit);
    int decimals = usual_decimals(unit, shown);
    for (; decimals < 6; ++decimals) {
        const double scale = std::pow(10.0, decimals);
        const double rounded = std::round(shown * scale) / scale;
        if (meets(rounded, comparison, bound * shown_scale(unit)) ==
            meets(value, comparison, bound))
            break;
    }
    return result::number(shown, decimals) + unit_suffix(unit);
}

std::string broken_text(const result::ThresholdResult& t) {
    return fmt::format("{} {} (bound {})", t.criterion, t.actual, t.bound);
}

std::string broken_reason(const std::vector<result::ThresholdResult>& thresholds) {
    constexpr std::size_t kNamed = 3;
    std::vector<const result::ThresholdResult*> broken;
    for (const auto& t : thresholds) {
        if (!t.pass) broken.push_back(&t);
    }
    if (broken.empty()) return {};
    std::string out = fmt::format(
        "{} of {} broken: ", broken.size(),
        thresholds.size() == 1 ? "1 criterion" : fmt::format("{} criteria", thresholds.size()));
    for (std::size_t i = 0; i < std::min(broken.size(), kNamed); ++i) {
        out += (i == 0 ? "" : ", ") + broken_text(*broken[i]);
    }
    if (broken.size() > kNamed) out += fmt::format(" and {} more", broken.size() - kNamed);
    return out;
}

}  // namespace squadload::verdict
