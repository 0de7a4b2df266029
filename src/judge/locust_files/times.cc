#include <algorithm>
#include <cmath>

#include "judge/locust_files/internal.h"

namespace squadload::locust_files {

double percentile_ms(const Times& times, double q) {
    std::uint64_t n = 0;
    for (const auto& [ms, count] : times) n += count;
    if (n == 0) return 0;
    // As measure::Histogram: q is a rounded decimal.
    const long double exact = static_cast<long double>(q) * static_cast<long double>(n);
    const auto rank = std::max(1.0L, std::ceil(exact * (1 - 0x1p-51L)));
    std::uint64_t seen = 0;
    for (const auto& [ms, count] : times) {
        seen += count;
        if (static_cast<long double>(seen) >= rank) return ms;
    }
    return times.rbegin()->first;
}

namespace internal {
namespace {

Nanos from_ms(double ms) {
    return Nanos{std::llround(ms * 1e6)};
}

std::uint64_t rank_of(double p, std::uint64_t n) {
    const auto exact = static_cast<long double>(p) * static_cast<long double>(n);
    return std::min(n, static_cast<std::uint64_t>(std::ceil(exact * (1 - 0x1p-51L))));
}

}  // namespace

void hold_within(Times& times, double min_ms, double max_ms) {
    if (times.empty()) return;
    Times held;
    for (const auto& [ms, count] : times) held[std::clamp(ms, min_ms, max_ms)] += count;
    const auto move_one = [&](Times::iterator from, double to) {
        if (from->first == to) return;
        if (--from->second == 0) held.erase(from);
        ++held[to];
    };
    move_one(held.begin(), min_ms);
    move_one(std::prev(held.end()), max_ms);
    times = std::move(held);
}

void fill_steps(Entry& entry, const std::vector<std::pair<double, double>>& columns) {
    const auto n = entry.timed;
    std::uint64_t below = 0, below_in_locust = 0;
    for (const auto& [p, ms] : columns) {
        const auto rank = rank_of(p, n);
        if (rank > below) entry.times[ms] += rank - below;
        below = std::max(below, rank);
        // Locust's rank counts from 0 and takes the product's whole part.
        const auto theirs = std::min(n, static_cast<std::uint64_t>(static_cast<double>(n) * p) + 1);
        if (theirs > below_in_locust)
            entry.locust.add(measure::RoundedTimes::rounded(from_ms(ms)), theirs - below_in_locust);
        below_in_locust = std::max(below_in_locust, theirs);
    }
    hold_within(entry.times, entry.min_ms, entry.max_ms);
}

measure::Histogram histogram(const Entry& entry) {
    measure::Histogram h;
    for (const auto& [ms, count] : entry.times) h.record(from_ms(ms), count);
    if (entry.timed > 0)
        h.restore_extremes(from_ms(entry.min_ms), from_ms(entry.max_ms), entry.total_ms * 1e6);
    return h;
}

}  // namespace internal
}  // namespace squadload::locust_files
