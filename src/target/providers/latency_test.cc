#include "target/providers/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kDraws = 200'000;

std::vector<double> sorted_ttft_ms(const LatencySettings& settings, std::uint64_t seed) {
    std::vector<double> all;
    for (std::uint64_t number = 1; number <= kDraws; ++number) {
        all.push_back(to_ms(draw(settings, seed, number, 0).ttft));
    }
    std::sort(all.begin(), all.end());
    return all;
}

TEST(LatencyTest, TimeToFirstTokenHasTheGivenPercentiles) {
    const LatencySettings settings{100ms, 500ms, 280, 60, 100};
    const auto all = sorted_ttft_ms(settings, 7);
    const double sigma = std::log(5.0) / 2.3263;
    const struct {
        double quantile, z;
    } points[] = {{0.01, -2.3263}, {0.1, -1.2816}, {0.5, 0}, {0.9, 1.2816}, {0.99, 2.3263}};
    for (const auto& point : points) {
        const double seen = all[static_cast<std::size_t>(point.quantile * (kDraws - 1))];
        const double expected = 100 * std::exp(sigma * point.z);
        // Standard error of a sample quantile: sqrt(q (1-q) / n) / density; five of them.
        const double density =
            std::exp(-point.z * point.z / 2) / std::sqrt(2 * 3.14159265358979) / (sigma * expected);
        const double error = std::sqrt(point.quantile * (1 - point.quantile) / kDraws) / density;
        EXPECT_NEAR(seen, expected, 5 * error) << point.quantile;
    }
}

TEST(LatencyTest, TheLogarithmIsNormal) {
    const auto all = sorted_ttft_ms({100ms, 500ms, 280, 60, 100}, 3);
    const double sigma = std::log(5.0) / 2.3263;
    double worst = 0;  // Kolmogorov and Smirnov's distance
    for (std::size_t i = 0; i < all.size(); ++i) {
        const double z = std::log(all[i] / 100) / sigma;
        const double at = 0.5 * std::erfc(-z / std::sqrt(2.0));
        worst = std::max(worst, std::abs(at - static_cast<double>(i) / kDraws));
    }
    EXPECT_LT(worst, 1.95 / std::sqrt(kDraws));  // p = 0.001
}

TEST(LatencyTest, SameSeedSameDraws) {
    const LatencySettings settings;
    int different = 0;
    for (std::uint64_t number = 1; number <= 1'000; ++number) {
        const auto a = draw(settings, 5, number, 0);
        const auto b = draw(settings, 5, number, 0);
        EXPECT_EQ(a.ttft, b.ttft);
        EXPECT_EQ(a.completion_tokens, b.completion_tokens);
        different += a.ttft != draw(settings, 6, number, 0).ttft ? 1 : 0;
    }
    EXPECT_GT(different, 990);
    EXPECT_NE(seed_of(1, "groq"), seed_of(1, "cerebras"));
    EXPECT_NE(seed_of(1, "groq"), seed_of(2, "groq"));
    EXPECT_EQ(seed_of(1, "groq"), seed_of(1, "groq"));
}

TEST(LatencyTest, ConstantWhenBothPercentilesAreTheSame) {
    const LatencySettings settings{80ms, 80ms, 100, 1, 1};
    for (std::uint64_t number = 1; number <= 100; ++number) {
        const auto drawn = draw(settings, 1, number, 0);
        EXPECT_EQ(drawn.ttft, 80ms);
        EXPECT_EQ(answer_time(settings, drawn, 1), 80ms);
    }
}

TEST(LatencyTest, CompletionsAreUniformAndCutAtMaxTokens) {
    const LatencySettings settings{100ms, 500ms, 280, 60, 99};
    int counts[40] = {};
    constexpr int kCalls = 40'000;
    for (std::uint64_t number = 1; number <= kCalls; ++number) {
        const auto drawn = draw(settings, 11, number, 0);
        ASSERT_GE(drawn.completion_tokens, 60);
        ASSERT_LE(drawn.completion_tokens, 99);
        EXPECT_FALSE(drawn.cut);
        ++counts[drawn.completion_tokens - 60];
        const auto bounded = draw(settings, 11, number, 70);
        EXPECT_EQ(bounded.completion_tokens, std::min<std::int64_t>(70, drawn.completion_tokens));
        EXPECT_EQ(bounded.cut, drawn.completion_tokens > 70);
        EXPECT_EQ(bounded.ttft, drawn.ttft);
    }
    double chi_square = 0;
    for (const int n : counts) chi_square += (n - 1000.0) * (n - 1000.0) / 1000;
    EXPECT_LT(chi_square, 73);  // 39 degrees of freedom, p = 0.001
}

TEST(LatencyTest, AnswerTimeFollowsTheFormula) {
    const LatencySettings settings{100ms, 500ms, 200, 1, 100};
    EXPECT_EQ(answer_time(settings, {100ms, 81, false}, 1), 500ms);
    EXPECT_EQ(answer_time(settings, {100ms, 1, false}, 1), 100ms);
    EXPECT_EQ(answer_time(settings, {100ms, 81, false}, 0.5), 250ms);
    EXPECT_EQ(answer_time(settings, {100ms, 81, false}, 0), 0ms);
}

TEST(LatencyTest, TheTailIsBounded) {
    const LatencySettings settings{1s, 1h, 280, 60, 100};
    Nanos longest{};
    for (std::uint64_t number = 1; number <= 10'000; ++number) {
        longest = std::max(longest, draw(settings, 1, number, 0).ttft);
    }
    EXPECT_EQ(longest, kLongestTtft);
}

}  // namespace
}  // namespace squadload::providers
