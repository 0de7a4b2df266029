#include "judge/locust_files/locust_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "judge/locust_files/csv_table.h"
#include "judge/locust_files/failure_text.h"

namespace squadload::locust_files {
namespace {

using measure::Outcome;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kHeader =
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response "
    "Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,"
    "99%,99.9%,99.99%,100%\r\n";
constexpr const char* kChat =
    "POST,/agents/chat,1000,30,400,450.5,1.25,2034.5,20.0,100.0,3.0,400,450,500,550,700,900,1100,"
    "1500,2000,2000,2000\r\n";
constexpr const char* kHealth =
    "GET,/health,10,0,5,5.5,1.5,9.5,2.0,1.0,0.0,5,6,7,8,9,9,9,9,9,9,9\r\n";
constexpr const char* kAll =
    ",Aggregated,1010,30,390,446.1,1.25,2034.5,19.8,101.0,3.0,390,440,490,540,690,890,1100,1500,"
    "2000,2000,2000\r\n";
constexpr const char* kFailures =
    "Method,Name,Error,Occurrences\r\n"
    "POST,/agents/chat,status 429,10\r\n"
    "POST,/agents/chat,HTTPError('503 Server Error: no'),15\r\n";

Files csv() {
    Files files;
    files.stats = File{"l_stats.csv", std::string(kHeader) + kChat + kHealth + kAll};
    files.failures = File{"l_failures.csv", kFailures};
    files.exceptions = File{"l_exceptions.csv", "Count,Message,Traceback,Nodes\r\n"};
    return files;
}

const std::vector<KnownTask> kTasks{{"talk", "POST", "/agents/chat"}, {"other", "GET", "/x"}};

TEST(LocustCsv, FiguresAreThoseOfTheColumns) {
    const auto got = read(csv(), kTasks);
    ASSERT_TRUE(got) << got.error().text();
    const auto& s = got->scenario;
    ASSERT_EQ(s.tasks.size(), 2U);
    EXPECT_EQ(s.tasks[0].name, "talk");
    EXPECT_EQ(s.tasks[1].name, "GET /health");
    const auto& time = s.tasks[0].stats.response_time;
    EXPECT_EQ(time.count(), 1000U);
    EXPECT_EQ(to_ms(time.min()), 1.25);
    EXPECT_EQ(to_ms(time.max()), 2034.5);
    EXPECT_NEAR(time.mean_ns() / 1e6, 450.5, 1e-6);
    const std::vector<std::pair<double, double>> columns{{0.50, 400},  {0.66, 450},  {0.75, 500},
                                                         {0.80, 550},  {0.90, 700},  {0.95, 900},
                                                         {0.98, 1100}, {0.99, 1500}, {0.999, 2000}};
    for (const auto& [q, ms] : columns) {
        EXPECT_EQ(percentile_ms(got->times[0], q), ms) << q;
        EXPECT_NEAR(to_ms(time.percentile(q)), ms, ms / 1024) << q;
    }
    // Between two columns: the next one up.
    EXPECT_EQ(percentile_ms(got->times[0], 0.91), 900);
    EXPECT_EQ(percentile_ms(got->times[0], 1), 2034.5);
    // Small numbers of samples as well: Locust's p90 of ten is the tenth.
    EXPECT_EQ(percentile_ms(got->times[1], 0.5), 5);
    EXPECT_EQ(percentile_ms(got->all, 0.99), 1500);
    EXPECT_NEAR(s.duration_s, 10, 1e-9);
    EXPECT_THAT(s.notes, Contains(HasSubstr("as Locust rounds them")));
}

TEST(LocustCsv, OutcomesAreToldFromTheTexts) {
    const auto got = read(csv(), kTasks);
    ASSERT_TRUE(got) << got.error().text();
    const auto& s = got->scenario;
    const auto& outcomes = s.tasks[0].stats.outcomes;
    EXPECT_EQ(outcomes.ok(), 970U);
    EXPECT_EQ(outcomes.rate_limited(), 10U);
    EXPECT_EQ(outcomes[Outcome::server_error], 15U);
    EXPECT_EQ(outcomes[Outcome::check_failed], 5U);  // that no row explains
    EXPECT_EQ(got->unexplained[0], 5U);
    EXPECT_EQ(s.totals.outcomes.requests(), 1010U);
    ASSERT_EQ(s.failures.size(), 2U);
    EXPECT_EQ(s.failures[1].message, "not in l_failures.csv");
    EXPECT_EQ(s.failures[0].status, 503);
}

TEST(LocustCsv, WhatIsWrongIsSaidWithItsPlace) {
    const auto why = [](const std::string& stats, const std::string& failures = kFailures) {
        Files files = csv();
        files.stats->text = stats;
        files.failures->text = failures;
        const auto got = read(files, kTasks);
        return got ? "" : got.error().text();
    };
    const std::string header = kHeader, chat = kChat, health = kHealth, all = kAll;
    const auto with = [&](const std::string& from, const std::string& to) {
        auto text = header + chat + health + all;
        return text.replace(text.find(from), from.size(), to);
    };
    EXPECT_EQ(why(header + chat + health + all), "");
    EXPECT_THAT(why(""), HasSubstr("l_stats.csv is empty"));
    EXPECT_THAT(why(header + chat), HasSubstr("no row Aggregated"));
    EXPECT_THAT(why(header + chat.substr(0, 40)), HasSubstr("l_stats.csv:2:1: the row has"));
    EXPECT_THAT(why("a,b\r\n1,2\r\n"), HasSubstr("l_stats.csv:1:1: the header has no column"));
    EXPECT_THAT(why(with(",1000,30,", ",many,30,")),
                HasSubstr("l_stats.csv:2:1: Request Count is 'many'"));
    EXPECT_THAT(why(with(",450.5,", ",nan,")), HasSubstr("not a number of 0 or more"));
    EXPECT_THAT(why(with(",450.5,", ",-4,")), HasSubstr("not a number of 0 or more"));
    EXPECT_THAT(why(with(",1000,30,", ",1000,3000,")), HasSubstr("contradict"));
    EXPECT_THAT(why(with(",700,900,", ",700,600,")), HasSubstr("95% is 600 ms, below"));
    EXPECT_THAT(why(with("2034.5", "900.0")), HasSubstr("contradict"));
    EXPECT_THAT(why(with(",450.5,", ",9000.5,")), HasSubstr("the average, 9000.5 ms"));
    EXPECT_THAT(why(with("Aggregated,1010", "Aggregated,1012")),
                HasSubstr("l_stats.csv:4:1: Aggregated has 1012"));
    EXPECT_THAT(why(header + chat + chat + all), HasSubstr("stands here twice, first in line 2"));
    EXPECT_THAT(why(with("POST,/agents/chat", "POST,\"/agents/chat")), HasSubstr("not closed"));
    const auto full = header + chat + health + all;
    EXPECT_THAT(why(full, ""), HasSubstr("l_failures.csv is empty"));
    EXPECT_THAT(why(full, "Method,Name,Error,Occurrences\nPOST,/agents/chat,x,31\n"),
                HasSubstr("l_failures.csv:2:1: POST /agents/chat has more failures"));
    EXPECT_THAT(why(full, "Method,Name,Error,Occurrences\nGET,/gone,x,1\n"),
                HasSubstr("has failures and no statistics"));
    EXPECT_THAT(why(full, "Method,Name,Error,Occurrences\nPOST,/agents/chat,x,1.5\n"),
                HasSubstr("Occurrences is '1.5'"));
}

TEST(LocustCsv, SecondsAreTheDifferencesOfTheHistory) {
    Files files = csv();
    files.history = File{
        "l_stats_history.csv",
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,100%,Total Request Count,Total "
        "Failure Count,Total Median Response Time,Total Average Response Time,Total Min Response "
        "Time,Total Max Response Time,Total Average Content Size\r\n"
        "1795781383,0,,Aggregated,0.0,0.0,N/A,N/A,0,0,0,0.0,0,0,0\r\n"
        "1795781384,5,GET,/health,0.0,0.0,N/A,N/A,9,0,0,0.0,0,0,0\r\n"
        "1795781384,5,,Aggregated,0.0,0.0,1,1,400,10,0,100.0,0,0,10\r\n"
        "1795781386,7,,Aggregated,0.0,0.0,1,1,1000,30,0,200.0,0,0,10\r\n"};
    const auto got = read(files, kTasks);
    ASSERT_TRUE(got) << got.error().text();
    const auto& series = got->scenario.series;
    ASSERT_EQ(series.size(), 4U);
    EXPECT_EQ(series[1].outcomes.requests(), 400U);
    EXPECT_EQ(series[1].users, 5U);
    EXPECT_EQ(series[2].outcomes.requests(), 0U);
    EXPECT_EQ(series[3].outcomes.ok(), 580U);
    EXPECT_EQ(series[3].outcomes[Outcome::check_failed], 20U);
    EXPECT_NEAR(series[3].sum_ms, 160'000, 1e-6);
    EXPECT_EQ(got->scenario.started_at, "2026-11-27T12:09:42.000Z");
    // Such a series is written and read.
    result::RunResult run;
    run.scenarios.push_back(got->scenario);
    const auto again = result::from_json(result::to_json(run), "again.json");
    EXPECT_TRUE(again) << again.error().text();
}

constexpr const char* kJson = R"([{"name": "/agents/chat", "method": "POST",
  "last_request_timestamp": 1795781390.5, "start_time": 1795781380.5, "num_requests": 1000,
  "num_none_requests": 0, "num_failures": 30, "total_response_time": 450500.0,
  "max_response_time": 2034.5, "min_response_time": 1.25, "total_content_length": 20000,
  "response_times": {"1": 1, "400": 899, "1500": 99, "2000": 1}, "num_reqs_per_sec": {}}])";

