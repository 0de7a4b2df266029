#include "load/measure/rounded_times.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"

namespace squadload::measure {
namespace {

using namespace std::chrono_literals;

TEST(RoundedTimesTest, HalfGoesToTheEvenMultiple) {
    // As a stock Locust rounds them.
    const std::map<double, std::uint32_t> known{
        {0, 0},      {0.5, 0},     {0.500001, 1}, {1.5, 2},      {2.5, 2},       {99.4, 99},
        {99.5, 100}, {100, 100},   {105, 100},    {115, 120},    {145, 140},     {994.9, 990},
        {995, 1000}, {1050, 1000}, {1150, 1200},  {9950, 10000}, {10500, 10000}, {11500, 12000}};
    for (const auto& [ms, rounded] : known)
        EXPECT_EQ(RoundedTimes::rounded(Nanos{std::llround(ms * 1e6)}), rounded) << ms;
    EXPECT_EQ(RoundedTimes::rounded(-1s), 0U);
    EXPECT_EQ(RoundedTimes::rounded(100h), RoundedTimes::kLongest);
}

TEST(RoundedTimesTest, EveryRoundedValueHasASlotOfItsOwn) {
    Random random(3, RandomStream::test, 0);
    RoundedTimes times;
    std::map<std::uint32_t, std::uint64_t> expected;
    for (int i = 0; i < 20'000; ++i) {
        const Nanos t{std::llround(std::pow(10, 5 + random.unit() * 8))};  // 0.1 ms … 10,000 s
        times.record(t);
        ++expected[RoundedTimes::rounded(t)];
    }
    std::map<std::uint32_t, std::uint64_t> seen;
    RoundedTimes again;
    times.for_each([&](std::uint32_t ms, std::uint64_t n) {
        seen[ms] = n;
        EXPECT_TRUE(again.add(ms, n));
    });
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(times.count(), 20'000U);
    EXPECT_EQ(again, times);
}

TEST(RoundedTimesTest, WhatRoundingNeverGivesIsRefused) {
    RoundedTimes times;
    for (const std::uint32_t ms : {101U, 105U, 1010U, 10'100U, 3'601'000U, 4'000'000'000U})
        EXPECT_FALSE(times.add(ms, 1)) << ms;
    EXPECT_EQ(times.count(), 0U);
}

TEST(RoundedTimesTest, MergingAddsUpAndClearingForgets) {
    RoundedTimes a, b, whole;
    for (const Nanos t : {Nanos{1ms}, Nanos{250ms}, Nanos{12s}}) {
        a.record(t);
        whole.record(t);
    }
    b.record(3ms);
    whole.record(3ms);
    b.merge(a);
    EXPECT_EQ(b, whole);
    RoundedTimes short_only;
    short_only.record(1ms);
    EXPECT_FALSE(short_only == whole);
    b.clear();
    EXPECT_EQ(b, RoundedTimes());
    b.for_each([](std::uint32_t, std::uint64_t) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace squadload::measure
