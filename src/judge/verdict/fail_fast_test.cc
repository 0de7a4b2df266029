#include "judge/verdict/fail_fast.h"

#include <gtest/gtest.h>

namespace squadload::verdict {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

scenario::Scenario watched_scenario() {
    scenario::Scenario s;
    s.classes.emplace_back();
    for (const char* name : {"chat", "health"}) s.classes[0].tasks.emplace_back().name = name;
    return s;
}

std::vector<Threshold> watched(std::initializer_list<const char*> expressions) {
    std::vector<scenario::ThresholdEntry> entries;
    for (const char* text : expressions) entries.push_back({"", text, {}});
    auto all = compile(entries, watched_scenario());
    EXPECT_TRUE(all);
    return all.value_or(std::vector<Threshold>{});
}

void put(measure::Interval& interval, std::size_t task, measure::Outcome outcome, int n,
         Nanos time = milliseconds{10}) {
    for (int i = 0; i < n; ++i) {
        measure::RequestRecord r;
        r.outcome = outcome;
        r.response_time = time;
        interval.tasks[task].record(r);
    }
}

measure::Interval one_second(std::uint32_t at, int ok, int failed, Nanos time = milliseconds{10}) {
    measure::Interval interval(2);
    interval.second = at;
    put(interval, 0, measure::Outcome::ok, ok, time);
    put(interval, 0, measure::Outcome::timeout, failed, time);
    return interval;
}

TEST(FailFastWindow, TripsOnceTheWindowBreaks) {
    FailFast watch(watched({"rate(ok) > 99%", "p95 < 3s"}), seconds{10}, 20);
    for (std::uint32_t i = 0; i < 20; ++i) EXPECT_FALSE(watch.observe(one_second(i, 60, 0)));
    EXPECT_FALSE(watch.observe(one_second(20, 56, 4))) << "4 of 600 in the window";
    const auto broken = watch.observe(one_second(21, 57, 3));
    ASSERT_TRUE(broken) << "7 of 600 in the window";
    EXPECT_EQ(broken->name, "fail_fast.rate(ok) > 99%");
    EXPECT_EQ(broken->criterion, "success rate over 10 s");
    EXPECT_EQ(broken->first_broken_at_s, 22.0);
    EXPECT_FALSE(broken->pass);
}

TEST(FailFastWindow, ForgetsWhatLeftIt) {
    FailFast watch(watched({"rate(ok) > 99%"}), milliseconds{2500}, 1000);
    EXPECT_FALSE(watch.observe(one_second(0, 100, 100))) << "too few samples";
    for (std::uint32_t i = 1; i < 4; ++i) EXPECT_FALSE(watch.observe(one_second(i, 200, 0)));
    EXPECT_FALSE(watch.observe(one_second(4, 5000, 0))) << "the bad second left the window of 3";
}

TEST(FailFastWindow, WatchesIterationsToo) {
    auto scenario = watched_scenario();
    scenario.classes[0].tasks[0].steps.resize(2);
    const auto bounds = compile({{"", "iteration_rate(failed) < 10%", {}}}, scenario);
    ASSERT_TRUE(bounds);
    FailFast watch(*bounds, seconds{10}, 20);
    measure::Interval second(3, 4);
    put(second, 0, measure::Outcome::ok, 500);
    second.iterations[1].ok = 10;
    second.iterations[1].failed = 3;
    EXPECT_FALSE(watch.observe(second)) << "13 iterations, however many requests";
    const auto broken = watch.observe(second);
    ASSERT_TRUE(broken);
    EXPECT_EQ(broken->criterion, "failed iterations over 2 s");
    BoundsTracker tracker(*bounds);
    tracker.observe(second, seconds{1});
    std::vector<result::ThresholdResult> judged{
        judge((*bounds)[0], second.tasks, 1, second.iterations)};
    tracker.annotate(judged);
    EXPECT_EQ(judged[0].first_broken_at_s, 1.0);
}

TEST(FailFastWindow, WaitsForSamplesOfTheBoundsTask) {
    FailFast watch(watched({"p95(health) < 1s"}), seconds{10}, 3);
    auto interval = one_second(0, 500, 0, seconds{9});
    EXPECT_FALSE(watch.observe(interval)) << "no sample of health";
    put(interval, 1, measure::Outcome::ok, 2, seconds{5});
    EXPECT_FALSE(watch.observe(interval)) << "two samples of health";
    EXPECT_TRUE(watch.observe(interval)) << "four";
}

TEST(FailFastWindow, WithoutBoundsNeverTrips) {
    FailFast watch({}, seconds{10}, 1);
    EXPECT_FALSE(watch.observe(one_second(0, 0, 100)));
}

TEST(FailFastWindow, AWindowOfNothingIsOneSecond) {
    FailFast watch(watched({"rate(ok) > 99%"}), Nanos{0}, 0);
    EXPECT_FALSE(watch.observe(one_second(0, 0, 0)));
    EXPECT_TRUE(watch.observe(one_second(1, 0, 1)));
}

TEST(FirstBroken, IsRememberedOnTheRunningTotal) {
    const auto bounds =
        watched({"rate(ok) > 99%", "p95 < 1s", "requests >= 9000", "count(timeout) == 0",
                 "requests == 500", "throughput > 29/s", "p95(health) < 1s"});
    BoundsTracker tracker(bounds);
    measure::Interval totals(2);
    tracker.observe(totals, seconds{1});
    put(totals, 0, measure::Outcome::ok, 200);
    tracker.observe(totals, seconds{2});
    put(totals, 0, measure::Outcome::timeout, 10);
    tracker.observe(totals, milliseconds{3500});
    put(totals, 0, measure::Outcome::ok, 90);
    tracker.observe(totals, seconds{5});

    std::vector<result::ThresholdResult> judged;
    for (const auto& bound : bounds) judged.push_back(judge(bound, totals.tasks, 5));
    tracker.annotate(judged);
    EXPECT_EQ(judged[0].first_broken_at_s, 3.5);
    EXPECT_FALSE(judged[1].first_broken_at_s) << "never broken";
    EXPECT_FALSE(judged[2].first_broken_at_s) << "broken until it is met";
    EXPECT_EQ(judged[3].first_broken_at_s, 3.5);
    EXPECT_FALSE(judged[4].first_broken_at_s) << "300 of 500 is on the way";
    EXPECT_FALSE(judged[5].first_broken_at_s);
    EXPECT_FALSE(judged[6].first_broken_at_s) << "no samples";
}

TEST(FirstBroken, ABoundThatRecoveredIsNotAnnotated) {
    const auto bounds = watched({"rate(ok) > 50%"});
    BoundsTracker tracker(bounds);
    measure::Interval totals(2);
    put(totals, 0, measure::Outcome::timeout, 10);
    tracker.observe(totals, seconds{1});
    put(totals, 0, measure::Outcome::ok, 90);
    std::vector<result::ThresholdResult> judged{judge(bounds[0], totals.tasks, 5)};
    ASSERT_TRUE(judged[0].pass);
    tracker.annotate(judged);
    EXPECT_FALSE(judged[0].first_broken_at_s);
}

}  // namespace
}  // namespace squadload::verdict
