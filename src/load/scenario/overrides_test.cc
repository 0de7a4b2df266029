#include <gtest/gtest.h>

#include <map>

#include "load/scenario/config.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::scenario {
namespace {

using namespace std::chrono_literals;

using Variables = std::map<std::string, std::string>;

Environment environment_of(Variables variables) {
    return
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            if (found == variables.end()) return std::nullopt;
            return found->second;
        };
}

constexpr std::string_view kFile = R"(
target: {host: "http://file"}
scenarios:
  open:
    rate: 30
    duration: 300
    users: 40
    thresholds: {p95_latency_max_ms: 900, expressions: [max < 4s]}
  closed: {users: 30, spawn_rate: 3, duration: 300}
  ramp:
    stages:
      - {duration: 10, to: 100}
      - {duration: 20, rate: 100}
  bare: {}
thresholds:
  success_rate_min: 0.99
  p95_latency_max_ms: 2000
  spike_p99_latency_max_ms: 5000
  expressions: [count > 10]
stages:
  dev: {users: 50, thresholds: {success_rate_min: 0.9}, target: {host: "http://dev"}}
  prod: {users: 1000, rate: 500, duration: 1m, spawn_rate: 9}
)";

Result<Scenario> effective(const std::string& name, const CommandLine& command_line,
                           Variables variables = {}) {
    auto config = Config::parse(kFile, "f.yaml", environment_of(std::move(variables)));
    if (!config) return tl::unexpected(config.error());
    return config->effective(name, command_line);
}

std::string bound(const Scenario& s, std::string_view key) {
    for (const auto& entry : s.thresholds) {
        if (canonical_threshold_key(entry.name) == canonical_threshold_key(key)) return entry.value;
    }
    return "none";
}

TEST(OverridesTest, PrecedenceIsCommandLineSquadloadLocustStageFile) {
    CommandLine cli;
    cli.users = "5";
    cli.stage = "dev";
    const Variables both{{"SQUADLOAD_USERS", "6"}, {"LOCUST_USERS", "7"}};
    EXPECT_EQ(effective("closed", cli, both)->users, 5U);
    cli.users.reset();
    EXPECT_EQ(effective("closed", cli, both)->users, 6U);
    EXPECT_EQ(effective("closed", cli, {{"LOCUST_USERS", "7"}})->users, 7U);
    EXPECT_EQ(effective("closed", cli)->users, 50U);
    EXPECT_EQ(effective("closed", {})->users, 30U);
    EXPECT_EQ(effective("closed", {}, {{"SQUADLOAD_USERS", ""}})->users, 30U);
}

TEST(OverridesTest, HostsFollowTheSameOrder) {
    CommandLine cli;
    cli.stage = "dev";
    Variables variables{{"LOCUST_HOST", "http://locust"}};
    EXPECT_EQ(effective("open", {})->target.host, "http://file");
    EXPECT_EQ(effective("open", cli)->target.host, "http://dev");
    EXPECT_EQ(effective("open", cli, variables)->target.host, "http://locust");
    variables["SQUADLOAD_HOST"] = "http://env";
    EXPECT_EQ(effective("open", cli, variables)->target.host, "http://env");
    EXPECT_EQ(effective("open", cli, variables)->target.host_mark.file, "SQUADLOAD_HOST");
    cli.host = "http://cli";
    EXPECT_EQ(effective("open", cli, variables)->target.host, "http://cli");
    EXPECT_EQ(effective("open", cli, variables)->target.host_mark.file, "--host");
}

TEST(OverridesTest, UsersAloneSwitchToTheClosedModelAndSaySo) {
    CommandLine cli;
    cli.users = "50";
    const Scenario s = effective("open", cli).value();
    EXPECT_EQ(s.model, Model::closed);
    EXPECT_EQ(s.users, 50U);
    EXPECT_EQ(s.duration, 300s);
    EXPECT_TRUE(s.rates.empty());
    ASSERT_EQ(s.notes.size(), 1U);
    EXPECT_TRUE(s.notes[0].starts_with("--users 50 switches open to the closed model"))
        << s.notes[0];
    const Scenario ramp = effective("ramp", cli).value();
    EXPECT_EQ(ramp.model, Model::closed);
    EXPECT_EQ(ramp.duration, 30s);
    EXPECT_TRUE(effective("open", {}, {{"LOCUST_USERS", "4"}})
                    ->notes.at(0)
                    .starts_with("LOCUST_USERS 4 switches"));
    CommandLine dev;
    dev.stage = "dev";
    EXPECT_TRUE(
        effective("open", dev)->notes.at(0).starts_with("stage dev with users 50 switches open"));
    EXPECT_EQ(effective("open", {}, {{"SQUADLOAD_STAGE", "dev"}})->model, Model::closed);
    EXPECT_TRUE(effective("closed", cli)->notes.empty());
}