TEST(LocustJson, TimesAreThoseOfTheBuckets) {
    Files files;
    files.json = File{"l.json", kJson};
    const auto got = read(files, kTasks);
    ASSERT_TRUE(got) << got.error().text();
    EXPECT_EQ(percentile_ms(got->times[0], 0.90), 400);
    EXPECT_EQ(percentile_ms(got->times[0], 0.901), 1500);
    EXPECT_EQ(percentile_ms(got->times[0], 1), 2034.5);
    EXPECT_NEAR(got->scenario.totals.response_time.mean_ns() / 1e6, 450.5, 1e-6);
    EXPECT_EQ(got->scenario.duration_s, 10);
    EXPECT_EQ(got->unexplained[0], 30U);
    EXPECT_EQ(got->scenario.totals.rounded_times.count(), 1000U);
}

TEST(LocustJson, BesideTheCsvItHasTheTimesAndThatTheReasons) {
    Files files = csv();
    files.json = File{"l.json", kJson};
    const auto bad = read(files, kTasks);
    ASSERT_FALSE(bad);
    EXPECT_THAT(bad.error().text(), HasSubstr("GET /health is not in l.json"));
    std::string all = kAll;
    all.replace(all.find("1010"), 4, "1000");
    files.stats->text = std::string(kHeader) + kChat + all;
    const auto got = read(files, kTasks);
    ASSERT_TRUE(got) << got.error().text();
    EXPECT_EQ(percentile_ms(got->times[0], 0.90), 400);
    EXPECT_EQ(got->scenario.totals.outcomes.rate_limited(), 10U);
    files.json->text.replace(files.json->text.find("\"num_failures\": 30"), 18,
                             "\"num_failures\": 29");
    EXPECT_THAT(read(files, kTasks).error().text(), HasSubstr("not of one run"));
}

