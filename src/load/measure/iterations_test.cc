#include "load/measure/iterations.h"

#include <gtest/gtest.h>

#include "load/measure/interval.h"

namespace squadload::measure {
namespace {

using std::chrono::milliseconds;

IterationStats some_iterations(int ok, int failed, int cut_off) {
    IterationStats stats;
    for (int i = 0; i < ok; ++i) {
        stats.add(IterationEnd::ok);
        stats.time.record(milliseconds{10 * i});
    }
    for (int i = 0; i < failed; ++i) {
        stats.add(IterationEnd::failed);
        stats.add_reason("at ask: timeout");
    }
    for (int i = 0; i < cut_off; ++i) stats.add(IterationEnd::cut_off);
    return stats;
}

TEST(Iterations, RatesLeaveOutWhatWasCutOff) {
    const auto stats = some_iterations(15, 5, 60);
    EXPECT_EQ(stats.started(), 80U);
    EXPECT_DOUBLE_EQ(stats.rate(IterationEnd::ok), 0.75);
    EXPECT_DOUBLE_EQ(stats.rate(IterationEnd::failed), 0.25);
    EXPECT_DOUBLE_EQ(stats.rate(IterationEnd::cut_off), 0.75);
    EXPECT_EQ(some_iterations(0, 0, 3).rate(IterationEnd::ok), 0);
    EXPECT_EQ(IterationStats{}.rate(IterationEnd::cut_off), 0);
}

TEST(Iterations, MergingIsCountingTogether) {
    IterationStats sum = some_iterations(3, 2, 1);
    IterationStats more = some_iterations(4, 1, 0);
    more.add_reason("before ask: token is not set", 7);
    sum.merge(more);
    EXPECT_EQ(sum.ok, 7U);
    EXPECT_EQ(sum.failed, 3U);
    EXPECT_EQ(sum.cut_off, 1U);
    EXPECT_EQ(sum.time.count(), 7U);
    ASSERT_EQ(sum.reasons.size(), 2U);
    EXPECT_EQ(sum.reasons[0], (IterationStats::Reason{"at ask: timeout", 3}));
    EXPECT_EQ(sum.reasons[1].count, 7U);
    sum.clear();
    EXPECT_EQ(sum.started(), 0U);
    EXPECT_TRUE(sum.reasons.empty());
}

TEST(Iterations, ReasonsAreBounded) {
    IterationStats stats;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 80; ++i) stats.add_reason("at step " + std::to_string(i));
    }
    ASSERT_EQ(stats.reasons.size(), IterationStats::kMaxReasons + 1);
    EXPECT_EQ(stats.reasons.front().count, 2U);
    EXPECT_EQ(stats.reasons.back(), (IterationStats::Reason{"other reasons", 60}));
}

TEST(Iterations, AnIntervalCarriesThemPerSequence) {
    Interval a(1, 2), b(1, 2);
    a.iterations[1] = some_iterations(1, 0, 0);
    b.iterations[1] = some_iterations(2, 1, 0);
    b.arrivals = 3;
    a.merge(b);
    EXPECT_EQ(a.iterations[1].started(), 4U);
    EXPECT_EQ(a.iterations[0].started(), 0U);
    EXPECT_EQ(a.arrivals, 3U);
    a.clear();
    EXPECT_EQ(a.iterations.size(), 2U);
    EXPECT_EQ(a.iterations[1].started() + a.arrivals, 0U);
}

}  // namespace
}  // namespace squadload::measure
