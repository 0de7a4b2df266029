#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "judge/result/run_result.h"

namespace squadload::result {
namespace {

using measure::Outcome;
using nlohmann::json;
using ::testing::HasSubstr;

measure::TaskStats random_stats(std::uint64_t seed, int n, std::uint16_t task) {
    measure::TaskStats stats;
    Random random(seed, RandomStream::test, task);
    for (int i = 0; i < n; ++i) {
        measure::RequestRecord r;
        r.task = task;
        r.outcome = static_cast<Outcome>(1 + random.below(measure::kOutcomes - 1));
        r.service_time = from_seconds(random.exponential() * 0.3);
        r.generator_lag = from_seconds(random.exponential() * 1e-5);
        r.blocked = random.below(4) == 0 ? from_seconds(random.exponential() * 0.1) : Nanos{0};
        r.response_time = r.service_time + r.generator_lag + r.blocked;
        if (random.below(10) == 0) r.connect = from_seconds(random.exponential() * 1e-3);
        if (random.below(10) != 0) r.first_byte = r.service_time / 2;
        r.bytes_received = random.below(1000);
        r.bytes_sent = 100;
        r.redirects = 1;
        stats.record(r);
    }
    stats.record_unsent(3);
    const Nanos beyond = std::chrono::hours{3};  // the last bucket
    stats.response_time.record(beyond);
    stats.rounded_times.record(beyond);
    return stats;
}

std::vector<ProviderResult> sample_providers() {
    ProviderResult groq;
    groq.name = "groq";
    groq.limit_per_minute = 1560;
    groq.ok = 90;
    groq.responses_429 = 5;
    groq.failed = 2;
    groq.peak_per_minute = 97;
    groq.time.record(std::chrono::milliseconds{391});
    groq.last_429_at_s = 46.125;
    groq.spikes = {{41.5, 4.625, 5}};
    groq.series = {{0, 60, 60, 0, 0, 60}, {1, 37, 30, 5, 0, 97}};
    groq.responses.responses = 90;
    groq.responses.ok = 89;
    groq.responses.attempts = 95;
    groq.responses.with_attempts = 90;
    groq.responses.completion_tokens = 7000;
    groq.responses.response_time.record(std::chrono::milliseconds{395});
    groq.reported.calls = 97;
    groq.reported.rpm_limit = 1560;
    groq.reported.last_429_time = "2026-11-23T09:15:46.125Z";
    ProviderResult cerebras;
    cerebras.name = "cerebras";
    cerebras.source = "responses";
    cerebras.ok = cerebras.served_as_fallback = 3;
    cerebras.responses.fallback_reasons = {{"quota", 2}, {"rate_limited", 1}};
    return {groq, cerebras};
}

std::vector<WitnessCheck> sample_checks() {
    WitnessCheck broken;
    broken.check = "window";
    broken.provider = "groq";
    broken.key = "0123456789ab";
    broken.model = "llama";
    broken.answer = WitnessAnswer::broken;
    broken.bound = "1,560 in any 60 s";
    broken.actual = "1,600 at 00:41";
    broken.sentence = "1,600 calls";
    broken.bound_value = 1560;
    broken.actual_value = 1600;
    broken.judged = 3000;
    broken.jitter = Nanos{1'234'567};
    broken.from = Nanos{41'000'000'001};
    broken.to = std::chrono::seconds{101};
    broken.request_ids = {"a", "b"};
    WitnessCheck open;
    open.check = "throttle";
    open.sentence = "no provider answered 429";
    return {broken, open};
}

ScenarioResult sample_scenario(const std::string& name, std::uint64_t seed) {
    ScenarioResult s;
    s.name = name;
    s.description = "a \"quoted\" line\nand café";
    s.kind = "spike";
    s.model = "open";
    s.verdict = Verdict::fail;
    s.verdict_reason = "1 of 2 criteria broken";
    s.load_description = "open 60/s constant";
    s.target = "http://127.0.0.1:8000";
    s.backend = "epoll";
    s.workers = 2;
    s.started_at = "2026-11-23T09:15:00.123Z";
    s.schedule_duration_s = 120;
    s.duration_s = 120.123456789;
    s.seed = std::numeric_limits<std::uint64_t>::max();
    s.connections_opened = 12;
    s.stop_reason = "schedule_ended";
    s.notes = {"a note"};
    s.configuration_yaml = "name: spike\n";
    s.tasks.push_back({"health", "/health", "GET", random_stats(seed, 50, 0)});
    s.tasks.push_back({"chat", "/agents/chat", "POST", random_stats(seed, 500, 1)});
    for (const auto& task : s.tasks) s.totals.merge(task.stats);
    measure::IterationStats iterations;
    for (int i = 0; i < 40; ++i) {
        iterations.add(static_cast<measure::IterationEnd>(i % 3));
        iterations.time.record(std::chrono::milliseconds{1000 + 17 * i});
    }
    iterations.add_reason("before ask: token is not set", 4);
    iterations.add_reason("at ask: timeout", 9);
    s.iterations.push_back({"conversation", iterations});
    s.providers = sample_providers();
    s.provider_columns.rpm = false;
    s.witness = sample_checks();
    s.events = {{"groq: outage for 20s", "groq", Nanos{40'000'000'001}, Nanos{60'000'000'000}, ""},
                {"grok: outage", "grok", std::chrono::seconds{50}, std::nullopt, "no grok"}};
    s.time_scale = 8;
    s.throughput_per_s = throughput_per_s(s.totals.outcomes, s.duration_s);
    for (std::uint32_t i = 0; i < 3; ++i) {
        measure::SeriesPoint p;
        p.second = i;
        p.scheduled = p.started = 60;
        if (i > 0) p.outcomes.add(Outcome::ok, 60);
        if (i > 0) p.rounded_times.add(0, 60);
        p.min_ms = 0.05 * i;
        p.sum_ms = 7.25 * i;
        p.body_bytes = 99;
        p.p50_ms = 0.1 * i;
        p.users = 4;
        s.series.push_back(p);
    }
    ThresholdResult t;
    t.name = "p95_latency_max_ms";
    t.criterion = "p95 response";
    t.comparison = "<";
    t.bound = "< 2,000 ms";
    t.bound_value = 2000;
    t.actual = "2,310 ms";
    t.actual_value = 2310.5;
    t.unit = "ms";
    t.first_broken_at_s = 41;
    s.thresholds.push_back(t);
    ThresholdResult unjudged;
    unjudged.name = "p99(chat) < 1s";
    unjudged.comparison = "<";
    unjudged.actual = "no samples";
    unjudged.unit = "ms";
    s.thresholds.push_back(unjudged);
    s.audit.scheduled = s.audit.sent = 550;
    s.audit.randomness = measure::Randomness{1000, 1.01, 0.0447, -0.01, 0.0316};
    s.audit.void_reasons = {"late"};
    measure::FailureGroup f;
    f.task = 1;
    f.outcome = Outcome::timeout;
    f.message = "no answer within 30s";
    f.count = 7;
    f.first = Nanos{1'000'000'001};
    f.last = Nanos{119'987'654'321};
    f.example = "{\"error\":1}";
    s.failures.push_back(f);
    return s;
}

RunResult sample_run() {
    RunResult run;
    run.tool_version = "0.1.0";
    run.command = "squadload run 'all'";
    run.started_at = "2026-11-23T09:15:00Z";
    run.scenarios = {sample_scenario("spike", 1), sample_scenario("sustained", 2)};
    Capacity capacity;
    capacity.from_per_s = 10;
    capacity.to_per_s = 500;
    capacity.precision = 0.03;
    capacity.step_s = 2.5;
    capacity.bounds = {"p95 < 500ms"};
    capacity.limit_per_s = 103.7;
    capacity.broken_per_s = 106.5;
    capacity.cause = LimitCause::rate_limiting;
    capacity.sentence = "103.7/s holds";
    capacity.steps = {
        {10, LimitCause::none, "", 25, 25, 0, 0, 10, 1.5, 2, 3, 4, 1},
        {106.5, LimitCause::rate_limiting, "429s", 266, 200, 66, 0, 80, 1, 2, 3, 4, 0}};
    run.capacity = capacity;
    run.criteria = {
        {"AC-4", "latency at most doubles", "spike", "≤ 2 ×", "1.11 ×", CriterionAnswer::met, ""},
        {"AC-6", "concurrency is reduced", "", "", "", CriterionAnswer::not_exercised,
         "no 429 came"}};
    run.verdict = Verdict::fail;
    run.exit_code = ExitCode::fail;
    return run;
}

// A run in which nothing happened at all.
RunResult empty_run() {
    RunResult run;
    run.verdict = Verdict::interrupted;
    run.exit_code = ExitCode::terminated;
    ScenarioResult s;
    s.kind = "steady";
    s.model = "closed";
    s.stop_reason = "terminated";
    s.verdict = Verdict::interrupted;
    run.scenarios.push_back(s);
    return run;
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> buckets(const measure::Histogram& h) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> out;
    h.for_each([&](std::uint32_t bucket, std::uint64_t count) { out.emplace_back(bucket, count); });
    return out;
}

void expect_same(const measure::Histogram& a, const measure::Histogram& b) {
    EXPECT_EQ(buckets(a), buckets(b));
    EXPECT_EQ(a.count(), b.count());
    EXPECT_EQ(a.min(), b.min());
    EXPECT_EQ(a.max(), b.max());
    EXPECT_EQ(a.sum_ns(), b.sum_ns());
}

TEST(MetricsFile, RoundTripIsExact) {
    for (const RunResult& run : {sample_run(), empty_run(), RunResult{}}) {
        const std::string text = to_json(run);
        const auto back = from_json(text, "metrics.json");
        ASSERT_TRUE(back) << back.error().text();
        EXPECT_EQ(to_json(*back), text);
    }
}

TEST(MetricsFile, HistogramsComeBackBucketByBucket) {
    const RunResult run = sample_run();
    const auto back = from_json(to_json(run), "metrics.json");
    ASSERT_TRUE(back) << back.error().text();
    const auto& a = run.scenarios[0].tasks[1].stats;
    const auto& b = back->scenarios[0].tasks[1].stats;
    ASSERT_GT(a.response_time.count(), 500U);
    expect_same(a.response_time, b.response_time);
    expect_same(a.generator_lag, b.generator_lag);
    expect_same(a.connect, b.connect);
    expect_same(a.retry_wait, b.retry_wait);
    EXPECT_EQ(a.outcomes, b.outcomes);
    EXPECT_EQ(run.scenarios[0].witness, back->scenarios[0].witness);
    EXPECT_EQ(run.scenarios[0].events, back->scenarios[0].events);
    EXPECT_EQ(run.criteria, back->criteria);
    EXPECT_EQ(run.capacity, back->capacity);
    EXPECT_EQ(run.scenarios[0].providers[0].series, back->scenarios[0].providers[0].series);
    EXPECT_EQ(run.scenarios[0].providers[0].spikes, back->scenarios[0].providers[0].spikes);
    EXPECT_EQ(run.scenarios[0].failures[0].last, back->scenarios[0].failures[0].last);
    EXPECT_EQ(back->scenarios[0].tasks[0].name, "health") << "file order is kept";
    EXPECT_EQ(back->scenarios[1].seed, std::numeric_limits<std::uint64_t>::max());
}

TEST(MetricsFile, MergedHistogramsOfAFileEqualTheTotals) {
    const auto back = from_json(to_json(sample_run()), "metrics.json");
    ASSERT_TRUE(back);
    measure::TaskStats merged;
    for (const auto& task : back->scenarios[0].tasks) merged.merge(task.stats);
    expect_same(merged.service_time, back->scenarios[0].totals.service_time);
}

TEST(MetricsFile, FieldsAreNamedAsDocumented) {
    const json file = json::parse(to_json(sample_run()));
    const json& s = file["scenarios"][0];
    EXPECT_EQ(file["schema"], 1);
    EXPECT_EQ(file["tool"]["backend"], "epoll");
    EXPECT_EQ(file["verdict"], "FAIL");
    EXPECT_EQ(s["totals"]["requests"], 550);
    EXPECT_EQ(s["totals"]["scheduled"], 556);
    EXPECT_EQ(s["totals"]["outcomes"]["unsent"], 6);
    EXPECT_EQ(s["thresholds"][0]["actual"], 2310.5);
    EXPECT_TRUE(s["thresholds"][1]["actual"].is_null());
    EXPECT_EQ(s["tasks"]["chat"]["requests"], 500);
    EXPECT_EQ(s["failures"][0]["task"], "chat");
    const double sum = s["totals"]["success_rate"].get<double>() +
                       s["totals"]["rate_limited_rate"].get<double>() +
                       s["totals"]["failure_rate"].get<double>();
    EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(MetricsFile, OneSecondOfTheSeriesIsOneLine) {
    const std::string text = to_json(sample_run());
    const auto at = text.find("\"second\":1");
    ASSERT_NE(at, std::string::npos);
    const auto line = text.substr(at, text.find('\n', at) - at);
    EXPECT_THAT(line, HasSubstr("\"users\":4"));
    const json single = json::parse(series_line("spike", sample_run().scenarios[0].series[1]));
    EXPECT_EQ(single["scenario"], "spike");
    EXPECT_EQ(single["second"], 1);
}

TEST(MetricsFile, TextOfATargetThatIsNotUtf8IsReplaced) {
    RunResult run = sample_run();
    run.scenarios[0].failures[0].example = "bad \xff\xfe bytes";
    const auto back = from_json(to_json(run), "metrics.json");
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(back->scenarios[0].failures[0].example, "bad \xEF\xBF\xBD\xEF\xBF\xBD bytes");
}

struct Damage {
    const char* patch;  // RFC 6902
    const char* sentence;
};

const Damage kDamages[] = {
    {R"({"op":"remove","path":"/verdict"})", "verdict is missing"},
    {R"({"op":"replace","path":"/verdict","value":"GREEN"})",
     "verdict is not PASS, FAIL, VOID or INTERRUPTED"},
    {R"({"op":"replace","path":"/exit_code","value":"1"})",
     "exit_code is not a whole number from 0 to 255"},
    {R"({"op":"add","path":"/surprise","value":1})", "surprise is unknown"},
    {R"({"op":"add","path":"/scenarios/0/tasks/chat/extra","value":1})",
     "scenarios[0].tasks.chat.extra is unknown"},
    {R"({"op":"remove","path":"/scenarios/1/totals/requests"})",
     "scenarios[1].totals.requests is missing"},
    {R"({"op":"replace","path":"/scenarios/0/totals/success_rate","value":1})",
     "scenarios[0].totals.success_rate is 1 but the rest of the file says"},
    {R"({"op":"replace","path":"/scenarios/0/totals/response_time_ms/p95","value":1})",
     "scenarios[0].totals.response_time_ms.p95 is 1 but"},
    {R"({"op":"replace","path":"/scenarios/0/totals/outcomes/ok","value":-1})",
     "scenarios[0].totals.outcomes.ok is not a whole number"},
    {R"({"op":"add","path":"/scenarios/0/totals/outcomes/fine","value":1})",
     "scenarios[0].totals.outcomes.fine is not the count of an outcome"},
    {R"({"op":"replace","path":"/scenarios/0/totals/histograms/connect/buckets/0","value":[1]})",
     "buckets[0] is not a pair of bucket and count"},
    {R"({"op":"replace","path":"/scenarios/0/totals/histograms/connect/buckets/0",)"
     R"("value":[99999999,1]})",
     "is not a bucket that exists"},
    {R"({"op":"replace","path":"/scenarios/0/totals/histograms/connect/min_ns","value":0})",
     "its extremes lie outside its buckets"},
    {R"({"op":"replace","path":"/scenarios/0/totals/histograms/connect","value":)"
     R"({"min_ns":4099,"max_ns":4096,"sum_ns":4097,"buckets":[[3072,1]]}})",
     "its minimum is not within 0 and its maximum"},
    {R"({"op":"replace","path":"/scenarios/0/totals/histograms/connect/sum_ns","value":-5})",
     "its sum is no sum of durations"},
    {R"({"op":"replace","path":"/scenarios/0/totals/histograms/connect/buckets","value":{}})",
     "is not a list"},
    {R"({"op":"replace","path":"/scenarios/0/failures/0/task","value":"nobody"})",
     "scenarios[0].failures[0].task is not a task of the scenario"},
    {R"({"op":"replace","path":"/scenarios/0/failures/0/last_at_s","value":-1})",
     "is not a time in seconds"},
    {R"({"op":"replace","path":"/scenarios/0/workers","value":4294967296})",
     "is not a number below 2^32"},
    {R"({"op":"replace","path":"/scenarios/0/thresholds/0/pass","value":null})",
     "pass is not true or false"},
    {R"({"op":"replace","path":"/scenarios","value":7})", "scenarios is not a list"},
    {R"({"op":"replace","path":"/scenarios/0/witness","value":[1]})", "witness[0] is no object"},
};

TEST(MetricsFile, DamageIsFoundAndNamed) {
    const json good = json::parse(to_json(sample_run()));
    ASSERT_TRUE(from_json(good.dump(), "x.json")) << "members may come in any order";
    for (const auto& damage : kDamages) {
        const json bad = good.patch(json::array({json::parse(damage.patch)}));
        const auto back = from_json(bad.dump(), "x.json");
        ASSERT_FALSE(back) << damage.patch;
        EXPECT_EQ(back.error().kind, ErrorKind::config);
        EXPECT_THAT(back.error().message, HasSubstr("x.json is not a metrics file: "))
            << damage.patch;
        EXPECT_THAT(back.error().message, HasSubstr(damage.sentence)) << damage.patch;
    }
}

TEST(MetricsFile, OtherFilesAreRefused) {
    for (const char* text : {"", "{", "[]", "null", "{}", "\"schema\"", "{\"schema\":1}", "\xff"}) {
        EXPECT_FALSE(from_json(text, "x.json")) << text;
    }
    const auto later = from_json("{\"schema\":2}", "x.json");
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error().message, "x.json has schema version 2; this program reads version 1");
}

TEST(MetricsFile, EveryTruncationIsAnError) {
    RunResult run = empty_run();
    const std::string text = to_json(run);
    for (std::size_t n = 0; n + 1 < text.size(); n += 7) {
        EXPECT_FALSE(from_json(text.substr(0, n), "x.json")) << n;
    }
}

// The schema of docs/ judges real output, through an implementation that is not ours.
class MetricsSchema : public ::testing::Test {
  protected:
    MetricsSchema() : dir_(::testing::TempDir() + "metrics_schema_" + std::to_string(::getpid())) {
        std::filesystem::create_directories(dir_);
    }
    ~MetricsSchema() override { std::filesystem::remove_all(dir_); }

    [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
        const std::string path = dir_ + "/" + name;
        std::ofstream(path) << text;
        return path;
    }
    // The number of files that are not valid.
    [[nodiscard]] static int validate(const std::vector<std::string>& files) {
        const std::string root = SQUADLOAD_SOURCE_DIR;
        std::string command = "/usr/bin/python3 " + root + "/tests/support/validate_json.py " +
                              root + "/docs/metrics.schema.json";
        for (const auto& file : files) command += " '" + file + "'";
        const int status = std::system(command.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

  private:
    std::string dir_;
};

TEST_F(MetricsSchema, AcceptsRealOutput) {
    EXPECT_EQ(validate({write("full.json", to_json(sample_run())),
                        write("empty.json", to_json(empty_run())),
                        write("none.json", to_json(RunResult{}))}),
              0);
}

TEST_F(MetricsSchema, RefusesUnknownMembersAtEveryLevel) {
    const json good = json::parse(to_json(sample_run()));
    std::vector<std::string> files;
    for (const char* where :
         {"", "/tool", "/scenarios/0", "/scenarios/0/totals", "/scenarios/0/tasks/chat",
          "/scenarios/0/totals/response_time_ms", "/scenarios/0/series/0"}) {
        json bad = good;
        bad[json::json_pointer(where)]["surprise"] = 1;
        files.push_back(write("bad" + std::to_string(files.size()) + ".json", bad.dump()));
    }
    EXPECT_EQ(validate(files), static_cast<int>(files.size()));
}

TEST(Result, RatesAreDisjointAndAddUp) {
    measure::OutcomeCounts counts;
    EXPECT_EQ(rates(counts).success, 0);
    counts.add(Outcome::unsent, 100);
    counts.add(Outcome::ok, 90);
    counts.add(Outcome::rate_limited, 6);
    counts.add(Outcome::server_error, 3);
    counts.add(Outcome::timeout, 1);
    const Rates r = rates(counts);
    EXPECT_DOUBLE_EQ(r.success, 0.90);
    EXPECT_DOUBLE_EQ(r.rate_limited, 0.06);
    EXPECT_DOUBLE_EQ(r.failure, 0.04);
    EXPECT_DOUBLE_EQ(r.server_error, 0.03);
    const auto providers = sample_scenario("spike", 1).providers;
    EXPECT_DOUBLE_EQ(share(providers[0], providers), 0.97);
    EXPECT_EQ(fallbacks(providers), 3U);
    EXPECT_EQ(share({}, {}), 0);
    EXPECT_DOUBLE_EQ(throughput_per_s(counts, 10), 9.9) << "a timeout completes no response";
    EXPECT_EQ(throughput_per_s(counts, 0), 0);
}

TEST(Result, SummaryOfAnEmptyHistogramIsZero) {
    const Summary s = summarize({});
    EXPECT_EQ(s.count, 0U);
    EXPECT_EQ(s.p99, 0);
    EXPECT_EQ(s.max, 0);
}

}  // namespace
}  // namespace squadload::result
