#include "judge/compare/noise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

namespace squadload::compare {
namespace {

constexpr std::size_t kMostSpans = 20;  // long ones: what hangs together may last
// Where the design effect of times is looked at: a quick task may be the lowest tenth of all.
constexpr std::array kLevels{0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95};
// An effect counts when chance makes it so large this rarely; a single level by itself when this
// rarely.
constexpr double kRare = 0.005;
constexpr double kVeryRare = 0.0005;

std::uint64_t at_or_below(const measure::RoundedTimes& times, std::uint32_t ms) {
    std::uint64_t n = 0;
    times.for_each([&](std::uint32_t at, std::uint64_t count) {
        if (at <= ms) n += count;
    });
    return n;
}

std::uint32_t level(const measure::RoundedTimes& times, double q) {
    const auto wanted =
        static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(times.count())));
    std::uint64_t seen = 0;
    std::uint32_t at = 0;
    times.for_each([&](std::uint32_t ms, std::uint64_t count) {
        if (seen < wanted) at = ms;
        seen += count;
    });
    return at;
}

struct Moments {
    double mean = 0, variance = 0;  // of a sample; 0 for fewer than two
};
Moments moments(const std::vector<double>& values) {
    Moments m;
    const auto n = static_cast<double>(values.size());
    for (const double v : values) m.mean += v / n;
    if (values.size() > 1)
        for (const double v : values) m.variance += (v - m.mean) * (v - m.mean) / (n - 1);
    return m;
}

double sum(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

std::optional<Effect> effect_of(const PartCounts& a, const PartCounts& b) {
    const double share = (sum(a.part) + sum(b.part)) / (sum(a.whole) + sum(b.whole));
    if (!(share > 0 && share < 1)) return std::nullopt;
    std::vector<double> differences;  // each in units of what it would vary by
    for (std::size_t i = 0; i < a.part.size(); ++i) {
        if (a.whole[i] == 0 || b.whole[i] == 0) continue;
        const double difference = a.part[i] / a.whole[i] - b.part[i] / b.whole[i];
        differences.push_back(difference /
                              std::sqrt(share * (1 - share) * (1 / a.whole[i] + 1 / b.whole[i])));
    }
    if (differences.size() < kFewestSpans) return std::nullopt;
    return Effect{moments(differences).variance, differences.size() - 1};
}

// Beyond what chance gives `rarely`: a quantile of chi-squared (Wilson and Hilferty 1931).
bool clustered(const Effect& effect, double rarely) {
    const auto n = static_cast<double>(effect.degrees);
    const double root = 1 - 2 / (9 * n) + normal_quantile(rarely) * std::sqrt(2 / (9 * n));
    return effect.value > root * root * root;
}

}  // namespace

double normal_quantile(double tail) {
    double low = 0, high = 40;
    for (int i = 0; i < 100; ++i) {
        const double middle = (low + high) / 2;
        (std::erfc(middle / std::sqrt(2.0)) / 2 > tail ? low : high) = middle;
    }
    return low;
}

// With t = tan(angle)·sqrt(n) the density is that of cos^(n-1).
double student_quantile(double tail, std::size_t degrees) {
    constexpr int kSteps = 4000;
    constexpr double kRight = std::numbers::pi / 2;
    const auto power = static_cast<double>(degrees) - 1;
    std::vector<double> above(kSteps + 1);  // the integral from kRight down to step i of kSteps
    for (int i = 1; i <= kSteps; ++i) {
        const double middle = kRight * (1 - (i - 0.5) / kSteps);
        above[static_cast<std::size_t>(i)] =
            above[static_cast<std::size_t>(i) - 1] + std::pow(std::cos(middle), power);
    }
    const double wanted = tail * 2 * above.back();
    const auto at = std::upper_bound(above.begin(), above.end(), wanted) - above.begin();
    const double step =
        static_cast<double>(at - 1) +
        (wanted - above[static_cast<std::size_t>(at) - 1]) /
            (above[static_cast<std::size_t>(at)] - above[static_cast<std::size_t>(at) - 1]);
    return std::tan(kRight * (1 - step / kSteps)) * std::sqrt(static_cast<double>(degrees));
}

std::optional<Interval> quantile_interval(const measure::Histogram& h, double q,
                                          double design_effect, double z) {
    if (h.count() == 0) return std::nullopt;
    const auto n = static_cast<double>(h.count());
    const double half = z * std::sqrt(design_effect * q * (1 - q) / n);
    if (q - half <= 0 || q + half >= 1) return std::nullopt;
    return Interval{to_ms(h.percentile(q)), to_ms(h.percentile(q - half)),
                    to_ms(h.percentile(q + half))};
}

std::optional<Interval> mean_interval(const measure::Histogram& h, double design_effect, double z) {
    if (h.count() < 2) return std::nullopt;
    const auto n = static_cast<double>(h.count());
    const double mean = h.mean_ns() / 1e6;
    double squares = 0;
    h.for_each([&](std::uint32_t bucket, std::uint64_t count) {
        const double middle = (to_ms(measure::Histogram::bucket_low(bucket)) +
                               to_ms(std::min(measure::Histogram::bucket_high(bucket), h.max()))) /
                              2;
        squares += static_cast<double>(count) * (middle - mean) * (middle - mean);
    });
    const double half = z * std::sqrt(design_effect * squares / (n - 1) / n);
    return Interval{mean, mean - half, mean + half};
}