TEST(OverridesTest, ARateSwitchesToTheOpenModelAndSaysSo) {
    CommandLine cli;
    cli.rate = "100";
    const Scenario s = effective("closed", cli).value();
    EXPECT_EQ(s.model, Model::open);
    EXPECT_EQ(s.users, 30U);
    ASSERT_FALSE(s.notes.empty());
    EXPECT_EQ(s.notes[0],
              "a rate switches closed to the open model: its 30 users only bound how many requests "
              "run at a time");
    const Scenario open = effective("open", cli).value();
    for (const auto& note : open.notes) {
        EXPECT_EQ(note.find("switches"), std::string::npos) << "it was open before";
    }
}

TEST(OverridesTest, OnlyTheSwitchThatHoldsIsSaid) {
    const std::map<std::string, std::string> both{{"LOCUST_USERS", "9"}, {"SQUADLOAD_USERS", "8"}};
    const Scenario eight = effective("open", {}, both).value();
    ASSERT_EQ(eight.notes.size(), 1U);
    EXPECT_TRUE(eight.notes[0].starts_with("SQUADLOAD_USERS 8 switches open")) << eight.notes[0];
    CommandLine cli;
    cli.stage = "dev";  // users alone
    cli.rate = "5";
    const Scenario open = effective("ramp", cli).value();
    EXPECT_EQ(open.model, Model::open);
    for (const std::string& note : open.notes) {
        EXPECT_EQ(note.find("closed model"), std::string::npos) << note;
    }
    cli = {};
    cli.users = "3";
    cli.rate_or_spawn_rate = "50";
    EXPECT_NE(effective("open", cli)->notes.at(0).find("-r 50 is their spawn rate"),
              std::string::npos);
}

TEST(OverridesTest, UsersWithARateOnlyBound) {
    CommandLine cli;
    cli.users = "50";
    cli.rate = "100";
    const Scenario s = effective("closed", cli).value();
    EXPECT_EQ(s.model, Model::open);
    EXPECT_EQ(s.users, 50U);
    EXPECT_EQ(s.rates, (std::vector<pacing::RateStage>{{300s, 100, 100}}));
    CommandLine prod;
    prod.stage = "prod";
    const Scenario p = effective("closed", prod).value();
    EXPECT_EQ(p.model, Model::open);
    EXPECT_EQ(p.users, 1000U);
    EXPECT_EQ(p.duration, 60s);
    // A rate further up beats users further down.
    cli.users.reset();
    const Scenario mixed = effective("open", cli, {{"SQUADLOAD_USERS", "8"}}).value();
    EXPECT_EQ(mixed.model, Model::open);
    EXPECT_EQ(mixed.users, 8U);
}

TEST(OverridesTest, DashRMeansWhatTheModelMakesOfIt) {
    CommandLine cli;
    cli.rate_or_spawn_rate = "7";
    EXPECT_EQ(effective("open", cli)->rates[0].start_per_s, 7);
    EXPECT_EQ(effective("ramp", cli)->rates, (std::vector<pacing::RateStage>{{30s, 7, 7}}));
    const Scenario closed = effective("closed", cli).value();
    EXPECT_EQ(closed.model, Model::closed);
    EXPECT_EQ(closed.spawn_rate, 7);
    cli.users = "3";
    const Scenario switched = effective("open", cli).value();
    EXPECT_EQ(switched.model, Model::closed);
    EXPECT_EQ(switched.spawn_rate, 7);
}

TEST(OverridesTest, ADurationCutsOrExtendsStages) {
    CommandLine cli;
    cli.duration = "5s";
    Scenario s = effective("ramp", cli).value();
    EXPECT_EQ(s.rates, (std::vector<pacing::RateStage>{{5s, 0, 50}}));
    EXPECT_EQ(s.duration, 5s);
    EXPECT_NE(s.notes.at(0).find("cuts off"), std::string::npos);
    cli.duration = "1m";
    s = effective("ramp", cli).value();
    EXPECT_EQ(s.rates,
              (std::vector<pacing::RateStage>{{10s, 0, 100}, {20s, 100, 100}, {30s, 100, 100}}));
    cli.duration = "30s";
    EXPECT_TRUE(effective("ramp", cli)->notes.empty());
}

