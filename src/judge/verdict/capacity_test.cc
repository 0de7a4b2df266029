#include "judge/verdict/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "judge/verdict/rate_search.h"

namespace squadload::verdict {
namespace {

using measure::Outcome;
using result::LimitCause;
using ::testing::HasSubstr;

// 10 s at 100/s; in flight is 5 all the while.
result::ScenarioResult quiet() {
    result::ScenarioResult s;
    s.schedule_duration_s = 10;
    s.duration_s = 10;
    s.totals.outcomes.add(Outcome::ok, 1000);
    for (std::uint32_t i = 0; i < 10; ++i) {
        measure::SeriesPoint p;
        p.second = i;
        p.scheduled = 100;
        p.in_flight = 5;
        p.outcomes.add(Outcome::ok, i < 5 ? 80 : 100);
        s.series.push_back(p);
    }
    return s;
}

result::ThresholdResult bound(const std::string& unit, bool pass) {
    result::ThresholdResult t;
    t.criterion = unit == "ms" ? "p95 response" : "success rate";
    t.bound = unit == "ms" ? "< 500 ms" : ">= 99 %";
    t.actual = unit == "ms" ? "812 ms" : "91 %";
    t.unit = unit;
    t.pass = pass;
    return t;
}

void fail_with(result::ScenarioResult& s, Outcome outcome, std::uint64_t n) {
    s.totals.outcomes.add(outcome, n);
    if (outcome == Outcome::rate_limited) s.totals.responses_429 += n;
    s.verdict = result::Verdict::fail;
}

TEST(Capacity, WhatHoldsHolds) {
    auto s = quiet();
    s.thresholds = {bound("ms", true)};
    const auto step = judge_step(s, 100);
    EXPECT_TRUE(step.held());
    EXPECT_EQ(step.ok_per_s, 100);
    EXPECT_EQ(step.in_flight, 5U);
    EXPECT_EQ(step.sentence, "");
}

TEST(Capacity, EachCauseIsNamed) {
    struct Case {
        const char* what;
        std::function<void(result::ScenarioResult&)> make;
        LimitCause cause;
        const char* said;
    };
    const Case cases[] = {
        {"a bound on time",
         [](auto& s) {
             s.thresholds = {bound("ms", false)};
             s.verdict = result::Verdict::fail;
         },
         LimitCause::latency, "p95 response 812 ms where < 500 ms is asked for"},
        {"in flight grows all the while, whatever the bounds say yet",
         [](auto& s) {
             s.thresholds = {bound("ms", true)};
             for (std::size_t i = 0; i < 10; ++i)
                 s.series[i].in_flight = static_cast<std::uint32_t>(5 + 8 * i);
         },
         LimitCause::latency, "in flight grew from 33 to 73 in the last 5 s"},
        {"what waits for a slot grows, too",
         [](auto& s) {
             s.thresholds = {bound("ms", true)};
             for (std::size_t i = 0; i < 10; ++i)
                 s.series[i].backlog = static_cast<std::uint32_t>(10 * i);
         },
         LimitCause::latency, "fell behind"},
        {"failures",
         [](auto& s) {
             s.thresholds = {bound("ms", true), bound("share", false)};
             fail_with(s, Outcome::server_error, 90);
         },
         LimitCause::errors, "success rate 91 %"},
        {"429s",
         [](auto& s) {
             s.thresholds = {bound("share", false)};
             fail_with(s, Outcome::rate_limited, 90);
         },
         LimitCause::rate_limiting, "success rate 91 %"},
        {"429s and a slow target: the 429s",
         [](auto& s) {
             s.thresholds = {bound("ms", false), bound("share", false)};
             fail_with(s, Outcome::rate_limited, 90);
             fail_with(s, Outcome::timeout, 3);
         },
         LimitCause::rate_limiting, "success rate"},
        {"timeouts are slowness, not errors",
         [](auto& s) {
             s.thresholds = {bound("share", false)};
             fail_with(s, Outcome::timeout, 60);
             fail_with(s, Outcome::abandoned, 40);
         },
         LimitCause::latency, "success rate"},
        {"no bound on failures, but nothing succeeds",
         [](auto& s) {
             s.totals.outcomes = {};
             s.verdict_reason = "no request succeeded";
             fail_with(s, Outcome::connect_error, 1000);
         },
         LimitCause::errors, "no request succeeded"},
        {"the run does not count",
         [](auto& s) {
             s.thresholds = {bound("ms", false), bound("share", false)};
             fail_with(s, Outcome::server_error, 500);
             s.verdict = result::Verdict::void_run;
             s.verdict_reason = "generator lag p99 41 ms";
         },
         LimitCause::generator, "generator lag p99 41 ms"},
    };
    for (const auto& c : cases) {
        auto s = quiet();
        c.make(s);
        const auto step = judge_step(s, 100);
        EXPECT_EQ(step.cause, c.cause) << c.what;
        EXPECT_THAT(step.sentence, HasSubstr(c.said)) << c.what;
    }
}

TEST(Capacity, ChanceIsNoTrend) {
    auto s = quiet();
    for (std::size_t i = 0; i < 10; ++i) s.series[i].in_flight = i % 2 == 0 ? 40 : 60;
    EXPECT_TRUE(judge_step(s, 100).held());
}

result::CapacityStep step(double rate, LimitCause cause, const std::string& sentence = "") {
    result::CapacityStep s;
    s.rate_per_s = rate;
    s.cause = cause;
    s.sentence = sentence;
    return s;
}

TEST(Capacity, TheAnswerIsASentence) {
    result::Capacity c;
    c.from_per_s = 50;
    c.to_per_s = 400;
    conclude_capacity(c);
    EXPECT_EQ(c.sentence, "nothing was measured");
    c.steps = {step(50, LimitCause::none), step(100, LimitCause::none)};
    conclude_capacity(c);
    EXPECT_EQ(c.sentence, "100/s holds; the search was stopped");
    c.steps.push_back(step(200, LimitCause::errors, "success rate 91 %"));
    conclude_capacity(c);
    EXPECT_EQ(c.limit_per_s, 100);
    EXPECT_EQ(c.broken_per_s, 200);
    EXPECT_EQ(c.cause, LimitCause::errors);
    EXPECT_EQ(c.sentence,
              "100/s holds; 200/s does not: success rate 91 %; the target fails above it");
    c.steps = {step(50, LimitCause::latency, "p95 too long")};
    conclude_capacity(c);
    EXPECT_FALSE(c.limit_per_s);
    EXPECT_EQ(c.sentence, "not even 50/s holds: p95 too long");
    c.steps = {step(400, LimitCause::none)};
    conclude_capacity(c);
    EXPECT_EQ(c.sentence, "400/s holds, the highest rate asked for");
}

TEST(RateSearch, FindsTheLimitWithinItsPrecision) {
    for (const double limit : {1.0, 3.7, 10.0, 99.0, 100.0, 4321.0, 9999.0}) {
        RateSearch search(1, 10'000, 0.03);
        int steps = 0;
        while (const auto rate = search.next()) {
            ASSERT_LT(++steps, 40);
            EXPECT_GE(*rate, 1);
            EXPECT_LE(*rate, 10'000);
            search.tried(*rate, *rate <= limit);
        }
        ASSERT_TRUE(search.held());
        EXPECT_LE(*search.held(), limit);
        EXPECT_GT(*search.held() * 1.03, limit) << limit;
        EXPECT_LE(steps, 24);
    }
}

TEST(RateSearch, EndsAtBothEndsOfItsRange) {
    RateSearch none(10, 100, 0.05);
    EXPECT_EQ(none.next(), 10);
    none.tried(10, false);
    EXPECT_FALSE(none.next());
    EXPECT_FALSE(none.held());

    RateSearch all(60, 100, 0.05);
    all.tried(60, true);
    EXPECT_EQ(all.next(), 100) << "not beyond";
    all.tried(100, true);
    EXPECT_FALSE(all.next());
    EXPECT_FALSE(all.broken());

    RateSearch one(100, 100, 0.05);
    one.tried(100, true);
    EXPECT_FALSE(one.next());
}

}  // namespace
}  // namespace squadload::verdict