TEST(LocustJson, WhatIsWrongIsSaid) {
    const auto why = [](const std::string& from, const std::string& to) {
        Files files;
        std::string text = kJson;
        if (!from.empty()) text.replace(text.find(from), from.size(), to);
        files.json = File{"l.json", from.empty() ? to : text};
        const auto got = read(files, kTasks);
        return got ? "" : got.error().text();
    };
    EXPECT_EQ(why("", " \n"), "l.json: the file is empty");
    EXPECT_THAT(why("", "[{\"name\":\n"), HasSubstr("l.json:2:1: this is no valid JSON"));
    EXPECT_THAT(why("", "{}"), HasSubstr("not the array"));
    EXPECT_THAT(why("", "[3]"), HasSubstr("[0] is no entry"));
    EXPECT_THAT(why("\"num_requests\": 1000", "\"num_requests\": -1"), HasSubstr("num_requests"));
    EXPECT_THAT(why("\"num_requests\": 1000", "\"num_requests\": 999"), HasSubstr("contradict"));
    EXPECT_THAT(why("\"400\": 899", "\"x\": 899"), HasSubstr("response_times has 'x'"));
    EXPECT_THAT(why("\"method\": \"POST\"", "\"method\": 3"), HasSubstr("[0].method"));
    EXPECT_THAT(why("\"num_failures\": 30", "\"num_failures\": 3000"), HasSubstr("contradict"));
}

