#include "load/pacing/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "base/random.h"

namespace squadload::pacing {
namespace {

using namespace std::chrono_literals;
using Starts = std::vector<std::pair<std::uint64_t, Nanos>>;

Starts walk(const Schedule& schedule, std::uint32_t worker = 0, std::uint32_t workers = 1) {
    Starts starts;
    for (ScheduleCursor c(schedule, worker, workers); !c.done(); c.advance()) {
        starts.emplace_back(c.index(), c.offset());
    }
    return starts;
}

Schedule constant(std::vector<RateStage> stages,
                  std::optional<std::uint64_t> max_requests = std::nullopt) {
    return Schedule(RateProfile(std::move(stages)), Arrivals::constant, 1, max_requests);
}

Schedule poisson(std::vector<RateStage> stages, std::uint64_t seed,
                 std::optional<std::uint64_t> max_requests = std::nullopt) {
    return Schedule(RateProfile(std::move(stages)), Arrivals::poisson, seed, max_requests);
}

// A profile with every kind of stage: 500 + 500 + 0 + 300 + 100 expected starts.
const std::vector<RateStage> kVaried = {
    {10s, 0, 100}, {5s, 100, 100}, {7s, 0, 0}, {10s, 50, 10}, {1s, 100, 100}};

TEST(ScheduleTest, ConstantStartsAreExactInNumberAndPlace) {
    const Starts sustained = walk(constant({{300s, 30, 30}}));
    ASSERT_EQ(sustained.size(), 9000U);
    for (std::uint64_t k = 0; k < 9000; ++k) {
        ASSERT_EQ(sustained[k].first, k);
        ASSERT_EQ(sustained[k].second.count(),
                  static_cast<std::int64_t>((k * 2'000'000'000 + 30) / 60));
    }
    EXPECT_EQ(walk(constant({{10s, 500, 500}})).size(), 5000U);
    EXPECT_EQ(walk(constant({{10s, 0.1, 0.1}})).size(), 1U);
    EXPECT_EQ(walk(constant({{10s, 0.1 + 0.2, 0.1 + 0.2}})).size(), 3U);
    EXPECT_EQ(walk(constant({{300s, 33.3, 33.3}})).size(), 9990U);
    EXPECT_EQ(walk(constant({{3s, 7.0 / 3.0, 7.0 / 3.0}})).size(), 7U);
    EXPECT_EQ(walk(constant({{1s, 2.5, 2.5}})).size(), 3U);
    EXPECT_EQ(walk(constant({{1s, 1e-9, 1e-9}})).size(), 1U);
    EXPECT_EQ(walk(constant(kVaried)).size(), 1400U);
    EXPECT_TRUE(walk(constant({{10s, 0, 0}})).empty());
}

TEST(ScheduleTest, ExpectedTotalIsTheNumberOfConstantStarts) {
    EXPECT_EQ(constant({{300s, 30, 30}}).expected_total(), 9000);
    EXPECT_EQ(constant({{1s, 2.5, 2.5}}).expected_total(), 3);
    EXPECT_EQ(constant({{300s, 30, 30}}, 100).expected_total(), 100);
    EXPECT_EQ(constant({{1s, 30, 30}}, 100).expected_total(), 30);
    EXPECT_EQ(constant({{1s, 30, 30}}, 0).expected_total(), 0);
    EXPECT_EQ(poisson({{1s, 2.5, 2.5}}, 1).expected_total(), 2.5);
    EXPECT_EQ(poisson({{10'000h, 100, 100}}, 1, 1000).expected_total(), 1000);
}

TEST(ScheduleTest, ANumberOfRequestsEndsTheSequenceEarlier) {
    for (const Arrivals arrivals : {Arrivals::constant, Arrivals::poisson}) {
        const Schedule bounded(RateProfile({{10'000h, 1000, 1000}}), arrivals, 7, 1234);
        const Schedule longer(RateProfile({{10'000h, 1000, 1000}}), arrivals, 7, 5000);
        const Starts starts = walk(bounded);
        ASSERT_EQ(starts.size(), 1234U);
        const Starts more = walk(longer);
        EXPECT_TRUE(std::equal(starts.begin(), starts.end(), more.begin()));
        EXPECT_TRUE(walk(Schedule(bounded.profile(), arrivals, 7, 0)).empty());
        EXPECT_EQ(walk(Schedule(bounded.profile(), arrivals, 7, 2), 2, 3).size(), 0U);
    }
    EXPECT_EQ(walk(constant({{1s, 30, 30}}, 100)).size(), 30U);
}

TEST(ScheduleTest, WorkersTogetherWalkTheOneSequence) {
    for (const Schedule& schedule : {constant(kVaried), constant(kVaried, 777), poisson(kVaried, 5),
                                     poisson(kVaried, 5, 777), constant({{1s, 3, 3}})}) {
        const Starts whole = walk(schedule);
        ASSERT_FALSE(whole.empty());
        for (std::uint32_t workers = 1; workers <= 7; ++workers) {
            Starts merged;
            for (std::uint32_t w = 0; w < workers; ++w) {
                const Starts share = walk(schedule, w, workers);
                for (const auto& [k, offset] : share) ASSERT_EQ(k % workers, w);
                merged.insert(merged.end(), share.begin(), share.end());
            }
            std::sort(merged.begin(), merged.end());
            ASSERT_EQ(merged, whole) << workers << " workers";
        }
    }
}

TEST(ScheduleTest, ACursorStaysDone) {
    const Schedule schedule = constant({{1s, 2, 2}});
    ScheduleCursor cursor(schedule, 0, 1);
    cursor.advance();
    EXPECT_EQ(cursor.offset(), 500ms);
    cursor.advance();
    EXPECT_TRUE(cursor.done());
    cursor.advance();
    EXPECT_TRUE(cursor.done());
    EXPECT_DEATH(ScheduleCursor(schedule, 2, 2), "worker");
}

TEST(ScheduleTest, TheSeedDecidesPoissonStarts) {
    EXPECT_EQ(walk(poisson(kVaried, 42)), walk(poisson(kVaried, 42)));
    EXPECT_NE(walk(poisson(kVaried, 42)), walk(poisson(kVaried, 43)));
    EXPECT_TRUE(walk(poisson({{10s, 0, 0}}, 1)).empty());
}

TEST(ScheduleTest, PoissonStartsLieAtTheSumsOfTheirGaps) {
    const Schedule schedule = poisson(kVaried, 42);
    long double sum = 0;
    for (const auto& [k, offset] : walk(schedule)) {
        sum += static_cast<long double>(Random(42, RandomStream::arrivals, k).exponential());
        ASSERT_EQ(offset, schedule.profile().time_of(sum)) << k;
    }
}

// Gaps on the axis of L, where they are exponential(1) for any profile.
std::vector<double> rescaled_gaps(const Schedule& schedule) {
    std::vector<double> gaps;
    double before = 0;
    for (const auto& [k, offset] : walk(schedule)) {
        const double position = schedule.profile().expected_by(offset);
        gaps.push_back(position - before);
        before = position;
    }
    return gaps;
}

// Kolmogorov-Smirnov distance from exponential(1), times sqrt(n).
double ks_exponential(std::vector<double> gaps) {
    std::sort(gaps.begin(), gaps.end());
    const auto n = static_cast<double>(gaps.size());
    double distance = 0;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
        const double f = -std::expm1(-gaps[i]);
        const auto rank = static_cast<double>(i);
        distance = std::max({distance, f - rank / n, (rank + 1) / n - f});
    }
    return distance * std::sqrt(n);
}

TEST(ScheduleTest, PoissonGapsAreExponentialOnEveryProfile) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        for (const auto& stages : std::vector<std::vector<RateStage>>{
                 {{100s, 200, 200}},
                 {{200s, 0, 200}},
                 {{200s, 200, 0}},
                 {{50s, 0, 200}, {20s, 0, 0}, {50s, 200, 200}, {100s, 100, 0}}}) {
            // 2.23 is the 1 in 10,000 point of the Kolmogorov distribution.
            EXPECT_LT(ks_exponential(rescaled_gaps(poisson(stages, seed))), 2.23) << seed;
        }
    }
    EXPECT_GT(ks_exponential(rescaled_gaps(constant({{100s, 200, 200}}))), 10);
}

TEST(ScheduleTest, PoissonCountsVaryAsPoissonCountsDo) {
    constexpr int kRuns = 400;
    constexpr double kMean = 1400;
    double sum = 0;
    double squares = 0;
    for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
        const auto count = static_cast<double>(walk(poisson(kVaried, seed)).size());
        sum += count;
        squares += (count - kMean) * (count - kMean);
    }
    EXPECT_NEAR(sum / kRuns, kMean, 4 * std::sqrt(kMean / kRuns));
    EXPECT_NEAR(squares / kRuns / kMean, 1, 4 * std::sqrt(2.0 / kRuns));
}

TEST(ScheduleTest, PoissonStartsKeepOutOfPauses) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        for (const auto& [k, offset] : walk(poisson(kVaried, seed))) {
            ASSERT_FALSE(offset > 15s && offset < 22s) << seed << " " << offset.count();
            ASSERT_LT(offset, 33s);
        }
    }
}

}  // namespace
}  // namespace squadload::pacing
