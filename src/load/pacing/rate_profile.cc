#include "load/pacing/rate_profile.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace squadload::pacing {
namespace {

constexpr long double kNanosPerSecond = 1e9L;

// Explicit: clang warns where double becomes long double silently.
long double wide(double x) {
    return static_cast<long double>(x);
}
long double seconds(Nanos d) {
    return static_cast<long double>(d.count()) / kNanosPerSecond;
}

// A rate computed from decimals is off by a few units in its last place (2^-53 of it).
long double integer_if_meant(long double arrivals) {
    const long double nearest = std::round(arrivals);
    return std::abs(arrivals - nearest) <= arrivals * 0x1p-50L ? nearest : arrivals;
}

// The division-heavy formulas of ramps are not needed for most requests.
bool is_plateau(const RateStage& stage) {
    return stage.start_per_s == stage.end_per_s;
}

Nanos nearest_within(const RateStage& stage, long double nanos) {
    const auto limit = static_cast<long double>(stage.duration.count());
    return Nanos{std::llround(std::min(nanos, limit))};
}

// L from the start of a stage to t within it.
long double arrivals_within(const RateStage& stage, Nanos t) {
    const long double start = wide(stage.start_per_s);
    if (is_plateau(stage)) return seconds(t) * start;
    const long double gain = wide(stage.end_per_s) - start;
    return seconds(t) * (start + gain / 2 * (seconds(t) / seconds(stage.duration)));
}

// The inverse of arrivals_within: start·t + slope/2·t² = arrivals, in the form of the quadratic
// formula that does not cancel.
Nanos time_within(const RateStage& stage, long double arrivals) {
    if (arrivals <= 0) return Nanos{0};
    const long double start = wide(stage.start_per_s);
    if (is_plateau(stage)) return nearest_within(stage, kNanosPerSecond * arrivals / start);
    const long double slope = (wide(stage.end_per_s) - start) / seconds(stage.duration);
    const long double rate = std::sqrt(std::max(start * start + 2 * slope * arrivals, 0.0L));
    const long double nanos = 2 * kNanosPerSecond * arrivals / (start + rate);
    return nearest_within(stage, nanos);
}

}  // namespace

RateProfile::RateProfile(std::vector<RateStage> stages) : stages_(std::move(stages)) {
    SQUADLOAD_CHECK(!stages_.empty());
    for (const RateStage& stage : stages_) {
        SQUADLOAD_CHECK(stage.duration > Nanos{0});
        SQUADLOAD_CHECK(stage.duration <= Nanos::max() - duration_);
        SQUADLOAD_CHECK(std::isfinite(stage.start_per_s) && stage.start_per_s >= 0);
        SQUADLOAD_CHECK(std::isfinite(stage.end_per_s) && stage.end_per_s >= 0);
        start_.push_back(duration_);
        arrivals_before_.push_back(total_);
        duration_ += stage.duration;
        total_ = integer_if_meant(total_ + arrivals_within(stage, stage.duration));
    }
}

std::size_t RateProfile::stage_at(Nanos t) const {
    const auto after = std::upper_bound(start_.begin(), start_.end(), t);
    return static_cast<std::size_t>(after - start_.begin()) - 1;
}

double RateProfile::total() const {
    return static_cast<double>(total_);
}

double RateProfile::expected_by(Nanos t) const {
    if (t <= Nanos{0}) return 0;
    if (t >= duration_) return total();
    const std::size_t i = stage_at(t);
    const long double end = i + 1 < stages_.size() ? arrivals_before_[i + 1] : total_;
    const long double arrivals = arrivals_before_[i] + arrivals_within(stages_[i], t - start_[i]);
    return static_cast<double>(std::min(arrivals, end));
}

double RateProfile::rate_at(Nanos t) const {
    if (t < Nanos{0} || t >= duration_) return 0;
    const std::size_t i = stage_at(t);
    const RateStage& stage = stages_[i];
    const double share = to_seconds(t - start_[i]) / to_seconds(stage.duration);
    return stage.start_per_s + (stage.end_per_s - stage.start_per_s) * share;
}

Nanos RateProfile::time_of(long double arrivals) const {
    if (arrivals >= total_) return Nanos::max();
    const auto after = std::upper_bound(arrivals_before_.begin(), arrivals_before_.end(),
                                        std::max(arrivals, 0.0L));
    const auto i = static_cast<std::size_t>(after - arrivals_before_.begin()) - 1;
    const Nanos t = start_[i] + time_within(stages_[i], arrivals - arrivals_before_[i]);
    return std::min(t, duration_ - Nanos{1});
}

}  // namespace squadload::pacing
