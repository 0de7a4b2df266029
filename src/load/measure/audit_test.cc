#include "load/measure/audit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace squadload::measure {
namespace {

using namespace std::chrono_literals;
using pacing::Arrivals;
using pacing::RateProfile;
using pacing::RateStage;
using pacing::Schedule;
using pacing::ScheduleCursor;

ArrivalBins started(const Schedule& schedule, std::uint32_t workers = 1, Nanos late = 0ns) {
    ArrivalBins merged;
    for (std::uint32_t w = 0; w < workers; ++w) {
        ArrivalBins bins(schedule, kAuditBins);
        for (ScheduleCursor c(schedule, w, workers); !c.done(); c.advance()) {
            bins.add(c.offset() + late);
        }
        merged.merge(bins);
    }
    return merged;
}

std::uint64_t counted(const ArrivalBins& bins) {
    return std::accumulate(bins.counts().begin(), bins.counts().end(), std::uint64_t{0});
}

const std::vector<std::vector<RateStage>> kProfiles = {
    {{100s, 100, 100}},
    {{100s, 0, 200}},
    {{100s, 200, 0}},
    {{10s, 0, 300}, {5s, 0, 0}, {30s, 300, 300}, {10s, 20, 20}, {20s, 300, 0}},
};

TEST(ArrivalBinsTest, ConstantArrivalsFillEveryBinAlike) {
    for (const auto& stages : kProfiles) {
        const Schedule schedule(RateProfile(stages), Arrivals::constant, 1);
        const ArrivalBins bins = started(schedule);
        EXPECT_EQ(static_cast<double>(counted(bins)), schedule.expected_total());
        const double mean = schedule.profile().total() / kAuditBins;
        for (const std::uint32_t n : bins.counts()) ASSERT_NEAR(n, mean, 1.001);
    }
}

TEST(ArrivalBinsTest, CountsWhatLiesOnTheAxis) {
    const Schedule schedule(RateProfile({{10s, 10, 10}}), Arrivals::poisson, 1);
    ArrivalBins bins(schedule, 4);
    for (const Nanos t :
         {Nanos{0s}, Nanos{2499ms}, Nanos{2500ms}, Nanos{10s - 1ns}, Nanos{10s}, Nanos{11s}}) {
        bins.add(t);
    }
    EXPECT_EQ(bins.counts(), (std::vector<std::uint32_t>{2, 1, 0, 1}));
    const Schedule nothing(RateProfile({{10s, 0, 0}}), Arrivals::poisson, 1);
    ArrivalBins idle(nothing, 4);
    idle.add(1s);
    EXPECT_EQ(counted(idle), 1U);
}

TEST(ArrivalBinsTest, MergingAddsBinByBin) {
    const Schedule schedule(RateProfile(kProfiles[3]), Arrivals::poisson, 3);
    const ArrivalBins one = started(schedule);
    for (const std::uint32_t workers : {2U, 3U, 8U}) {
        EXPECT_EQ(started(schedule, workers).counts(), one.counts());
    }
    ArrivalBins merged = one;
    merged.merge(ArrivalBins());
    EXPECT_EQ(merged.counts(), one.counts());
    EXPECT_DEATH(merged.merge(ArrivalBins(schedule, 7)), "size");
}

TEST(RandomnessTest, PoissonArrivalsOfAnyProfileAreWithinFourStandardErrors) {
    for (const auto& stages : kProfiles) {
        for (std::uint64_t seed = 1; seed <= 25; ++seed) {
            const Schedule schedule(RateProfile(stages), Arrivals::poisson, seed);
            const auto r = randomness(started(schedule, 1 + seed % 4, 200us).counts());
            ASSERT_TRUE(r);
            EXPECT_TRUE(r->within(4))
                << seed << ": " << r->dispersion_index << " " << r->lag1_correlation;
            EXPECT_EQ(r->bins, kAuditBins);
            EXPECT_NEAR(r->dispersion_error, std::sqrt(2 / 999.0), 1e-12);
            EXPECT_NEAR(r->lag1_error, std::sqrt(1 / 1000.0), 1e-12);
        }
    }
}

TEST(RandomnessTest, TheErrorsAreTheOnesSeenOverManySeeds) {
    constexpr int kRuns = 200;
    int beyond_one = 0;
    double sum = 0;
    for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
        const Schedule schedule(RateProfile({{100s, 100, 100}}), Arrivals::poisson, seed);
        const auto r = randomness(started(schedule).counts());
        sum += r->dispersion_index;
        if (std::abs(r->dispersion_index - 1) > r->dispersion_error) ++beyond_one;
    }
    EXPECT_NEAR(sum / kRuns, 1, 4 * std::sqrt(2 / 999.0 / kRuns));
    EXPECT_NEAR(beyond_one, 0.317 * kRuns, 4 * std::sqrt(0.317 * 0.683 * kRuns));
}

