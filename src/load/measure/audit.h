// The delivered-load audit: was what the schedule asked for really sent, and with the right
// randomness?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "load/measure/task_stats.h"
#include "load/pacing/schedule.h"

namespace squadload::measure {

// Counts actual starts in equal bins of the axis L(t) (expected arrivals), where Poisson arrivals
// of any rate profile are a unit-rate process. One per worker; merging adds bin by bin. The axis
// ends with the profile. Where a number n of requests ends the run earlier, n Poisson arrivals end
// at n ± sqrt(n): the axis then ends at n - 5 sqrt(n), which they all but surely reach, and later
// starts are not counted. A run that was stopped early leaves bins empty: its counts must not be
// judged.
class ArrivalBins {
  public:
    ArrivalBins() = default;  // without a schedule nothing is counted
    // bins >= 1; `schedule` outlives this.
    ArrivalBins(const pacing::Schedule& schedule, std::uint32_t bins);
    void add(Nanos actual_start);  // since the start of the run; beyond the axis: not counted
    // Same schedule and number of bins, or either one default-constructed.
    void merge(const ArrivalBins& other);
    [[nodiscard]] const std::vector<std::uint32_t>& counts() const { return counts_; }

  private:
    const pacing::Schedule* schedule_ = nullptr;
    double bins_per_arrival_ = 0;
    std::vector<std::uint32_t> counts_;
};
inline constexpr std::uint32_t kAuditBins = 1000;

struct Randomness {
    std::uint64_t bins = 0;
    // Variance / mean of the bin counts; Poisson: 1, standard error sqrt(2 / (bins - 1)).
    double dispersion_index = 0;
    double dispersion_error = 0;  // one standard error
    double lag1_correlation = 0;  // Poisson: 0, standard error 1 / sqrt(bins)
    double lag1_error = 0;
    // Both figures lie within so many standard errors of what Poisson arrivals give.
    [[nodiscard]] bool within(double standard_errors) const;
};
// counts in the order of time. None when the sample says nothing: fewer than 1,000 bins or fewer
// than one arrival per bin on average.
[[nodiscard]] std::optional<Randomness> randomness(const std::vector<std::uint32_t>& counts);

struct DeliveredAudit {
    std::uint64_t scheduled = 0;
    std::uint64_t sent = 0;  // actual starts
    std::uint64_t unsent = 0;
    // Of those, unsent although a slot was free: the generator's doing.
    std::uint64_t unsent_while_free = 0;
    double planned_rate_per_s = 0;    // open: iterations due / schedule's duration; closed: 0
    double delivered_rate_per_s = 0;  // open: those started / it; closed: sent / it
    double rate_error = 0;            // delivered / planned - 1; 0 when nothing was scheduled
    double generator_lag_p50_ms = 0, generator_lag_p99_ms = 0, generator_lag_max_ms = 0;
    double blocked_p50_ms = 0, blocked_p99_ms = 0, blocked_max_ms = 0;
    double lag_budget_ms = 0;  // max(10 ms, 5 % of the median response time), or the setting
    std::optional<Randomness> randomness;  // open model with poisson arrivals
    std::string randomness_note;           // why there is none, when it was wanted
    // Empty: the run counts. Each a sentence with what to change.
    std::vector<std::string> void_reasons;
};

}  // namespace squadload::measure
