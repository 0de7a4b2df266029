#include "load/measure/interval.h"

#include <gtest/gtest.h>

namespace squadload::measure {
namespace {

using namespace std::chrono_literals;

RequestRecord timed(Nanos response, Nanos service, Nanos blocked, Nanos lag) {
    RequestRecord r;
    r.response_time = response;
    r.service_time = service;
    r.blocked = blocked;
    r.generator_lag = lag;
    return r;
}

TEST(IntervalTest, WorkersAddUp) {
    Interval a(2);
    a.second = 7;
    a.tasks[0].record(timed(10ms, 10ms, 0ms, 0ms));
    a.failures.add(0, Outcome::timeout, "timed out", 7200ms);
    a.scheduled = 10;
    a.started = 9;
    a.in_flight = 3;
    a.backlog = 1;
    a.users = 5;
    Interval b(2);
    b.second = 7;
    b.last = true;
    b.tasks[1].record(timed(20ms, 20ms, 0ms, 0ms));
    b.failures.add(0, Outcome::timeout, "timed out", 7100ms);
    b.scheduled = 100;
    b.started = 90;
    b.in_flight = 30;
    b.backlog = 10;
    b.users = 50;
    a.merge(b);
    EXPECT_EQ(a.second, 7U);
    EXPECT_FALSE(a.last);
    EXPECT_EQ(a.tasks[0].outcomes.ok(), 1U);
    EXPECT_EQ(a.tasks[1].outcomes.ok(), 1U);
    ASSERT_EQ(a.failures.groups().size(), 1U);
    EXPECT_EQ(a.failures.groups()[0].count, 2U);
    EXPECT_EQ(a.scheduled, 110U);
    EXPECT_EQ(a.started, 99U);
    EXPECT_EQ(a.in_flight, 33U);
    EXPECT_EQ(a.backlog, 11U);
    EXPECT_EQ(a.users, 55U);

    a.last = true;
    a.clear();
    EXPECT_EQ(a.second, 0U);
    EXPECT_FALSE(a.last);
    EXPECT_EQ(a.tasks.size(), 2U);
    EXPECT_EQ(a.tasks[1].outcomes.scheduled(), 0U);
    EXPECT_TRUE(a.failures.groups().empty());
    EXPECT_EQ(a.scheduled + a.started + a.in_flight + a.backlog + a.users, 0U);
    EXPECT_DEATH(a.merge(Interval(3)), "tasks");
}

TEST(SeriesPointTest, PercentilesAreThoseOfAllTasksTogether) {
    Interval second(2);
    second.second = 12;
    for (int i = 1; i <= 98; ++i) {
        second.tasks[0].record(timed(i * 1ms, i * 500us, i * 400us, i * 100us));
    }
    second.tasks[1].record(timed(3s, 2s, 900ms, 100ms));
    second.tasks[1].record(timed(5s, 4s, 950ms, 50ms));
    second.tasks[1].record_unsent(2);
    second.scheduled = 102;
    second.started = 100;
    second.in_flight = 4;
    second.backlog = 2;
    second.users = 10;
    const SeriesPoint p = series_point(second);
    EXPECT_EQ(p.second, 12U);
    EXPECT_EQ(p.scheduled, 102U);
    EXPECT_EQ(p.started, 100U);
    EXPECT_EQ(p.outcomes.ok(), 100U);
    EXPECT_EQ(p.outcomes[Outcome::unsent], 2U);
    EXPECT_NEAR(p.p50_ms, 50, 50 / 1024.0);  // not a mean or a maximum of the tasks' percentiles
    EXPECT_NEAR(p.p95_ms, 95, 95 / 1024.0);
    EXPECT_NEAR(p.p99_ms, 3000, 3000 / 1024.0);
    EXPECT_EQ(p.max_ms, 5000);
    EXPECT_EQ(p.min_ms, 1);
    EXPECT_EQ(p.sum_ms, 98 * 99 / 2 + 8000);
    EXPECT_EQ(p.rounded_times.count(), 100U);
    EXPECT_NEAR(p.service_p50_ms, 25, 25 / 1024.0);
    EXPECT_NEAR(p.service_p99_ms, 2000, 2000 / 1024.0);
    EXPECT_NEAR(p.generator_lag_p99_ms, 50, 50 / 1024.0);
    EXPECT_NEAR(p.blocked_p99_ms, 900, 900 / 1024.0);
    EXPECT_EQ(p.in_flight, 4U);
    EXPECT_EQ(p.backlog, 2U);
    EXPECT_EQ(p.users, 10U);
}

TEST(SeriesPointTest, ASecondWithoutAnEndIsZero) {
    Interval second(1);
    second.scheduled = 3;
    const SeriesPoint p = series_point(second);
    EXPECT_EQ(p.scheduled, 3U);
    EXPECT_EQ(p.p50_ms + p.p95_ms + p.p99_ms + p.max_ms + p.service_p99_ms, 0);
    EXPECT_EQ(series_point(Interval()).outcomes.scheduled(), 0U);
}

}  // namespace
}  // namespace squadload::measure
