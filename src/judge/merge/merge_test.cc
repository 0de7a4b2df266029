#include "judge/merge/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace squadload::merge {
namespace {

using measure::Outcome;
using measure::RequestRecord;
using result::RunResult;
using result::ScenarioResult;
using result::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

const WallTime kStart = from_utc_iso8601("2026-11-23T09:15:00.000Z").value();

struct Sent {
    RequestRecord record;
    Nanos end{};  // since kStart
    std::string message;
};

// What a process that started at kStart + `offset` leaves of these.
ScenarioResult measured(const std::vector<Sent>& all, seconds offset, int length) {
    ScenarioResult s;
    s.name = "spike";
    s.kind = "spike";
    s.model = "open";
    s.started_at = utc_iso8601(kStart + offset);
    s.stop_reason = "schedule_ended";
    s.backend = "epoll";
    s.duration_s = s.schedule_duration_s = length;
    s.tasks.resize(2);
    s.tasks[0].name = "chat";
    s.tasks[0].method = "POST";
    s.tasks[0].entry_name = "/agents/chat";
    s.tasks[1].name = s.tasks[1].entry_name = "health";
    s.tasks[1].method = "GET";
    s.iterations.push_back({"chat", {}});
    std::vector<measure::Interval> intervals(static_cast<std::size_t>(length),
                                             measure::Interval(2));
    measure::FailureTable failures;
    for (const auto& one : all) {
        const auto at = one.end - offset;
        auto& interval = intervals.at(static_cast<std::size_t>(at / seconds{1}));
        interval.tasks[one.record.task].record(one.record);
        ++interval.scheduled;
        ++interval.users;
        s.tasks[one.record.task].stats.record(one.record);
        s.totals.record(one.record);
        if (!one.message.empty())
            failures.add(one.record.task, one.record.outcome, one.message, at);
        s.iterations[0].stats.add(one.message.empty() ? measure::IterationEnd::ok
                                                      : measure::IterationEnd::failed);
        s.iterations[0].stats.time.record(one.record.response_time);
        if (!one.message.empty()) s.iterations[0].stats.add_reason("at ask: " + one.message);
    }
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        intervals[i].second = static_cast<std::uint32_t>(i);
        s.series.push_back(measure::series_point(intervals[i]));
    }
    s.failures = failures.groups();
    s.audit.scheduled = s.audit.sent = s.totals.outcomes.requests();
    s.throughput_per_s = result::throughput_per_s(s.totals.outcomes, s.duration_s);
    return s;
}

