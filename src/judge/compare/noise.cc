#include "judge/compare/noise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace squadload::compare {
namespace {

constexpr std::size_t kMostSpans = 20;
constexpr std::array kLevels{0.5, 0.75, 0.9, 0.95};  // where the design effect is looked at

using Series = std::vector<measure::SeriesPoint>;

// One span of one run.
struct Span {
    measure::RoundedTimes times;
    std::uint64_t ok = 0;
};

std::vector<Span> cut(const Series& series, std::size_t seconds, std::size_t count) {
    std::vector<Span> spans(count);
    for (std::size_t i = 0; i < seconds; ++i) {
        Span& span = spans[i * count / seconds];
        span.times.merge(series[i].rounded_times);
        span.ok += series[i].outcomes.ok();
    }
    return spans;
}

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

// How much more the spans' differences vary than those of independent requests; none: no span has
// requests on both sides of `ms`.
std::optional<double> effect_at(const std::vector<Span>& a, const std::vector<Span>& b,
                                double share, std::uint32_t ms) {
    // Each difference in units of what it would vary by.
    std::vector<double> differences;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto na = static_cast<double>(a[i].times.count());
        const auto nb = static_cast<double>(b[i].times.count());
        if (na == 0 || nb == 0) continue;
        const double difference = static_cast<double>(at_or_below(a[i].times, ms)) / na -
                                  static_cast<double>(at_or_below(b[i].times, ms)) / nb;
        differences.push_back(difference / std::sqrt(share * (1 - share) * (1 / na + 1 / nb)));
    }
    if (differences.size() < kFewestSpans) return std::nullopt;
    return moments(differences).variance;
}

double design_effect(const std::vector<Span>& a, const std::vector<Span>& b) {
    measure::RoundedTimes all;
    for (const auto* spans : {&a, &b})
        for (const auto& span : *spans) all.merge(span.times);
    double sum = 0;
    int seen = 0;
    for (const double q : kLevels) {
        const auto ms = level(all, q);
        const double share =
            static_cast<double>(at_or_below(all, ms)) / static_cast<double>(all.count());
        if (!(share > 0 && share < 1)) continue;
        if (const auto effect = effect_at(a, b, share, ms)) {
            sum += *effect;
            ++seen;
        }
    }
    return seen == 0 ? kAssumedEffect : std::max(1.0, sum / seen);
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

Spans spans_of(const result::ScenarioResult& a, const result::ScenarioResult& b, double z) {
    Spans spans;
    const std::size_t seconds = std::min(a.series.size(), b.series.size());
    spans.count = std::min(seconds, kMostSpans);
    spans.design_effect = kAssumedEffect;
    if (spans.count < kFewestSpans) return spans;
    const auto in_a = cut(a.series, seconds, spans.count);
    const auto in_b = cut(b.series, seconds, spans.count);
    spans.design_effect = design_effect(in_a, in_b);
    std::vector<double> rates;
    const double length = static_cast<double>(seconds) / static_cast<double>(spans.count);
    for (std::size_t i = 0; i < spans.count; ++i)
        rates.push_back((static_cast<double>(in_b[i].ok) - static_cast<double>(in_a[i].ok)) /
                        length);
    const auto m = moments(rates);
    const double half = z * std::sqrt(m.variance / static_cast<double>(rates.size()));
    spans.ok_rate = Interval{m.mean, m.mean - half, m.mean + half};
    return spans;
}

}  // namespace squadload::compare
