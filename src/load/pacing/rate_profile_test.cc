#include "load/pacing/rate_profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace squadload::pacing {
namespace {

using namespace std::chrono_literals;

RateProfile plateau(double per_s, Nanos duration) {
    return RateProfile({{duration, per_s, per_s}});
}

__extension__ using Wide = unsigned __int128;

// k / (numerator / denominator per second) to the nearest nanosecond, in whole numbers.
Nanos exact_start(std::uint64_t k, std::uint64_t numerator, std::uint64_t denominator) {
    const Wide twice = Wide{2} * k * denominator * 1'000'000'000U;
    return Nanos{static_cast<std::int64_t>((twice + numerator) / (Wide{2} * numerator))};
}

TEST(RateProfileTest, PlateausPlaceEveryArrivalOnItsNanosecond) {
    struct Case {
        double rate;
        std::uint64_t numerator, denominator;
        Nanos duration;
    };
    const std::vector<Case> cases = {
        {30, 30, 1, 300s},           {500, 500, 1, 10s},        {33.3, 333, 10, 300s},
        {7.0 / 3.0, 7, 3, 600s},     {0.1 + 0.2, 3, 10, 1h},    {1024, 1024, 1, 20s},
        {1e6, 1'000'000, 1, 1s},     {0.001, 1, 1000, 100h},    {99.99, 9999, 100, 500s},
        {100.0 / 60.0, 100, 60, 1h}, {1e5 / 7, 100'000, 7, 7s}, {1, 1, 1, 1s},
    };
    for (const Case& c : cases) {
        const RateProfile profile = plateau(c.rate, c.duration);
        const auto count = static_cast<std::uint64_t>(profile.total());
        EXPECT_EQ(profile.total(), static_cast<double>(count)) << c.rate;
        const Wide meant = Wide{c.numerator} * static_cast<Wide>(c.duration.count());
        EXPECT_EQ(Wide{count} * c.denominator * 1'000'000'000U, meant) << c.rate;
        for (std::uint64_t k = 0; k < count; ++k) {
            const auto x = static_cast<long double>(k);
            ASSERT_EQ(profile.time_of(x), exact_start(k, c.numerator, c.denominator))
                << c.rate << "/s, request " << k;
        }
        EXPECT_EQ(profile.time_of(static_cast<long double>(count)), Nanos::max()) << c.rate;
    }
}

TEST(RateProfileTest, TotalsOfDecimalRatesAreWhatTheyLookLike) {
    EXPECT_EQ(plateau(30, 300s).total(), 9000);
    EXPECT_EQ(plateau(0.1, 10s).total(), 1);
    EXPECT_EQ(plateau(0.1 + 0.2, 10s).total(), 3);
    EXPECT_EQ(plateau(33.3, 300s).total(), 9990);
    EXPECT_EQ(plateau(1.1, 30s).total(), 33);
    EXPECT_EQ(plateau(2.5, 1s).total(), 2.5);  // a true fraction stays one
    EXPECT_EQ(RateProfile({{10s, 0.1, 0.1}, {10s, 0.2, 0.2}, {10s, 0.7, 0.7}}).total(), 10);
    EXPECT_EQ(RateProfile({{10s, 0, 0.2}, {30s, 0.2, 0.1}}).total(), 5.5);
}

TEST(RateProfileTest, TheLastArrivalOfAFractionIsInside) {
    const RateProfile profile = plateau(2.5, 1s);
    EXPECT_EQ(profile.time_of(2), 800ms);
    EXPECT_EQ(profile.time_of(2.4999999999999L), 1s - 1ns);  // rounds to the end, which is outside
    EXPECT_EQ(profile.time_of(2.5L), Nanos::max());
}

TEST(RateProfileTest, ARampFromZeroStartsAtOnceAndFollowsTheSquareRoot) {
    const RateProfile up({{10s, 0, 100}});
    EXPECT_EQ(up.total(), 500);
    EXPECT_EQ(up.time_of(0), 0ns);
    for (int k = 0; k < 500; ++k) {  // 5 t² = k
        const double expected = std::sqrt(k / 5.0) * 1e9;
        ASSERT_NEAR(static_cast<double>(up.time_of(k).count()), expected, 1) << k;
    }
    EXPECT_EQ(up.time_of(500), Nanos::max());
}

TEST(RateProfileTest, ARampToZeroMirrorsTheRampFromZero) {
    const RateProfile up({{10s, 0, 100}});
    const RateProfile down({{10s, 100, 0}});
    for (int k = 1; k < 500; ++k) {
        const auto mirrored = (10s - up.time_of(500 - k)).count();
        ASSERT_NEAR(static_cast<double>(down.time_of(k).count()), static_cast<double>(mirrored), 2);
    }
    EXPECT_EQ(down.time_of(0), 0ns);
    EXPECT_EQ(down.time_of(500), Nanos::max());
}

TEST(RateProfileTest, PausesAndStepsAreCrossedByTheArrivalDueAtTheirStart) {
    const RateProfile profile({{10s, 0.1, 0.1}, {10s, 0, 0}, {5s, 0, 0}, {2s, 50, 50}, {1s, 0, 0}});
    EXPECT_EQ(profile.duration(), 28s);
    EXPECT_EQ(profile.total(), 101);
    EXPECT_EQ(profile.time_of(0), 0s);
    EXPECT_EQ(profile.time_of(1), 25s);  // due at 10 s, where the pauses begin
    EXPECT_EQ(profile.time_of(2), 25s + 20ms);
    EXPECT_EQ(profile.time_of(100), 25s + 1980ms);
    EXPECT_EQ(profile.time_of(101), Nanos::max());

    const RateProfile late({{3s, 0, 0}, {1s, 10, 10}});
    EXPECT_EQ(late.time_of(0), 3s);
    EXPECT_EQ(RateProfile({{3s, 0, 0}}).time_of(0), Nanos::max());
}

TEST(RateProfileTest, RateAndExpectationAtEveryTime) {
    const RateProfile profile({{10s, 0, 100}, {10s, 100, 100}, {5s, 20, 0}});
    EXPECT_EQ(profile.rate_at(-1ns), 0);
    EXPECT_EQ(profile.rate_at(0s), 0);
    EXPECT_DOUBLE_EQ(profile.rate_at(5s), 50);
    EXPECT_DOUBLE_EQ(profile.rate_at(10s), 100);
    EXPECT_DOUBLE_EQ(profile.rate_at(20s), 20);
    EXPECT_DOUBLE_EQ(profile.rate_at(22500ms), 10);
    EXPECT_EQ(profile.rate_at(25s), 0);
    EXPECT_EQ(profile.expected_by(-1s), 0);
    EXPECT_DOUBLE_EQ(profile.expected_by(5s), 125);
    EXPECT_DOUBLE_EQ(profile.expected_by(10s), 500);
    EXPECT_DOUBLE_EQ(profile.expected_by(15s), 1000);
    EXPECT_DOUBLE_EQ(profile.expected_by(22500ms), 1537.5);
    EXPECT_DOUBLE_EQ(profile.expected_by(25s), 1550);
    EXPECT_DOUBLE_EQ(profile.expected_by(1h), 1550);
}

RateProfile random_profile(Random& random) {
    std::vector<RateStage> stages;
    double rate = static_cast<double>(random.below(50));
    for (std::uint64_t n = 1 + random.below(6); n > 0; --n) {
        RateStage stage{Nanos{random.between(1'000'000, 20'000'000'000)}, rate, rate};
        if (random.below(2) == 0) stage.end_per_s = random.unit() * 500;
        if (random.below(4) == 0) stage.start_per_s = 0;
        if (random.below(4) == 0) stage.end_per_s = 0;
        rate = random.below(2) == 0 ? stage.end_per_s : random.unit() * 300;
        stages.push_back(stage);
    }
    return RateProfile(stages);
}

TEST(RateProfileTest, TimeAndExpectationAreInverseOnRandomProfiles) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Random random(seed, RandomStream::test, 0);
        const RateProfile profile = random_profile(random);
        if (profile.total() == 0) continue;
        Nanos before{0};
        for (int i = 0; i < 200; ++i) {
            const double arrivals = profile.total() * i / 200;
            const Nanos t = profile.time_of(static_cast<long double>(arrivals));
            ASSERT_GE(t, before) << seed;
            ASSERT_LT(t, profile.duration()) << seed;
            before = t;
            ASSERT_NEAR(profile.expected_by(t), arrivals, 1e-5) << seed;  // 1 ns of 500/s is 5e-7
            // Upper inverse: a little later, more than `arrivals` are expected.
            ASSERT_GT(profile.expected_by(t + 1ms), arrivals) << seed;
        }
    }
}

TEST(RateProfileTest, AYearLongProfileKeepsTheNanosecond) {
    const RateProfile profile = plateau(100'000, 10'000h);
    EXPECT_EQ(profile.total(), 3.6e12);
    EXPECT_EQ(profile.time_of(3'599'999'999'999.0L), 10'000h - 10us);
    const RateProfile ramp({{10'000h, 0, 100'000}});
    EXPECT_EQ(ramp.total(), 1.8e12);
    EXPECT_EQ(ramp.time_of(1.8e12L / 4), 5'000h);
}

TEST(RateProfileTest, NonsenseStopsTheProgram) {
    EXPECT_DEATH(RateProfile({}), "empty");
    EXPECT_DEATH(plateau(1, 0s), "duration");
    EXPECT_DEATH(plateau(-1, 1s), "per_s");
    EXPECT_DEATH(plateau(std::nan(""), 1s), "per_s");
    EXPECT_DEATH(RateProfile({{Nanos::max(), 1, 1}, {1ns, 1, 1}}), "duration");
}

}  // namespace
}  // namespace squadload::pacing
