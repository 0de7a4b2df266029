#include "load/measure/audit.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace squadload::measure {
namespace {

constexpr std::size_t kFewestBins = 1000;

double axis_length(const pacing::Schedule& schedule) {
    const double total = schedule.profile().total();
    if (!schedule.max_requests()) return total;
    const auto n = static_cast<double>(*schedule.max_requests());
    const double reached = n - 5 * std::sqrt(n);
    return std::min(total, reached > 0 ? reached : n);
}

}  // namespace

ArrivalBins::ArrivalBins(const pacing::Schedule& schedule, std::uint32_t bins)
    : schedule_(&schedule), counts_(bins) {
    SQUADLOAD_CHECK(bins >= 1);
    const double length = axis_length(schedule);
    if (length > 0) bins_per_arrival_ = bins / length;
}

void ArrivalBins::add(Nanos actual_start) {
    if (schedule_ == nullptr) return;
    const pacing::RateProfile& profile = schedule_->profile();
    if (actual_start >= profile.duration()) return;
    const double place = profile.expected_by(actual_start) * bins_per_arrival_;
    if (place < static_cast<double>(counts_.size())) ++counts_[static_cast<std::size_t>(place)];
}

void ArrivalBins::merge(const ArrivalBins& other) {
    if (other.counts_.empty()) return;
    if (counts_.empty()) {
        *this = other;
        return;
    }
    SQUADLOAD_CHECK(counts_.size() == other.counts_.size());
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

bool Randomness::within(double standard_errors) const {
    return std::abs(dispersion_index - 1) <= standard_errors * dispersion_error &&
           std::abs(lag1_correlation) <= standard_errors * lag1_error;
}

std::optional<Randomness> randomness(const std::vector<std::uint32_t>& counts) {
    if (counts.size() < kFewestBins) return std::nullopt;
    const auto bins = static_cast<double>(counts.size());
    double sum = 0;
    for (const std::uint32_t count : counts) sum += count;
    const double mean = sum / bins;
    if (mean < 1) return std::nullopt;

    double squares = 0;
    double products = 0;
    double before = 0;
    for (const std::uint32_t count : counts) {
        const double deviation = count - mean;
        squares += deviation * deviation;
        products += before * deviation;
        before = deviation;
    }
    Randomness r;
    r.bins = counts.size();
    r.dispersion_index = squares / (bins - 1) / mean;
    r.dispersion_error = std::sqrt(2 / (bins - 1));
    r.lag1_correlation = squares > 0 ? products / squares : 0;
    r.lag1_error = 1 / std::sqrt(bins);
    return r;
}

}  // namespace squadload::measure
