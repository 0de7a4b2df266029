// Intervals of one figure, and of the difference of two. For this room; the method is in compare.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "judge/result/run_result.h"

namespace squadload::compare {

struct Interval {
    double value = 0, low = 0, high = 0;
};

// z of the standard normal distribution with `tail` above it; 0 < tail < 0.5.
[[nodiscard]] double normal_quantile(double tail);
// The same of Student's t, for a spread that was itself estimated; degrees >= 1.
[[nodiscard]] double student_quantile(double tail, std::size_t degrees);

// ms. None: too few samples for the interval, or none at all.
[[nodiscard]] std::optional<Interval> quantile_interval(const measure::Histogram& h, double q,
                                                        double design_effect, double z);
[[nodiscard]] std::optional<Interval> mean_interval(const measure::Histogram& h,
                                                    double design_effect, double z);
// How much more than independent requests some figure varies, and the z that goes with it.
struct Noise {
    double effect = 1;  // D
    double z = 0;
    bool seen = false;  // else assumed: too few spans, or nothing to see it by
};

// `part` of `whole`, whole > 0.
[[nodiscard]] Interval share_interval(std::uint64_t part, std::uint64_t whole, double design_effect,
                                      double z);
// Of b − a, where both vary by themselves.
[[nodiscard]] Interval difference(const Interval& a, const Interval& b);

inline constexpr std::size_t kFewestSpans = 5;
inline constexpr double kAssumedEffect = 2;  // where they are fewer

// How much more the spans' differences vary than those of independent requests.
struct Effect {
    double value = 1;
    std::size_t degrees = 0;  // of freedom
};

// Counts of one run by span: `part` of `whole` requests.
struct PartCounts {
    std::vector<double> part, whole;
};

// What both runs have second by second, in up to 20 spans of the same schedule time.
class Spans {
  public:
    // `tail`: the risk of one figure, on either side.
    Spans(const result::ScenarioResult& a, const result::ScenarioResult& b, double tail);

    [[nodiscard]] std::size_t count() const { return count_; }
    // Of response times.
    [[nodiscard]] const Noise& times() const { return times_; }
    // Of a share of requests.
    [[nodiscard]] Noise share(const PartCounts& a, const PartCounts& b) const;
    // Requests with an outcome, and calls of a provider.
    using Part = std::function<std::uint64_t(const measure::OutcomeCounts&)>;
    [[nodiscard]] Noise outcome(const Part& part) const;
    [[nodiscard]] Noise provider(const std::string& name) const;

    // ok requests per second of the seconds that both have, and their difference.
    struct Rate {
        double a = 0, b = 0;
        std::optional<Interval> difference;
    };
    [[nodiscard]] Rate ok_rate() const;

  private:
    [[nodiscard]] PartCounts counted(const result::ScenarioResult& s, const Part& part) const;
    [[nodiscard]] PartCounts counted(const result::ScenarioResult& s,
                                     const std::string& provider) const;
    [[nodiscard]] Noise of_times() const;
    [[nodiscard]] Noise noise_of(const Effect& effect) const;
    [[nodiscard]] Noise assumed() const;

    const result::ScenarioResult& a_;
    const result::ScenarioResult& b_;
    double tail_;
    std::size_t seconds_, count_;
    Noise times_;
};

}  // namespace squadload::compare