std::vector<Sent> random_requests(Random& random, int n, int from_s, int to_s) {
    std::vector<Sent> out;
    const auto below = [&](std::uint64_t most) {
        return static_cast<std::int64_t>(random.below(most));
    };
    for (int i = 0; i < n; ++i) {
        Sent one;
        one.record.task = static_cast<std::uint16_t>(below(2));
        one.record.response_time = Nanos{below(3'000'000'000)};
        one.record.service_time = one.record.response_time / 2;
        one.record.generator_lag = Nanos{below(500'000)};
        one.record.blocked = Nanos{below(50'000'000)};
        one.record.connect = below(3) == 0 ? Nanos{below(9'000'000)} : Nanos{-1};
        one.record.first_byte = Nanos{below(1'000'000'000)};
        one.record.bytes_received = static_cast<std::uint64_t>(below(4000));
        one.record.bytes_sent = static_cast<std::uint64_t>(below(900));
        one.record.body_bytes = static_cast<std::uint64_t>(below(3000));
        one.record.redirects = static_cast<std::uint32_t>(below(2));
        const auto length = static_cast<std::uint64_t>(to_s - from_s) * 1'000'000'000;
        one.end = seconds{from_s} + Nanos{below(length)};
        static constexpr Outcome kOutcomes[] = {Outcome::ok, Outcome::ok, Outcome::rate_limited,
                                                Outcome::server_error, Outcome::timeout};
        one.record.outcome = kOutcomes[below(5)];
        if (one.record.outcome == Outcome::server_error)
            one.message = below(2) == 0 ? "status 500" : "status 503";
        if (one.record.outcome == Outcome::timeout) one.message = "no first byte within 1s";
        out.push_back(std::move(one));
    }
    return out;
}

Part part(std::string file, ScenarioResult s) {
    Part out;
    out.file = std::move(file);
    out.run.started_at = s.started_at;
    out.run.scenarios.push_back(std::move(s));
    return out;
}

void expect_same(const measure::TaskStats& a, const measure::TaskStats& b) {
    using measure::TaskStats;
    EXPECT_EQ(a.outcomes, b.outcomes);
    EXPECT_EQ(a.rounded_times, b.rounded_times);
    for (const auto figure :
         {&TaskStats::response_time, &TaskStats::response_time_ok, &TaskStats::service_time,
          &TaskStats::generator_lag, &TaskStats::blocked, &TaskStats::connect,
          &TaskStats::handshake, &TaskStats::first_byte, &TaskStats::retry_wait})
        EXPECT_TRUE(a.*figure == b.*figure);
    for (const auto figure :
         {&TaskStats::responses_429, &TaskStats::retries, &TaskStats::bytes_received,
          &TaskStats::bytes_sent, &TaskStats::body_bytes, &TaskStats::handshakes_resumed})
        EXPECT_EQ(a.*figure, b.*figure);
    EXPECT_EQ(a.redirects, b.redirects);
}

using FailureKey = std::tuple<std::uint16_t, Outcome, std::string, std::uint64_t, Nanos, Nanos>;

std::vector<FailureKey> failure_keys(const ScenarioResult& s) {
    std::vector<FailureKey> out;
    for (const auto& f : s.failures)
        out.emplace_back(f.task, f.outcome, f.message, f.count, f.first, f.last);
    std::sort(out.begin(), out.end());
    return out;
}

// `rounded`: percentiles of seconds are those of rounded times in one of them.
void expect_same(const ScenarioResult& a, const ScenarioResult& b, bool rounded) {
    EXPECT_EQ(a.started_at, b.started_at);
    EXPECT_NEAR(a.duration_s, b.duration_s, 1e-6);
    EXPECT_NEAR(a.throughput_per_s, b.throughput_per_s, 1e-6);
    expect_same(a.totals, b.totals);
    ASSERT_EQ(a.tasks.size(), b.tasks.size());
    for (std::size_t i = 0; i < a.tasks.size(); ++i) {
        EXPECT_EQ(a.tasks[i].name, b.tasks[i].name);
        expect_same(a.tasks[i].stats, b.tasks[i].stats);
    }
    ASSERT_EQ(a.iterations.size(), b.iterations.size());
    EXPECT_EQ(a.iterations[0].stats.ok, b.iterations[0].stats.ok);
    EXPECT_EQ(a.iterations[0].stats.failed, b.iterations[0].stats.failed);
    EXPECT_TRUE(a.iterations[0].stats.time == b.iterations[0].stats.time);
    const auto reasons = [](const ScenarioResult& s) {
        auto out = s.iterations[0].stats.reasons;
        std::sort(out.begin(), out.end(),
                  [](const auto& x, const auto& y) { return x.text < y.text; });
        return out;
    };
    EXPECT_EQ(reasons(a), reasons(b));
    EXPECT_EQ(failure_keys(a), failure_keys(b));
    ASSERT_EQ(a.series.size(), b.series.size());
    for (std::size_t i = 0; i < a.series.size(); ++i) {
        const auto &x = a.series[i], &y = b.series[i];
        EXPECT_EQ(x.second, y.second);
        EXPECT_EQ(x.scheduled, y.scheduled);
        EXPECT_EQ(x.outcomes, y.outcomes);
        EXPECT_EQ(x.rounded_times, y.rounded_times);
        EXPECT_EQ(x.body_bytes, y.body_bytes);
        EXPECT_EQ(x.users, y.users);
        EXPECT_DOUBLE_EQ(x.min_ms, y.min_ms);
        EXPECT_DOUBLE_EQ(x.max_ms, y.max_ms);
        EXPECT_NEAR(x.sum_ms, y.sum_ms, 1e-6);
        const double off = rounded ? 0.06 : 1e-9;  // Locust's rounding at 1,050 ms
        EXPECT_NEAR(x.p50_ms, y.p50_ms, off * x.p50_ms + (rounded ? 1 : 0));
        EXPECT_NEAR(x.p99_ms, y.p99_ms, off * x.p99_ms + (rounded ? 1 : 0));
    }
}

TEST(Merge, PartsAreTheWhole) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        Random random(seed, RandomStream::test, 0);
        const auto count = 2 + random.below(3);
        std::vector<Part> parts;
        std::vector<Sent> everything;
        int length = 0;
        for (std::uint64_t i = 0; i < count; ++i) {
            const int from = i == 0 ? 0 : static_cast<int>(random.below(3));
            const int to = from + 4 + static_cast<int>(random.below(5));
            length = std::max(length, to);
            const auto sent =
                random_requests(random, 200 + static_cast<int>(random.below(300)), from, to);
            everything.insert(everything.end(), sent.begin(), sent.end());
            parts.push_back(
                part("p" + std::to_string(i) + ".json", measured(sent, seconds{from}, to - from)));
        }
        const auto whole = measured(everything, seconds{0}, length);
        const auto merged = merge(parts);
        ASSERT_TRUE(merged) << merged.error().text();
        expect_same(merged->scenarios.front(), whole, true);

        // Whatever the order of the files.
        std::rotate(parts.begin(), parts.begin() + 1, parts.end());
        const auto again = merge(parts);
        ASSERT_TRUE(again) << again.error().text();
        EXPECT_EQ(result::to_json(*again), result::to_json(*merged));

        // And in one step or two.
        const auto some = merge({parts.begin(), parts.end() - 1});
        ASSERT_TRUE(some) << some.error().text();
        const auto rest = merge({Part{"some.json", *some}, parts.back()});
        ASSERT_TRUE(rest) << rest.error().text();
        expect_same(rest->scenarios.front(), merged->scenarios.front(), false);

        // It is a metrics file like any other.
        EXPECT_TRUE(result::from_json(result::to_json(*merged), "merged.json"));
    }
}

std::vector<Part> two() {
    Random random(7, RandomStream::test, 0);
    return {part("a.json", measured(random_requests(random, 100, 0, 5), seconds{0}, 5)),
            part("b.json", measured(random_requests(random, 100, 0, 5), seconds{0}, 5))};
}

std::string why(const std::vector<Part>& parts) {
    const auto merged = merge(parts);
    return merged ? "" : merged.error().text();
}

TEST(Merge, SecondsAreAlignedByTheClock) {
    auto parts = two();
    // A fraction of a second is the machines' own; whole seconds are the run's.
    parts[1].run.scenarios[0].started_at = "2026-11-23T09:15:02.400Z";
    const auto merged = merge(parts);
    ASSERT_TRUE(merged);
    const auto& s = merged->scenarios.front();
    ASSERT_EQ(s.series.size(), 7U);
    EXPECT_EQ(s.series[6].outcomes, parts[1].run.scenarios[0].series[4].outcomes);
    // A second of one part alone keeps its exact percentiles.
    EXPECT_EQ(s.series[6].p99_ms, parts[1].run.scenarios[0].series[4].p99_ms);
    EXPECT_NEAR(s.duration_s, 7.4, 1e-9);
}

TEST(Merge, WhatCannotBeRecomputedIsTheHighest) {
    auto parts = two();
    parts[0].run.scenarios[0].series[2].service_p99_ms = 900;
    parts[1].run.scenarios[0].series[2].service_p99_ms = 70;
    parts[1].run.scenarios[0].series[2].generator_lag_p99_ms = 5;
    const auto merged = merge(parts);
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->scenarios[0].series[2].service_p99_ms, 900);
    EXPECT_EQ(merged->scenarios[0].series[2].generator_lag_p99_ms, 5);
    EXPECT_THAT(merged->scenarios[0].notes,
                ::testing::Contains(HasSubstr("the highest of the parts")));
}

TEST(Merge, OneVoidPartMakesTheWholeVoid) {
    auto parts = two();
    auto& bad = parts[1].run.scenarios[0];
    bad.verdict = Verdict::void_run;
    bad.verdict_reason = "the generator could not start requests on time";
    bad.audit.void_reasons = {bad.verdict_reason};
    const auto merged = merge(parts);
    ASSERT_TRUE(merged);
    const auto& s = merged->scenarios[0];
    EXPECT_EQ(s.verdict, Verdict::void_run);
    EXPECT_EQ(s.verdict_reason, "b.json: the generator could not start requests on time");
    ASSERT_EQ(s.audit.void_reasons.size(), 1U);
    EXPECT_THAT(s.audit.void_reasons[0], HasSubstr("b.json: "));
}

TEST(Merge, InterruptedOutranksVoidAndFailFast) {
    auto parts = two();
    parts[0].run.scenarios[0].verdict = Verdict::void_run;
    parts[1].run.scenarios[0].verdict = Verdict::interrupted;
    parts[1].run.scenarios[0].verdict_reason = "stopped by SIGTERM after 00:05";
    parts[1].run.scenarios[0].stop_reason = "terminated";
    auto merged = merge(parts);
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->scenarios[0].verdict, Verdict::interrupted);
    EXPECT_EQ(merged->scenarios[0].stop_reason, "terminated");
    EXPECT_EQ(merged->scenarios[0].verdict_reason, "b.json: stopped by SIGTERM after 00:05");

    parts = two();
    parts[0].run.scenarios[0].verdict = Verdict::fail;
    parts[0].run.scenarios[0].verdict_reason = "stopped early at 00:03";
    parts[0].run.scenarios[0].stop_reason = "fail_fast";
    merged = merge(parts);
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->scenarios[0].verdict, Verdict::fail);
    EXPECT_EQ(merged->scenarios[0].verdict_reason, "a.json: stopped early at 00:03");

    // Another FAIL of a part is judged again on the whole.
    parts = two();
    parts[0].run.scenarios[0].verdict = Verdict::fail;
    merged = merge(parts);
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->scenarios[0].verdict, Verdict::pass);
}