Interval share_interval(std::uint64_t part, std::uint64_t whole, double design_effect, double z) {
    const double p = static_cast<double>(part) / static_cast<double>(whole);
    const double n = static_cast<double>(whole) / design_effect;
    const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return {p, middle - half, middle + half};
}

Interval difference(const Interval& a, const Interval& b) {
    const double value = b.value - a.value;
    return {value, value - std::hypot(b.value - b.low, a.high - a.value),
            value + std::hypot(b.high - b.value, a.value - a.low)};
}

Spans::Spans(const result::ScenarioResult& a, const result::ScenarioResult& b, double tail)
    : a_(a),
      b_(b),
      tail_(tail),
      seconds_(std::min(a.series.size(), b.series.size())),
      count_(std::min(seconds_, kMostSpans)),
      times_(of_times()) {}

Noise Spans::assumed() const {
    return {kAssumedEffect, normal_quantile(tail_), false};
}

PartCounts Spans::counted(const result::ScenarioResult& s, const Part& part) const {
    PartCounts counts{std::vector<double>(count_), std::vector<double>(count_)};
    for (std::size_t i = 0; i < seconds_; ++i) {
        const auto& outcomes = s.series[i].outcomes;
        counts.part[i * count_ / seconds_] += static_cast<double>(part(outcomes));
        counts.whole[i * count_ / seconds_] += static_cast<double>(outcomes.requests());
    }
    return counts;
}

PartCounts Spans::counted(const result::ScenarioResult& s, const std::string& provider) const {
    PartCounts counts{std::vector<double>(count_), std::vector<double>(count_)};
    for (const auto& p : s.providers)
        for (std::size_t i = 0; i < std::min(seconds_, p.series.size()); ++i) {
            const auto calls = static_cast<double>(p.series[i].calls);
            counts.whole[i * count_ / seconds_] += calls;
            if (p.name == provider) counts.part[i * count_ / seconds_] += calls;
        }
    return counts;
}

Noise Spans::noise_of(const Effect& effect) const {
    const double z = normal_quantile(tail_);
    if (!clustered(effect, kRare)) return {1, z, true};
    // Its own uncertainty counts where there is no doubt that it is there.
    return {effect.value,
            clustered(effect, kVeryRare) ? student_quantile(tail_, effect.degrees) : z, true};
}

Noise Spans::share(const PartCounts& a, const PartCounts& b) const {
    if (count_ < kFewestSpans) return assumed();
    const auto effect = effect_of(a, b);
    if (!effect) return {1, normal_quantile(tail_), true};  // none, or all: nothing to cluster
    return noise_of(*effect);
}

Noise Spans::outcome(const Part& part) const {
    return share(counted(a_, part), counted(b_, part));
}

Noise Spans::provider(const std::string& name) const {
    return share(counted(a_, name), counted(b_, name));
}

Noise Spans::of_times() const {
    if (count_ < kFewestSpans) return assumed();
    std::vector<measure::RoundedTimes> in_a(count_), in_b(count_);
    measure::RoundedTimes all;
    for (std::size_t i = 0; i < seconds_; ++i) {
        in_a[i * count_ / seconds_].merge(a_.series[i].rounded_times);
        in_b[i * count_ / seconds_].merge(b_.series[i].rounded_times);
        all.merge(a_.series[i].rounded_times);
        all.merge(b_.series[i].rounded_times);
    }
    const auto below = [](const std::vector<measure::RoundedTimes>& spans, std::uint32_t ms) {
        PartCounts counts;
        for (const auto& span : spans) {
            counts.part.push_back(static_cast<double>(at_or_below(span, ms)));
            counts.whole.push_back(static_cast<double>(span.count()));
        }
        return counts;
    };
    std::vector<double> effects;
    Effect largest{0, 0};
    for (const double q : kLevels) {
        const auto ms = level(all, q);
        const auto effect = effect_of(below(in_a, ms), below(in_b, ms));
        if (!effect) continue;
        effects.push_back(effect->value);
        if (effect->value > largest.value) largest = *effect;
    }
    if (effects.empty()) return assumed();
    // Chance makes some level large; one that is beyond chance stands for all.
    if (clustered(largest, kVeryRare)) return noise_of(largest);
    return noise_of({moments(effects).mean, largest.degrees});
}

Spans::Rate Spans::ok_rate() const {
    Rate rate;
    if (seconds_ == 0) return rate;
    const auto ok = [](const measure::OutcomeCounts& c) { return c.ok(); };
    const auto in_a = counted(a_, ok).part, in_b = counted(b_, ok).part;
    rate.a = sum(in_a) / static_cast<double>(seconds_);
    rate.b = sum(in_b) / static_cast<double>(seconds_);
    if (count_ < kFewestSpans) return rate;
    std::vector<double> differences;
    const double length = static_cast<double>(seconds_) / static_cast<double>(count_);
    for (std::size_t i = 0; i < count_; ++i) differences.push_back((in_b[i] - in_a[i]) / length);
    const auto m = moments(differences);
    const double half =
        student_quantile(tail_, count_ - 1) * std::sqrt(m.variance / static_cast<double>(count_));
    rate.difference = Interval{m.mean, m.mean - half, m.mean + half};
    return rate;
}

}  // namespace squadload::compare