TEST(FailureText, TellsTheOutcome) {
    const std::vector<std::pair<const char*, Outcome>> texts{
        {"status 429", Outcome::rate_limited},
        {"status 503", Outcome::server_error},
        {"status 302", Outcome::check_failed},
        {"CatchResponseError('status 429')", Outcome::rate_limited},
        {"\"CatchResponseError('status 429')\"", Outcome::rate_limited},
        {"'status 404'", Outcome::client_error},
        {"HTTPError('404 Client Error: Not Found for url: /x')", Outcome::client_error},
        {"\"HTTPError('500 Server Error: no for url: http://h/x')\"", Outcome::server_error},
        {"HTTPError('429 Client Error: Too Many Requests for url: /x')", Outcome::rate_limited},
        {"BadStatusCode(code=500)", Outcome::server_error},
        {"BadStatusCode('http://127.0.0.1:1/fast', code=429)", Outcome::rate_limited},
        {"LocustBadStatusCode(code=418)", Outcome::client_error},
        {"ConnectionRefusedError(111, 'Connection refused')", Outcome::connect_error},
        {"ConnectionError(MaxRetryError(\"Caused by NewConnectionError(...)\"))",
         Outcome::connect_error},
        {"gaierror(-2, 'Name or service not known')", Outcome::connect_error},
        {"timeout('timed out')", Outcome::timeout},
        {"ReadTimeout(ReadTimeoutError('x: Read timed out.'))", Outcome::timeout},
        {"RemoteDisconnected('Remote end closed connection')", Outcome::connection_closed},
        {"ConnectionResetError(104, 'Connection reset by peer')", Outcome::connection_closed},
        {"no first byte within 1s", Outcome::timeout},
        {"connection closed before the response", Outcome::connection_closed},
        {"connect to 127.0.0.1:1: Connection refused", Outcome::connect_error},
        {"still in flight when graceful_stop ended", Outcome::abandoned},
        {"a timeout field is missing", Outcome::check_failed},
        {"the answer is status 500", Outcome::check_failed},
        {"4290 is no status", Outcome::check_failed},
        {"", Outcome::check_failed},
        {"'", Outcome::check_failed},
    };
    for (const auto& [text, outcome] : texts) EXPECT_EQ(outcome_of(text).outcome, outcome) << text;
    EXPECT_EQ(unwrapped("'it\\'s'"), "it's");
    EXPECT_EQ(unwrapped("\"CatchResponseError('it is \\\"so\\\"')\""), "it is \"so\"");
}

TEST(CsvTable, IsReadAsPythonReadsIt) {
    const auto rows = parse_csv(
        "\xEF\xBB\xBF"
        "a,\"b\"\"c\",\"d\r\ne\"\r\n\r\n\"x\",,z",
        "f.csv");
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 2U);
    EXPECT_EQ(rows->at(0).cells, (std::vector<std::string>{"a", "b\"c", "d\r\ne"}));
    EXPECT_EQ(rows->at(1).cells, (std::vector<std::string>{"x", "", "z"}));
    EXPECT_EQ(rows->at(1).line, 4);
}

}  // namespace
}  // namespace squadload::locust_files
