#include "judge/compare/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "base/random.h"
#include "judge/compare/noise.h"

namespace squadload::compare {
namespace {

using measure::Outcome;
using result::RunResult;
using result::Verdict;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Shape {
    int seconds = 30;
    int per_second = 100;
    double median_ms = 100;
    double spread = 0.3;  // of the logarithm
    double wander = 0;    // how much each span of a second and a half shifts as a whole
    double failing = 0;   // share of requests
    double quick_wander = 0, quick_share = 0.2;  // the same of the quick task; its share
    double quick_factor = 0.02;                  // its times, of the other's
    int burst = 0;                               // failures of some three bursts, at random times
    std::function<double(int second)> common = [](int) { return 1.0; };  // in every such run
};

// A run of two tasks with times of that shape.
RunResult run_of(const Shape& shape, unsigned seed) {
    Random random(seed, RandomStream::test, 0);
    // Box and Muller 1958.
    const auto normal = [&] {
        return std::sqrt(2 * random.exponential()) * std::cos(2 * std::numbers::pi * random.unit());
    };
    result::ScenarioResult s;
    s.name = "load";
    s.tasks.resize(2);
    s.tasks[0].name = "chat";
    s.tasks[1].name = "health";
    measure::Interval interval(2);
    double level = 0;
    for (int second = 0; second < shape.seconds; ++second) {
        interval.clear();
        interval.second = static_cast<std::uint32_t>(second);
        level = shape.wander * normal();
        const double quick = shape.quick_wander * normal();
        int bursting = shape.burst > 0 && random.unit() < 3.0 / shape.seconds ? shape.burst : 0;
        for (int i = 0; i < shape.per_second; ++i) {
            measure::RequestRecord r;
            r.task = static_cast<std::uint16_t>(random.unit() < shape.quick_share);
            const double ms = (r.task == 1 ? shape.quick_factor : 1) * shape.median_ms *
                              shape.common(second) *
                              std::exp(shape.spread * normal() + level + (r.task == 1 ? quick : 0));
            r.response_time = r.service_time = Nanos{static_cast<std::int64_t>(ms * 1e6)};
            if (random.unit() < shape.failing || bursting-- > 0) r.outcome = Outcome::server_error;
            interval.tasks[r.task].record(r);
            s.tasks[r.task].stats.record(r);
            s.totals.record(r);
        }
        s.series.push_back(measure::series_point(interval));
    }
    s.duration_s = s.schedule_duration_s = shape.seconds;
    RunResult run;
    run.scenarios.push_back(std::move(s));
    return run;
}

const Difference& row(const Comparison& c, const std::string& task, const std::string& figure) {
    for (const auto& d : c.scenarios.at(0).differences)
        if (d.task == task && d.figure == figure) return d;
    throw std::out_of_range(task + " " + figure);
}

TEST(Compare, ThirtyPairsThatAreAlikeHaveNoRegression) {
    std::size_t beyond_noise = 0;
    for (unsigned i = 0; i < 30; ++i) {
        const auto c = compare(run_of({}, 2 * i), run_of({}, 2 * i + 1), {});
        EXPECT_EQ(c.exit_code(), 0) << i;
        beyond_noise += c.count(Finding::better) + c.count(Finding::worse);
    }
    EXPECT_LE(beyond_noise, 1U);  // 0.1 % for each of the thirty
}

TEST(Compare, NorWhenWholeSecondsWanderTogether) {
    Shape wandering;
    wandering.wander = 0.2;
    double effects = 0;
    for (unsigned i = 0; i < 30; ++i) {
        const auto c = compare(run_of(wandering, 2 * i), run_of(wandering, 2 * i + 1), {});
        EXPECT_EQ(c.exit_code(), 0) << i;
        effects += c.scenarios.at(0).design_effect / 30;
    }
    // Of 100 requests that share 0.2² of 0.2² + 0.3²: about 1 + 99 · 0.31, less at the tails.
    EXPECT_GT(effects, 10);
    EXPECT_LT(effects, 35);
}

TEST(Compare, WhatBothDoAtTheSameTimeIsNoNoise) {
    Shape ramp;
    ramp.common = [](int second) { return 1 + second / 10.0; };
    const auto c = compare(run_of(ramp, 1), run_of(ramp, 2), {});
    EXPECT_LT(c.scenarios.at(0).design_effect, 2.5);
    EXPECT_EQ(c.exit_code(), 0);
}

TEST(Compare, FivePercentMoreIsFound) {
    Shape before, slower;
    before.per_second = slower.per_second = 200;
    slower.median_ms *= 1.05;
    int found = 0;
    for (unsigned i = 0; i < 20; ++i) {
        const auto c = compare(run_of(before, 2 * i), run_of(slower, 2 * i + 1), {});
        found += c.exit_code();
        EXPECT_NE(row(c, "health", "p50 response").finding, Finding::regression);  // 0.1 ms
    }
    EXPECT_EQ(found, 20);
    // And so the other way round, as an improvement.
    const auto back = compare(run_of(slower, 1), run_of(before, 2), {});
    EXPECT_EQ(back.exit_code(), 0);
    EXPECT_EQ(row(back, "chat", "p50 response").finding, Finding::better);
}

TEST(Compare, FivePercentMoreIsFoundInShortRuns) {
    Shape before, slower;
    before.seconds = slower.seconds = 8;
    before.per_second = slower.per_second = 1500;
    before.spread = slower.spread = 0.45;
    slower.median_ms *= 1.05;
    int found = 0;
    for (unsigned i = 0; i < 40; ++i)
        found += compare(run_of(before, 2 * i), run_of(slower, 2 * i + 1), {}).exit_code();
    EXPECT_EQ(found, 40);
}

TEST(Compare, AToleranceIsGivenAway) {
    Shape slower;
    slower.median_ms *= 1.1;
    EXPECT_EQ(compare(run_of({}, 1), run_of(slower, 2), {}).exit_code(), 1);
    Tolerance wide;
    wide.relative = 0.25;
    const auto c = compare(run_of({}, 1), run_of(slower, 2), wide);
    EXPECT_EQ(c.exit_code(), 0);
    EXPECT_EQ(row(c, "all", "mean response").finding, Finding::worse);
}

TEST(Compare, MoreFailuresAreARegression) {
    Shape failing;
    failing.failing = 0.02;
    const auto c = compare(run_of({}, 1), run_of(failing, 2), {});
    EXPECT_EQ(row(c, "all", "failed").finding, Finding::regression);
    EXPECT_EQ(row(c, "all", "rate limited (429)").finding, Finding::same);
    EXPECT_EQ(c.exit_code(), 1);
}

TEST(Compare, TooFewSamplesAreSaidNotGuessed) {
    Shape tiny;
    tiny.seconds = 2;
    tiny.per_second = 4;
    Shape slow = tiny;
    slow.median_ms = 100'000;
    const auto c = compare(run_of(tiny, 1), run_of(slow, 2), {});
    EXPECT_EQ(row(c, "all", "p99 response").finding, Finding::unknown);
    EXPECT_FALSE(row(c, "all", "p99 response").low);
    EXPECT_TRUE(row(c, "all", "p99 response").a);
    EXPECT_EQ(c.scenarios.at(0).design_effect, kAssumedEffect);
    EXPECT_THAT(c.scenarios.at(0).notes, Contains(HasSubstr("cannot be seen")));
    const auto empty = compare(run_of({.seconds = 0}, 1), run_of({.seconds = 0}, 2), {});
    EXPECT_EQ(empty.exit_code(), 0);
    EXPECT_EQ(empty.judged, 0U);
}

TEST(Compare, NorWhenOnlyTheQuickTaskWanders) {
    Shape wandering;
    wandering.quick_wander = 0.4;
    wandering.quick_share = 0.1;
    wandering.quick_factor = 0.3;
    for (unsigned i = 0; i < 40; ++i) {
        const auto c = compare(run_of(wandering, 2 * i), run_of(wandering, 2 * i + 1), {});
        EXPECT_EQ(c.exit_code(), 0) << i;
    }
}

TEST(Compare, NorWhenFailuresComeInBursts) {
    Shape bursts;
    bursts.burst = 15;
    for (unsigned i = 0; i < 60; ++i) {
        const auto c = compare(run_of(bursts, 2 * i), run_of(bursts, 2 * i + 1), {});
        EXPECT_NE(row(c, "all", "failed").finding, Finding::regression) << i;
    }
}

TEST(Compare, AVoidRunSaysNothing) {
    auto b = run_of({}, 2);
    b.verdict = Verdict::void_run;
    const auto c = compare(run_of({}, 1), b, {});
    EXPECT_EQ(c.exit_code(), 4);
    EXPECT_THAT(c.void_reason, HasSubstr("run B is VOID"));
    // Nor does a VOID scenario of a run that failed by another one.
    b.verdict = Verdict::fail;
    b.scenarios[0].verdict = Verdict::void_run;
    EXPECT_THAT(compare(run_of({}, 1), b, {}).void_reason, HasSubstr("scenario load of run B"));
}

TEST(Compare, ScenariosGoByName) {
    auto a = run_of({}, 1), b = run_of({}, 2);
    b.scenarios[0].name = "other";  // one each: the same thing
    EXPECT_EQ(compare(a, b, {}).scenarios.at(0).name, "load and other");
    a.scenarios.push_back(run_of({}, 3).scenarios[0]);
    a.scenarios[1].name = "other";
    const auto c = compare(a, b, {});
    ASSERT_EQ(c.scenarios.size(), 1U);
    EXPECT_EQ(c.scenarios[0].a, 1U);
    EXPECT_THAT(c.notes, Contains("scenario load is in A alone"));
    b.scenarios[0].name = "third";
    EXPECT_EQ(compare(a, b, {}).exit_code(), 4);
}

TEST(Compare, AnotherLoadIsNoted) {
    auto a = run_of({}, 1), b = run_of({}, 2);
    b.scenarios[0].load_description = "open 5/s constant";
    b.scenarios[0].tasks[1].name = "metrics";
    const auto c = compare(a, b, {});
    EXPECT_THAT(c.scenarios[0].notes, Contains(HasSubstr("the load differs")));
    EXPECT_THAT(c.scenarios[0].notes, Contains("task health is in A alone"));
    EXPECT_THAT(c.scenarios[0].notes, Contains("task metrics is in B alone"));
    EXPECT_THAT(compare(a, a, {}).scenarios[0].notes, IsEmpty());
}

TEST(Noise, NormalQuantiles) {
    EXPECT_NEAR(normal_quantile(0.025), 1.959964, 1e-6);
    EXPECT_NEAR(normal_quantile(0.00001), 4.264891, 1e-6);
}
TEST(Noise, StudentQuantiles) {
    EXPECT_NEAR(student_quantile(0.025, 4), 2.776445, 1e-4);
    EXPECT_NEAR(student_quantile(0.0005, 19), 3.883406, 1e-3);
    EXPECT_NEAR(student_quantile(0.0005, 1), 636.619, 5);
}
TEST(Noise, WilsonAndNewcombe) {
    // Newcombe 1998, table II, (a) 56/70 against 48/80: 0.0524 … 0.3339.
    const auto d =
        difference(share_interval(48, 80, 1, 1.959964), share_interval(56, 70, 1, 1.959964));
    EXPECT_NEAR(d.value, 0.2, 1e-9);
    EXPECT_NEAR(d.low, 0.0524, 5e-5);
    EXPECT_NEAR(d.high, 0.3339, 5e-5);
}

}  // namespace
}  // namespace squadload::compare