TEST(Merge, ProvidersAreThoseOfTheResponses) {
    auto parts = two();
    for (std::size_t i = 0; i < 2; ++i) {
        auto& p = parts[i].run.scenarios[0].providers.emplace_back();
        p.name = "groq";
        p.source = i == 0 ? "arrivals" : "responses";
        p.ok = 300;  // of both, as the log has it
        p.peak_per_minute = i == 0 ? 290 : 100;
        p.responses.responses = 100;
        p.responses.ok = 90 + i;
        p.responses.response_time.record(milliseconds{200}, 90 + i);
        p.responses.fallback_reasons = {{"quota", 3}};
    }
    const auto merged = merge(parts);
    ASSERT_TRUE(merged);
    const auto& p = merged->scenarios[0].providers.at(0);
    EXPECT_EQ(p.source, "responses");
    EXPECT_EQ(p.ok, 181U);
    EXPECT_EQ(p.failed, 19U);
    EXPECT_EQ(p.peak_per_minute, 290U);
    EXPECT_EQ(p.time.count(), 181U);
    EXPECT_EQ(p.responses.fallback_reasons.at(0).count, 6U);
    EXPECT_THAT(merged->scenarios[0].notes,
                ::testing::Contains(HasSubstr("counted by the responses")));
}

TEST(Merge, WhatTheWitnessFoundBrokenStays) {
    auto parts = two();
    result::WitnessCheck kept, broken;
    kept.check = "attempts";
    kept.answer = result::WitnessAnswer::kept;
    kept.sentence = "agree";
    broken.check = "window";
    broken.answer = result::WitnessAnswer::broken;
    broken.sentence = "1,600 calls";
    parts[0].run.scenarios[0].witness = {kept, broken};
    const auto merged = merge(parts);
    ASSERT_TRUE(merged);
    ASSERT_EQ(merged->scenarios[0].witness.size(), 1U);
    EXPECT_EQ(merged->scenarios[0].witness[0].sentence, "a.json: 1,600 calls");
    EXPECT_THAT(merged->scenarios[0].notes, ::testing::Contains(HasSubstr("not merged")));
}

