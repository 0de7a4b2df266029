#include "load/measure/task_stats.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/random.h"

namespace squadload::measure {
namespace {

using namespace std::chrono_literals;

TEST(OutcomeTest, NamesGoThereAndBack) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < kOutcomes; ++i) {
        const auto outcome = static_cast<Outcome>(i);
        EXPECT_EQ(outcome_from_name(name(outcome)), outcome);
        seen.insert(name(outcome));
    }
    EXPECT_EQ(seen.size(), kOutcomes);
    EXPECT_EQ(name(Outcome::unsent), "unsent");
    EXPECT_EQ(name(Outcome::rate_limited), "rate_limited");
    EXPECT_EQ(name(Outcome::check_failed), "check_failed");
    for (const char* bad : {"", "OK", "rate limited", "okay"}) {
        EXPECT_FALSE(outcome_from_name(bad)) << bad;
    }
}

TEST(OutcomeTest, SumsAreDisjointAndComplete) {
    OutcomeCounts counts;
    for (std::size_t i = 0; i < kOutcomes; ++i) {  // powers of two: every sum shows its parts
        counts.add(static_cast<Outcome>(i), std::uint64_t{1} << i);
    }
    EXPECT_EQ(counts.scheduled(), 0x7ffU);
    EXPECT_EQ(counts.requests(), 0x7feU);
    EXPECT_EQ(counts.ok(), 0x080U);
    EXPECT_EQ(counts.rate_limited(), 0x040U);
    EXPECT_EQ(counts.failed(), 0x73eU);
    EXPECT_EQ(counts.completed(), 0x7c0U);
    EXPECT_EQ(counts.ok() + counts.rate_limited() + counts.failed(), counts.requests());
    OutcomeCounts twice = counts;
    twice.merge(counts);
    EXPECT_EQ(twice.scheduled(), 2 * 0x7ffU);
    EXPECT_EQ(twice[Outcome::abandoned], 2 * 0x020U);
    EXPECT_NE(twice, counts);
}

RequestRecord sample_record(Random& random) {
    RequestRecord r;
    r.outcome = static_cast<Outcome>(random.below(kOutcomes));
    r.status = r.outcome == Outcome::rate_limited ? 429 : 0;
    r.blocked = Nanos{random.between(0, 1'000'000'000)};
    r.generator_lag = Nanos{random.between(0, 1'000'000)};
    r.service_time = Nanos{random.between(0, 2'000'000'000)};
    r.response_time = r.service_time + r.blocked + r.generator_lag;
    if (random.below(2) == 0) r.connect = Nanos{random.between(0, 1'000'000)};
    if (random.below(2) == 0) r.first_byte = Nanos{random.between(0, r.service_time.count())};
    r.bytes_received = random.below(10'000);
    r.bytes_sent = random.below(1'000);
    r.redirects = static_cast<std::uint32_t>(random.below(3));
    r.body_bytes = random.below(10'000);
    return r;
}

void expect_same(const TaskStats& a, const TaskStats& b) {
    EXPECT_EQ(a.outcomes, b.outcomes);
    EXPECT_EQ(a.response_time, b.response_time);
    EXPECT_EQ(a.response_time_ok, b.response_time_ok);
    EXPECT_EQ(a.service_time, b.service_time);
    EXPECT_EQ(a.generator_lag, b.generator_lag);
    EXPECT_EQ(a.blocked, b.blocked);
    EXPECT_EQ(a.connect, b.connect);
    EXPECT_EQ(a.first_byte, b.first_byte);
    EXPECT_EQ(a.responses_429, b.responses_429);
    EXPECT_EQ(a.retries, b.retries);
    EXPECT_EQ(a.retry_wait, b.retry_wait);
    EXPECT_EQ(a.bytes_received, b.bytes_received);
    EXPECT_EQ(a.bytes_sent, b.bytes_sent);
    EXPECT_EQ(a.redirects, b.redirects);
    EXPECT_EQ(a.body_bytes, b.body_bytes);
    EXPECT_EQ(a.rounded_times, b.rounded_times);
}

TEST(TaskStatsTest, ARequestGoesWhereItBelongs) {
    TaskStats stats;
    RequestRecord r;
    r.response_time = 5ms;
    r.service_time = 3ms;
    r.blocked = 1500us;
    r.generator_lag = 500us;
    r.connect = 0ns;  // established at once, which is not "not established"
    r.first_byte = 2ms;
    r.bytes_received = 100;
    r.bytes_sent = 40;
    r.redirects = 2;
    r.body_bytes = 60;
    stats.record(r);
    r.outcome = Outcome::connect_error;
    r.connect = r.first_byte = -1ns;
    r.response_time = 1s;
    stats.record(r);
    r.outcome = Outcome::rate_limited;
    r.status = 429;
    stats.record(r);
    stats.record_unsent(4);
    EXPECT_EQ(stats.outcomes.scheduled(), 7U);
    EXPECT_EQ(stats.response_time.count(), 3U);
    EXPECT_EQ(stats.response_time.max(), 1s);
    EXPECT_EQ(stats.response_time_ok.count(), 1U);
    EXPECT_EQ(stats.response_time_ok.max(), 5ms);
    EXPECT_EQ(stats.service_time.count(), 3U);
    EXPECT_EQ(stats.generator_lag.max(), 500us);
    EXPECT_EQ(stats.blocked.max(), 1500us);
    EXPECT_EQ(stats.connect.count(), 1U);
    EXPECT_EQ(stats.first_byte.count(), 1U);
    EXPECT_EQ(stats.responses_429, 1U);
    EXPECT_EQ(stats.bytes_received, 300U);
    EXPECT_EQ(stats.bytes_sent, 120U);
    EXPECT_EQ(stats.redirects, 6U);
    EXPECT_EQ(stats.body_bytes, 180U);
    EXPECT_EQ(stats.rounded_times.count(), 3U);
}

TEST(TaskStatsTest, AnUnsentRequestHasNoTimes) {
    TaskStats stats;
    RequestRecord r;
    r.outcome = Outcome::unsent;
    r.response_time = r.blocked = 1s;
    r.bytes_sent = 5;
    stats.record(r);
    TaskStats counted;
    counted.record_unsent();
    expect_same(stats, counted);
    EXPECT_EQ(stats.outcomes.requests(), 0U);
}

TEST(TaskStatsTest, MergingEqualsRecordingIntoOneAndClearingForgets) {
    Random random(11, RandomStream::test, 0);
    TaskStats whole;
    TaskStats parts[3];
    for (int i = 0; i < 3000; ++i) {
        const RequestRecord r = sample_record(random);
        whole.record(r);
        parts[i % 3].record(r);
    }
    whole.retries = parts[1].retries = 9;
    whole.retry_wait.record(2s, 3);
    parts[2].retry_wait.record(2s, 3);
    TaskStats merged;
    for (const TaskStats& part : parts) merged.merge(part);
    expect_same(merged, whole);
    merged.clear();
    expect_same(merged, TaskStats());
}

}  // namespace
}  // namespace squadload::measure
