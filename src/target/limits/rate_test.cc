#include "target/limits/rate.h"

#include <gtest/gtest.h>

#include <limits>

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kLargestInt = std::numeric_limits<std::int64_t>::max();

TEST(RateTest, FractionsAreReducedAndExactWhereTheyFit) {
    EXPECT_EQ(rate_of(60, 60'000'000'000), (Rate{1, 1s}));
    EXPECT_EQ(rate_of(0, 5), (Rate{0, Nanos{1}}));
    EXPECT_EQ(rate_of(7, 3), (Rate{7, Nanos{3}}));
    EXPECT_EQ(rate_of(Wide{kLargestInt} * 1'000'000, Wide{1'000'000}), (Rate{kLargestInt, 1ns}));
}

TEST(RateTest, WhatDoesNotFitIsRoundedDown) {
    const Wide amount = Wide{kLargestInt} * kLargestInt - 2;
    const Wide per = Wide{kLargestInt} * 3'000 + 1;
    const Rate rate = rate_of(amount, per);  // per becomes 3,001: 63 bits are gone
    EXPECT_GT(rate.per.count(), 0);
    const long double kept = static_cast<long double>(rate.amount) / rate.per.count();
    const long double meant = static_cast<long double>(amount) / static_cast<long double>(per);
    EXPECT_LE(kept, meant * (1 + 1e-18L));
    EXPECT_GT(kept, meant * (1 - 1e-3L));
}

TEST(RateTest, ScaledIsExactInMillionths) {
    EXPECT_EQ(scaled({1560, 60s}, 0.5), (Rate{13, 1s}));
    EXPECT_EQ(scaled({100, 1s}, 0.29), (Rate{29, 1s}));
    EXPECT_EQ(scaled({30, 60s}, 1), (Rate{1, 2s}));
    EXPECT_EQ(scaled({30, 60s}, 7), (Rate{1, 2s}));
    EXPECT_EQ(scaled({30, 60s}, 0).amount, 0);
    EXPECT_EQ(scaled({30, 60s}, -1).amount, 0);
}

TEST(RateTest, AGuardCostsDepthFirstAndThenRate) {
    struct Case {
        Rate rate;
        std::int64_t depth;
        Nanos guard;
        Rate guarded_rate;
        std::int64_t guarded_depth;
    };
    const Case cases[] = {
        {{26, 1s}, 52, 0ms, {26, 1s}, 52}, {{26, 1s}, 52, 20ms, {26, 1s}, 51},  // r g = 0.52
        {{26, 1s}, 52, 1s, {26, 1s}, 26},  {{26, 1s}, 27, 1s, {26, 1s}, 1},     // just enough depth
        {{10, 1s}, 1, 100ms, {5, 1s}, 1},  // 1 / r' = 1 / r + g
        {{10, 1s}, 5, 900ms, {5, 1s}, 1},  // r g = 9: r' = r 5 / 10
        {{0, 1s}, 5, 900ms, {0, 1s}, 5},   {{1, 1s}, 1, -5ms, {1, 1s}, 1},
    };
    for (const Case& c : cases) {
        const BucketShape shape = guarded(c.rate, c.depth, c.guard);
        EXPECT_EQ(shape.depth, c.guarded_depth) << c.rate.amount << " " << c.guard.count();
        // As fractions: 26 per s is 52 per 2 s.
        EXPECT_EQ(Wide{shape.rate.amount} * c.guarded_rate.per.count() ==
                      Wide{c.guarded_rate.amount} * shape.rate.per.count(),
                  true)
            << c.rate.amount << " " << c.guard.count();
    }
}

}  // namespace
}  // namespace squadload::limits
