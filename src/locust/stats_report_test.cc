#include "locust/stats_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "locust/codec.h"
#include "locust/error_key.h"

namespace squadload::locust {
namespace {

using namespace std::chrono_literals;
using measure::Interval;
using measure::Outcome;

const WallTime kStart{1'764'000'000s};

const std::vector<EntryLabel>& one_entry() {
    static const std::vector<EntryLabel> kLabels{{"GET", "/"}};
    return kLabels;
}

measure::RequestRecord request(std::uint16_t task, Outcome outcome, Nanos time) {
    measure::RequestRecord r;
    r.task = task;
    r.outcome = outcome;
    r.response_time = r.service_time = time;
    r.body_bytes = 10;
    return r;
}

Interval interval(std::uint32_t second, std::size_t tasks) {
    Interval one(tasks, 0);
    one.second = second;
    return one;
}

void record(Interval& one, const measure::RequestRecord& r, const std::string& message = "") {
    one.tasks[r.task].record(r);
    if (r.outcome != Outcome::ok && r.outcome != Outcome::rate_limited)
        one.failures.add(r.task, r.outcome, message, std::chrono::seconds{one.second} + 500ms);
}

const Value& entry(const Value& data, std::string_view name) {
    static const Value kNone;
    for (const Value& one : *data.find("stats")->array())
        if (*one.find("name")->text() == name) return one;
    ADD_FAILURE() << "no entry " << name;
    return kNone;
}

TEST(StatsReport, AnEntryHasWhatLocustsOwnHas) {
    StatsReport report({{"POST", "/chat"}, {"GET", "/health"}});
    report.begin(kStart);
    Interval one = interval(0, 2);
    record(one, request(0, Outcome::ok, 12'300us));
    record(one, request(0, Outcome::ok, 145ms));
    record(one, request(0, Outcome::server_error, 1050ms), "status 503");
    report.add(one);
    Interval two = interval(1, 2);
    record(two, request(0, Outcome::ok, 155ms));
    report.add(two);
    const Value data = report.take(kStart + 3s, {{"A", 2}, {"B", 0}});
    ASSERT_EQ(data.find("stats")->array()->size(), 1U) << "no entry without requests";
    const Value expected = Map{{"name", "/chat"},
                               {"method", "POST"},
                               {"last_request_timestamp", 1'764'000'002.0},
                               {"start_time", 1'764'000'000.0},
                               {"num_requests", 4},
                               {"num_none_requests", 0},
                               {"num_failures", 1},
                               {"total_response_time", 12.3 + 145 + 1050 + 155},
                               {"max_response_time", 1050.0},
                               {"min_response_time", 12.3},
                               {"total_content_length", 40},
                               {"response_times", Map{{12, 1}, {140, 1}, {160, 1}, {1000, 1}}},
                               {"num_reqs_per_sec", Map{{1'764'000'000, 3}, {1'764'000'001, 1}}},
                               {"num_fail_per_sec", Map{{1'764'000'000, 1}}}};
    EXPECT_EQ(entry(data, "/chat"), expected);
    EXPECT_EQ(*data.find("user_count"), Value(2));
    EXPECT_EQ(*data.find("user_classes_count"), Value(Map{{"A", 2}, {"B", 0}}));
    const Value& total = *data.find("stats_total");
    EXPECT_EQ(*total.find("name"), Value("Aggregated"));
    EXPECT_EQ(*total.find("method"), Value(""));
    EXPECT_EQ(*total.find("num_requests"), Value(4));
    EXPECT_EQ(report.told(), 4U);
}

TEST(StatsReport, ReportsAreDeltas) {
    StatsReport report(one_entry());
    report.begin(kStart);
    Interval one = interval(0, 1);
    record(one, request(0, Outcome::ok, 1ms));
    report.add(one);
    static_cast<void>(report.take(kStart + 3s, {}));
    const Value idle = report.take(kStart + 6s, {});
    EXPECT_TRUE(idle.find("stats")->array()->empty());
    const Value& total = *idle.find("stats_total");
    EXPECT_EQ(*total.find("num_requests"), Value(0));
    EXPECT_TRUE(total.find("min_response_time")->is_nil());
    EXPECT_TRUE(total.find("last_request_timestamp")->is_nil());
    EXPECT_EQ(*total.find("start_time"), Value(1'764'000'003.0));
}

TEST(StatsReport, TasksOfOneNameAndMethodAreOneEntry) {
    StatsReport report({{"GET", "/a"}, {"GET", "/a"}, {"POST", "/a"}});
    report.begin(kStart);
    Interval one = interval(0, 3);
    record(one, request(0, Outcome::ok, 5ms));
    record(one, request(1, Outcome::ok, 2ms));
    record(one, request(2, Outcome::ok, 9ms));
    report.add(one);
    const Value data = report.take(kStart + 1s, {});
    ASSERT_EQ(data.find("stats")->array()->size(), 2U);
    EXPECT_EQ(*entry(data, "/a").find("num_requests"), Value(2));
    EXPECT_EQ(*entry(data, "/a").find("min_response_time"), Value(2.0));
}

TEST(StatsReport, WhatWasNeverSentIsNotTold) {
    StatsReport report(one_entry());
    report.begin(kStart);
    Interval one = interval(0, 1);
    one.tasks[0].record_unsent(5);
    report.add(one);
    EXPECT_TRUE(report.take(kStart + 1s, {}).find("stats")->array()->empty());
}

TEST(StatsReport, A429IsAFailureAndCountedApart) {
    StatsReport report(one_entry());
    report.begin(kStart);
    Interval one = interval(0, 1);
    record(one, request(0, Outcome::rate_limited, 1ms));
    record(one, request(0, Outcome::server_error, 1ms), "status 500");
    report.add(one);
    const Value data = report.take(kStart + 1s, {});
    EXPECT_EQ(*entry(data, "/").find("num_failures"), Value(2));
    EXPECT_EQ(*data.find("squad_counts"),
              Value(Map{{"rate_limited", 1}, {"server_errors", 1}, {"fallbacks", 0}}));
    EXPECT_EQ(data.find("errors")->map()->size(), 2U);
    const Value* row =
        data.find("errors")->find(error_key("GET", "/", "CatchResponseError('status 429')"));
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(*row->find("occurrences"), Value(1));
}

TEST(StatsReport, AnErrorsTimesAreItsFirstAndLast) {
    StatsReport report(one_entry());
    report.begin(kStart);
    for (std::uint32_t s = 0; s < 3; ++s) {
        Interval one = interval(s, 1);
        record(one, request(0, Outcome::timeout, 1ms), "no answer in 1s");
        report.add(one);
    }
    const Value data = report.take(kStart + 3s, {});
    const Value* row = data.find("errors")->find(error_key("GET", "/", "no answer in 1s"));
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(*row, Value(Map{{"name", "/"},
                              {"method", "GET"},
                              {"error", "no answer in 1s"},
                              {"occurrences", 3},
                              {"first_seen", 1'764'000'000.5},
                              {"last_seen", 1'764'000'002.5}}));
}

// Computed with Locust 2.47: StatsError.create_key("POST", "/chat", CatchResponseError("status
// 503")) and so on.
TEST(StatsReport, KeysOfErrorsAreLocustsOwn) {
    EXPECT_EQ(error_key("POST", "/chat", "CatchResponseError('status 503')"),
              "02b2e41cf73b2bbe5fc0fb0f1870ea6c75ac8f263067ba1bdb6e5e934a6b035c");
    EXPECT_EQ(error_key("GET", "/", "it's \"both\"\n\x01\\ é"),
              "90cb043c25e977acdfcc24ec38953464487618fda8ae934e35b8540fbf6add77");
    EXPECT_EQ(error_text(Outcome::server_error, "status 503"), "CatchResponseError('status 503')");
    EXPECT_EQ(error_text(Outcome::check_failed, "body has no 'x'"),
              "CatchResponseError(\"body has no 'x'\")");
    EXPECT_EQ(error_text(Outcome::connect_error, "connection refused"),
              "ConnectionRefusedError(111, 'Connection refused')");
    EXPECT_EQ(error_text(Outcome::timeout, "no answer"), "no answer");
}

TEST(StatsReport, AMessageIsBoundedWhateverFails) {
    std::vector<EntryLabel> labels(20, EntryLabel{"GET", "/"});
    StatsReport report(labels);
    report.begin(kStart);
    Random random(3, RandomStream::test, 0);
    for (std::uint32_t s = 0; s < 60; ++s) {
        Interval one = interval(s, labels.size());
        for (int i = 0; i < 300; ++i)
            record(one,
                   request(static_cast<std::uint16_t>(random.below(20)), Outcome::check_failed,
                           Nanos{static_cast<std::int64_t>(random.below(60'000'000'000))}),
                   std::to_string(random.next()) + std::string(5000, '\xff'));
        report.add(one);
    }
    const Value data = report.take(kStart + 60s, {});
    EXPECT_LE(data.find("errors")->map()->size(), StatsReport::kMostErrors + 1);
    std::uint64_t occurrences = 0;
    for (const auto& [key, row] : *data.find("errors")->map())
        occurrences += static_cast<std::uint64_t>(row.find("occurrences")->number());
    EXPECT_EQ(occurrences, 60U * 300) << "nothing is lost";
    const auto bytes = Messages("h_1").stats(data);
    EXPECT_TRUE(check_outgoing(bytes));
    EXPECT_LT(bytes.size(), 2'000'000U);
}

TEST(StatsReport, EverythingThatCanBeMeasuredIsAsAMasterTakesIt) {
    Random random(4, RandomStream::test, 0);
    const Messages messages("h_1");
    StatsReport report({{"GET", "/\xff"}, {"POST", ""}, {"", "é"}});
    for (int run = 0; run < 20; ++run) {
        report.begin(kStart);
        std::uint64_t sent = 0;
        std::uint64_t told = 0;
        for (std::uint32_t s = 0; s < 10; ++s) {
            Interval one = interval(s, 3);
            for (auto n = random.below(30); n > 0; --n) {
                const auto outcome = static_cast<Outcome>(random.below(measure::kOutcomes));
                if (outcome == Outcome::unsent) {
                    one.tasks[0].record_unsent();
                    continue;
                }
                ++sent;
                record(one,
                       request(
                           static_cast<std::uint16_t>(random.below(3)), outcome,
                           Nanos{static_cast<std::int64_t>(random.next() >> random.below(60)) / 4}),
                       std::string(random.below(3), static_cast<char>(random.below(256))));
            }
            report.add(one);
            if (random.below(3) != 0) continue;
            const Value data = report.take(kStart + std::chrono::seconds{s + 1}, {{"A", s}});
            const auto good = check_outgoing(messages.stats(data));
            ASSERT_TRUE(good) << good.error().message;
            told += static_cast<std::uint64_t>(
                data.find("stats_total")->find("num_requests")->number());
        }
        const Value last = report.take(kStart + 10s, {});
        told +=
            static_cast<std::uint64_t>(last.find("stats_total")->find("num_requests")->number());
        ASSERT_EQ(told, sent);
    }
}

}  // namespace
}  // namespace squadload::locust
