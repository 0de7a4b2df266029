#include <algorithm>
#include <chrono>
#include <cmath>

#include "judge/merge/internal.h"

namespace squadload::merge::internal {
namespace {

using measure::SeriesPoint;

double percentile(const measure::RoundedTimes& times, double q) {
    const auto n = static_cast<double>(times.count());
    const auto rank = static_cast<std::uint64_t>(std::max(1.0, std::ceil(q * n * (1 - 0x1p-51))));
    std::uint64_t seen = 0;
    double found = 0;
    times.for_each([&](std::uint32_t ms, std::uint64_t count) {
        if (seen < rank) found = ms;
        seen += count;
    });
    return found;
}

void add(SeriesPoint& sum, const SeriesPoint& more) {
    const bool first = sum.outcomes.requests() == 0;
    const bool both = !first && more.outcomes.requests() > 0;
    sum.scheduled += more.scheduled;
    sum.started += more.started;
    sum.outcomes.merge(more.outcomes);
    sum.rounded_times.merge(more.rounded_times);
    sum.body_bytes += more.body_bytes;
    sum.sum_ms += more.sum_ms;
    sum.min_ms = both ? std::min(sum.min_ms, more.min_ms) : std::max(sum.min_ms, more.min_ms);
    sum.max_ms = std::max(sum.max_ms, more.max_ms);
    if (both) {
        const auto of = [&](double q) {
            return std::clamp(percentile(sum.rounded_times, q), sum.min_ms, sum.max_ms);
        };
        sum.p50_ms = of(0.5);
        sum.p95_ms = of(0.95);
        sum.p99_ms = of(0.99);
    } else if (first) {
        sum.p50_ms = more.p50_ms;
        sum.p95_ms = more.p95_ms;
        sum.p99_ms = more.p99_ms;
    }
    // Their histograms are not in the files.
    for (const auto figure : {&SeriesPoint::service_p50_ms, &SeriesPoint::service_p99_ms,
                              &SeriesPoint::generator_lag_p99_ms, &SeriesPoint::blocked_p99_ms})
        sum.*figure = std::max(sum.*figure, more.*figure);
    sum.in_flight += more.in_flight;
    sum.backlog += more.backlog;
    sum.users += more.users;
}

}  // namespace

std::uint32_t second_offset(const Pieces& pieces, const Piece& piece) {
    const auto whole = [](WallTime t) { return std::chrono::round<std::chrono::seconds>(t); };
    return static_cast<std::uint32_t>((whole(piece.started) - whole(pieces.front().started)) /
                                      std::chrono::seconds{1});
}

std::vector<SeriesPoint> merged_series(const Pieces& pieces) {
    std::vector<SeriesPoint> out;
    for (const auto& piece : pieces) {
        const auto offset = second_offset(pieces, piece);
        for (const auto& point : piece.scenario->series) {
            const std::size_t second = std::size_t{offset} + point.second;
            while (out.size() <= second) {
                auto& fresh = out.emplace_back();
                fresh.second = static_cast<std::uint32_t>(out.size() - 1);
            }
            add(out[second], point);
        }
    }
    return out;
}

}  // namespace squadload::merge::internal
