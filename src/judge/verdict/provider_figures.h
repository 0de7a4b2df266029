// The figures a bound on a provider may be about. For the two halves of provider_bound.h.
#pragma once

#include <array>
#include <string_view>

#include "judge/verdict/provider_bound.h"

namespace squadload::verdict {

struct ProviderFigure {
    std::string_view name;
    ProviderBound::Figure figure;
    Unit unit;
    std::string_view words;  // for people
};

inline constexpr std::array<ProviderFigure, 9> kProviderFigures{{
    {"rpm", ProviderBound::Figure::rpm, Unit::count, "peak calls per minute"},
    {"calls", ProviderBound::Figure::calls, Unit::count, "calls"},
    {"ok", ProviderBound::Figure::ok, Unit::count, "ok calls"},
    {"failed", ProviderBound::Figure::failed, Unit::count, "failed calls"},
    {"responses_429", ProviderBound::Figure::responses_429, Unit::count, "429 answers"},
    {"fallbacks", ProviderBound::Figure::fallbacks, Unit::count, "served as fallback"},
    {"share", ProviderBound::Figure::share, Unit::share, "share of calls"},
    {"mean", ProviderBound::Figure::mean, Unit::ms, "mean call"},
    {"max", ProviderBound::Figure::max, Unit::ms, "max call"},
}};

}  // namespace squadload::verdict