TEST(RandomnessTest, APoissonRunEndedByItsNumberOfRequestsIsRandomToo) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const Schedule open_end(RateProfile({{10'000h, 50, 50}}), Arrivals::poisson, seed, 10'000);
        const auto r = randomness(started(open_end).counts());
        ASSERT_TRUE(r);
        EXPECT_TRUE(r->within(4)) << seed << ": " << r->dispersion_index;
        // The profile and the number end the run at about the same time.
        const Schedule either(RateProfile({{200s, 50, 50}}), Arrivals::poisson, seed, 10'000);
        EXPECT_TRUE(randomness(started(either).counts())->within(4)) << seed;
    }
}

TEST(RandomnessTest, ConstantArrivalsAreFarOut) {
    for (const auto& stages : kProfiles) {
        const Schedule schedule(RateProfile(stages), Arrivals::constant, 1);
        const auto r = randomness(started(schedule).counts());
        ASSERT_TRUE(r);
        EXPECT_FALSE(r->within(10));
        EXPECT_LT(r->dispersion_index, 0.1);
    }
}

TEST(RandomnessTest, BurstsAndStallsAreFarOut) {
    const Schedule schedule(RateProfile({{100s, 100, 100}}), Arrivals::poisson, 5);
    ArrivalBins bursts(schedule, kAuditBins);
    ArrivalBins stalls(schedule, kAuditBins);
    for (ScheduleCursor c(schedule, 0, 1); !c.done(); c.advance()) {
        for (int i = 0; i < 3; ++i) bursts.add(c.offset());
        // Held back for the first half of every two seconds.
        const Nanos in_period = c.offset() % 2s;
        stalls.add(c.offset() + (in_period < 1s ? 1s - in_period : 0s));
    }
    const auto by_threes = randomness(bursts.counts());
    EXPECT_FALSE(by_threes->within(10));
    EXPECT_NEAR(by_threes->dispersion_index, 3, 4 * 3 * by_threes->dispersion_error);
    EXPECT_FALSE(randomness(stalls.counts())->within(10));
}

TEST(RandomnessTest, SlowWavesShowInTheCorrelation) {
    // Every second bin pair shares its surplus: the right dispersion, the wrong order.
    const Schedule schedule(RateProfile({{100s, 100, 100}}), Arrivals::poisson, 5);
    std::vector<std::uint32_t> counts = started(schedule).counts();
    for (std::size_t i = 1; i < counts.size(); i += 2) counts[i] = counts[i - 1];
    const auto r = randomness(counts);
    EXPECT_GT(r->lag1_correlation, 10 * r->lag1_error);
    EXPECT_FALSE(r->within(4));
}

TEST(RandomnessTest, FiguresByHand) {
    std::vector<std::uint32_t> counts;
    for (int i = 0; i < 500; ++i) counts.insert(counts.end(), {1, 3});
    const auto r = randomness(counts);
    ASSERT_TRUE(r);
    EXPECT_NEAR(r->dispersion_index, 1000.0 / 999 / 2, 1e-12);
    EXPECT_NEAR(r->lag1_correlation, -999.0 / 1000, 1e-12);
    const auto flat = randomness(std::vector<std::uint32_t>(1000, 4));
    EXPECT_EQ(flat->dispersion_index, 0);
    EXPECT_EQ(flat->lag1_correlation, 0);
    EXPECT_FALSE(flat->within(4));
}

TEST(RandomnessTest, TooSmallASampleSaysNothing) {
    EXPECT_FALSE(randomness({}));
    EXPECT_FALSE(randomness(std::vector<std::uint32_t>(999, 5)));
    EXPECT_TRUE(randomness(std::vector<std::uint32_t>(1000, 1)));
    std::vector<std::uint32_t> sparse(1000, 1);
    sparse[3] = 0;
    EXPECT_FALSE(randomness(sparse));
}

}  // namespace
}  // namespace squadload::measure