TEST(Merge, WhatIsNoPartOfOneLoadIsSaid) {
    EXPECT_EQ(why({}), "there is nothing to merge");
    auto parts = two();
    parts[1] = parts[0];
    parts[1].file = "copy.json";
    EXPECT_THAT(why(parts), AllOf(HasSubstr("a.json and copy.json"), HasSubstr("the same")));

    parts = two();
    parts[1].run.scenarios.clear();
    EXPECT_THAT(why(parts), HasSubstr("b.json has no scenarios"));

    parts = two();
    parts[1].run.scenarios[0].name = "sustained";
    EXPECT_THAT(why(parts), HasSubstr("a.json has a scenario spike and b.json has none"));

    parts = two();
    parts[1].run.scenarios[0].tasks[0].method = "GET";
    EXPECT_THAT(why(parts), AllOf(HasSubstr("POST /agents/chat in a.json"),
                                  HasSubstr("GET /agents/chat in b.json")));

    parts = two();
    parts[1].run.scenarios[0].tasks[1].name = "metrics";
    EXPECT_THAT(why(parts), HasSubstr("a task health in a.json and none in b.json"));

    parts = two();
    parts[1].run.scenarios[0].kind = "steady";
    EXPECT_THAT(why(parts), HasSubstr("of kind spike in a.json and steady in b.json"));

    parts = two();
    parts[1].run.scenarios[0].started_at = "2026-11-23T10:15:00.000Z";
    EXPECT_THAT(why(parts), HasSubstr("not parts of one load"));

    parts = two();
    parts[1].run.scenarios[0].started_at = "yesterday";
    EXPECT_THAT(why(parts), HasSubstr("b.json does not say when"));

    parts = two();
    parts[1].run.scenarios[0].duration_s = 1e300;
    EXPECT_THAT(why(parts), HasSubstr("lasts longer than a year"));
    parts = two();
    parts[1].run.scenarios[0].series.back().second = 4'000'000'000;
    EXPECT_THAT(why(parts), HasSubstr("lasts longer than a year"));

    parts = two();
    parts[1].run.capacity.emplace();
    EXPECT_THAT(why(parts), HasSubstr("b.json is of squadload capacity"));
}