TEST(OverridesTest, EveryOtherSetting) {
    const Scenario s = effective("open", {},
                                 {{"SQUADLOAD_RATE", "600/m"},
                                  {"LOCUST_RUN_TIME", "2m"},
                                  {"SQUADLOAD_REQUESTS", "99"},
                                  {"SQUADLOAD_SEED", "4"},
                                  {"SQUADLOAD_WORKERS", "2"},
                                  {"SQUADLOAD_GRACEFUL_STOP", "1s"}})
                           .value();
    EXPECT_EQ(s.rates, (std::vector<pacing::RateStage>{{120s, 10, 10}}));
    EXPECT_EQ(s.requests, 99U);
    EXPECT_EQ(s.seed, 4U);
    EXPECT_EQ(s.workers, 2U);
    EXPECT_EQ(s.graceful_stop, 1s);
    EXPECT_EQ(
        effective("open", {}, {{"SQUADLOAD_DURATION", "3s"}, {"LOCUST_RUN_TIME", "2m"}})->duration,
        3s);
    EXPECT_EQ(effective("closed", {}, {{"LOCUST_SPAWN_RATE", "2.5"}})->spawn_rate, 2.5);
    EXPECT_FALSE(effective("bare", {}));
    CommandLine cli;
    cli.rate = "3";
    cli.requests = "5";
    EXPECT_EQ(effective("bare", cli)->duration, Nanos::max());
}

TEST(OverridesTest, BoundsComeFromEnvironmentStageScenarioAndFile) {
    CommandLine dev;
    dev.stage = "dev";
    const Scenario s = effective("open", dev,
                                 {{"SQUADLOAD_P99_LATENCY_SPIKE_MAX_MS", "7"},
                                  {"SQUADLOAD_FAILURE_RATE_MAX", "0.7%"},
                                  {"SQUADLOAD_EXPRESSIONS", "p95(chat) < 2s; mean < 1s"}})
                           .value();
    EXPECT_EQ(bound(s, "success_rate_min"), "0.9");
    EXPECT_EQ(bound(s, "p95_latency_max_ms"), "900");
    EXPECT_EQ(bound(s, "spike_p99_latency_max_ms"), "7");
    EXPECT_EQ(bound(s, "failure_rate_max"), "0.7%");
    std::vector<std::string> expressions;
    for (const auto& entry : s.thresholds) {
        if (entry.name.empty()) expressions.push_back(entry.value);
    }
    EXPECT_EQ(expressions.size(), 4U);
    EXPECT_EQ(expressions[0], "count > 10");
    for (const auto& key : threshold_keys()) {
        const std::string value = key.ends_with("_ms") ? "123" : "0.5";
        EXPECT_EQ(bound(effective("open", {}, {{environment_name(key), value}}).value(), key),
                  value)
            << key;
    }
}

TEST(OverridesTest, FailFastIsSwitchedOnFromOutside) {
    CommandLine cli;
    cli.fail_fast = true;
    EXPECT_TRUE(effective("open", cli)->fail_fast.enabled);
    EXPECT_TRUE(effective("open", {}, {{"SQUADLOAD_FAIL_FAST", "1"}})->fail_fast.enabled);
    EXPECT_TRUE(effective("open", {}, {{"SQUADLOAD_FAIL_FAST", "true"}})->fail_fast.enabled);
    EXPECT_FALSE(effective("open", {}, {{"SQUADLOAD_FAIL_FAST", "0"}})->fail_fast.enabled);
    EXPECT_FALSE(effective("open", {})->fail_fast.enabled);
    const Scenario s = effective("open", {},
                                 {{"SQUADLOAD_FAIL_FAST_SUCCESS_RATE_MIN", "0.5"},
                                  {"SQUADLOAD_FAIL_FAST_WINDOW", "20"},
                                  {"SQUADLOAD_FAIL_FAST_MIN_SAMPLES", "7"}})
                           .value();
    EXPECT_EQ(s.fail_fast.bounds[0].value, "0.5");
    EXPECT_EQ(s.fail_fast.window, 20s);
    EXPECT_EQ(s.fail_fast.min_samples, 7U);
}

