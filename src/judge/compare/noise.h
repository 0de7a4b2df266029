// Intervals of one figure, and of the difference of two. For this room; the method is in compare.h.
#pragma once

#include <cstdint>
#include <optional>

#include "judge/result/run_result.h"

namespace squadload::compare {

struct Interval {
    double value = 0, low = 0, high = 0;
};

// z of the standard normal distribution with `tail` above it; 0 < tail < 0.5.
[[nodiscard]] double normal_quantile(double tail);

// ms. None: too few samples for the interval, or none at all.
[[nodiscard]] std::optional<Interval> quantile_interval(const measure::Histogram& h, double q,
                                                        double design_effect, double z);
[[nodiscard]] std::optional<Interval> mean_interval(const measure::Histogram& h,
                                                    double design_effect, double z);
// `part` of `whole`, whole > 0.
[[nodiscard]] Interval share_interval(std::uint64_t part, std::uint64_t whole, double design_effect,
                                      double z);
// Of b − a, where both vary by themselves.
[[nodiscard]] Interval difference(const Interval& a, const Interval& b);

// What both runs have second by second, in up to 20 spans of the same schedule time.
struct Spans {
    std::size_t count = 0;
    double design_effect = 1;
    std::optional<Interval> ok_rate;  // of B − A per second, seen over the spans
};
[[nodiscard]] Spans spans_of(const result::ScenarioResult& a, const result::ScenarioResult& b,
                             double z);
inline constexpr std::size_t kFewestSpans = 5;
inline constexpr double kAssumedEffect = 2;  // where they are fewer

}  // namespace squadload::compare