TEST(Merge, BoundsMustAgree) {
    auto parts = two();
    result::ThresholdResult bound;
    bound.name = "p95_latency_max_ms";
    bound.comparison = "<";
    bound.bound_value = 2000;
    bound.bound = "< 2,000 ms";
    parts[0].run.scenarios[0].thresholds = {bound};
    EXPECT_THAT(same_bounds(parts).error().text(),
                HasSubstr("a.json has the bound p95_latency_max_ms and b.json has not"));
    parts[1].run.scenarios[0].thresholds = {bound};
    EXPECT_TRUE(same_bounds(parts));
    parts[1].run.scenarios[0].thresholds[0].bound_value = 3000;
    parts[1].run.scenarios[0].thresholds[0].bound = "< 3,000 ms";
    EXPECT_THAT(
        same_bounds(parts).error().text(),
        AllOf(HasSubstr("< 2,000 ms in a.json and < 3,000 ms in b.json"), HasSubstr("--config")));
    // What ended one of them early is no bound of the whole.
    bound.name = "fail_fast.p95_latency_max_ms";
    parts = two();
    parts[0].run.scenarios[0].thresholds = {bound};
    EXPECT_TRUE(same_bounds(parts));
}

TEST(Merge, OneFileStaysAsItIs) {
    auto parts = two();
    parts.pop_back();
    parts[0].run.scenarios[0].notes = {"--users 50 switches it"};
    const auto merged = merge(parts);
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->scenarios[0].notes, parts[0].run.scenarios[0].notes);
    expect_same(merged->scenarios[0], parts[0].run.scenarios[0], false);
}

}  // namespace
}  // namespace squadload::merge