TEST(OverridesTest, MistakesNameTheirSource) {
    const auto error = [](const std::string& name, const CommandLine& cli, Variables variables) {
        const auto s = effective(name, cli, std::move(variables));
        return s ? "none" : s.error().text();
    };
    CommandLine cli;
    cli.rate = "fast";
    EXPECT_TRUE(error("open", cli, {}).starts_with("--rate: expected a rate"));
    CommandLine stage;
    stage.stage = "pord";
    EXPECT_EQ(error("open", stage, {}), "--stage: there is no stage 'pord'; did you mean 'prod'?");
    EXPECT_TRUE(error("open", {}, {{"SQUADLOAD_USERS", "many"}})
                    .starts_with("SQUADLOAD_USERS: expected a whole number"));
    EXPECT_TRUE(error("open", {}, {{"LOCUST_RUN_TIME", "5 parsecs"}})
                    .starts_with("LOCUST_RUN_TIME: expected a duration"));
    EXPECT_TRUE(error("open", {}, {{"SQUADLOAD_P95_LATENCY_MAX_MS", "2s"}})
                    .starts_with("SQUADLOAD_P95_LATENCY_MAX_MS: expected milliseconds"));
    EXPECT_TRUE(error("open", {}, {{"SQUADLOAD_FAIL_FAST", "yes"}})
                    .starts_with("SQUADLOAD_FAIL_FAST: expected true or false"));
    EXPECT_TRUE(error("open", {}, {{"SQUADLOAD_STAGE", "qa"}}).starts_with("SQUADLOAD_STAGE"));
}

Result<Scenario> url_run(const std::string& url, const CommandLine& cli, Variables variables = {}) {
    const auto config = Config::for_url(url, environment_of(std::move(variables)));
    if (!config) return tl::unexpected(config.error());
    EXPECT_EQ(config->scenario_names(), std::vector<std::string>{"run"});
    return config->effective("run", cli);
}

TEST(UrlTest, ARateAndATimeAreEnough) {
    CommandLine cli;
    cli.rate_or_spawn_rate = "50";
    cli.duration = "30s";
    const Scenario s = url_run("http://127.0.0.1:80/a/b?x=1", cli).value();
    EXPECT_EQ(s.model, Model::open);
    EXPECT_EQ(s.rates, (std::vector<pacing::RateStage>{{30s, 50, 50}}));
    EXPECT_EQ(s.target.host, "http://127.0.0.1:80");
    ASSERT_EQ(s.classes.size(), 1U);
    EXPECT_EQ(s.classes[0].tasks[0].path.source(), "/a/b?x=1");
    EXPECT_EQ(s.classes[0].tasks[0].entry_name, "/a/b");
    EXPECT_TRUE(s.notes.empty());
}

TEST(UrlTest, WithoutALoadItIsGentleAndEnds) {
    const Scenario s = url_run("localhost:8080", {}).value();
    EXPECT_EQ(s.target.host, "localhost:8080");
    EXPECT_EQ(s.classes[0].tasks[0].path.source(), "/");
    EXPECT_EQ(s.rates, (std::vector<pacing::RateStage>{{30s, 10, 10}}));
    CommandLine cli;
    cli.requests = "10";
    EXPECT_EQ(url_run("http://h?q=1", cli)->duration, Nanos::max());
    EXPECT_EQ(url_run("http://h?q=1", cli)->classes[0].tasks[0].path.source(), "/?q=1");
}

TEST(UrlTest, HasOneBoundThatTheEnvironmentMaySet) {
    const auto bounds = [](Variables variables) {
        return url_run("http://h/", {}, std::move(variables))->thresholds;
    };
    ASSERT_EQ(bounds({}).size(), 1U);
    EXPECT_EQ(bounds({})[0].name, "success_rate_min");
    EXPECT_EQ(bounds({})[0].value, "0.99");
    ASSERT_EQ(bounds({{"SQUADLOAD_SUCCESS_RATE_MIN", "0"}}).size(), 1U);
    EXPECT_EQ(bounds({{"SQUADLOAD_SUCCESS_RATE_MIN", "0"}})[0].value, "0");
}

TEST(UrlTest, UsersAloneAreClosed) {
    CommandLine cli;
    cli.users = "5";
    const Scenario s =
        url_run("http://h/", cli, {{"SQUADLOAD_HOST", "http://other"}, {"SQUADLOAD_STAGE", "x"}})
            .value();
    EXPECT_EQ(s.model, Model::closed);
    EXPECT_EQ(s.users, 5U);
    EXPECT_EQ(s.target.host, "http://h");
    EXPECT_TRUE(s.notes.empty());
    EXPECT_FALSE(url_run("http://h/#x", cli));
}

}  // namespace
}  // namespace squadload::scenario
