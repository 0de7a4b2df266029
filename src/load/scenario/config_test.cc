#include "load/scenario/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "load/scenario/config_for_test.h"
#include "load/scenario/data_sets.h"
#include "load/scenario/threshold_keys.h"

namespace squadload::scenario {
namespace {

using namespace std::chrono_literals;

std::string config_error(std::string_view text) {
    const auto config = Config::parse(text, "f.yaml", no_environment);
    if (!config) return config.error().text();
    for (const std::string& name : config->scenario_names()) {
        if (const auto scenario = config->effective(name, {}); !scenario) {
            return scenario.error().text();
        }
    }
    return "none";
}

Task task_of(const std::string& keys) {
    const Scenario s = scenario_of(
        "scenarios: {s: {rate: 1, duration: 1}}\nusers:\n  U:\n    tasks:\n      t:\n" + keys);
    return s.classes.empty() ? Task{} : s.classes[0].tasks[0];
}

std::string task_error(const std::string& keys) {
    return config_error(
        "scenarios: {s: {rate: 1, duration: 1}}\nusers:\n  U:\n    tasks:\n      t:\n" + keys);
}

std::string render(const Template& t, std::uint64_t k = 0) {
    Random random(1, RandomStream::iteration, k);
    RenderContext context{k, random};
    std::string out;
    t.render(context, out);
    return out;
}

constexpr std::string_view kStory = R"yaml(# config/load_testing.yaml

scenarios:
  warm_up:
    users: 5
    spawn_rate: 5
    duration: 60
    description: "Baseline warm-up, 5 req/s for 1 minute"

  sustained:
    users: 30
    spawn_rate: 30
    duration: 300
    description: "Sustained load, 30 req/s for 5 minutes (9000 requests total)"

  spike:
    users: 60
    spawn_rate: 60
    duration: 120
    description: "Spike detection, 60 req/s for 2 minutes"

thresholds:
  success_rate_min: 0.99  # > 99%
  rate_limited_max: 0.01  # < 1%
  p95_latency_max_ms: 2000  # P95 < 2 seconds
  p99_latency_max_ms: 3000  # P99 < 3 seconds
  p99_latency_spike_max_ms: 5000  # During spike
  error_rate_max: 0.001  # < 0.1% 5xx errors

provider_settings:
  enabled_providers: ["groq", "gemini"]  # Which providers to test
  track_rpm: true  # Monitor rate limit usage
  track_fallback: true  # Count fallback activations
  track_429s: true  # Count rate limit responses
)yaml";

TEST(ConfigTest, TheStorysFileIsValidVerbatimAndClosed) {
    const auto config = Config::parse(kStory, "f.yaml", no_environment);
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->scenario_names(),
              (std::vector<std::string>{"warm_up", "sustained", "spike"}));
    const Scenario s = config->effective("sustained", {}).value();
    EXPECT_EQ(s.model, Model::closed);
    EXPECT_EQ(s.kind, Kind::steady);
    EXPECT_EQ(s.users, 30U);
    EXPECT_EQ(s.spawn_rate, 30);
    EXPECT_EQ(s.duration, 300s);
    EXPECT_EQ(s.target.host, "");
    ASSERT_EQ(s.thresholds.size(), 6U);
    EXPECT_EQ(s.providers.enabled_providers, (std::vector<std::string>{"groq", "gemini"}));
    ASSERT_EQ(s.notes.size(), 1U);
    EXPECT_EQ(s.notes[0],
              "sustained cannot reach the 30 requests per second its description names: 30 users "
              "with a mean wait of "
              "2 s make at most 15 (closed model); `rate: 30` delivers it");
    EXPECT_EQ(config->effective("spike", {})->kind, Kind::spike);
}

TEST(ConfigTest, TheBuiltInUserIsTheStorys) {
    const Scenario s = scenario_of(kStory, "warm_up");
    ASSERT_EQ(s.classes.size(), 1U);
    const UserClass& user = s.classes[0];
    EXPECT_EQ(user.name, "SquadApiUser");
    EXPECT_EQ(user.wait, (pacing::WaitTime{pacing::WaitTime::Kind::between, 1s, 3s, 0}));
    ASSERT_EQ(user.tasks.size(), 3U);
    const Task& chat = user.tasks[0];
    const Task& health = user.tasks[1];
    const Task& metrics = user.tasks[2];
    EXPECT_EQ((std::vector<std::string>{chat.name, health.name, metrics.name}),
              (std::vector<std::string>{"chat", "health", "metrics"}));
    EXPECT_EQ((std::vector<std::uint32_t>{chat.weight, health.weight, metrics.weight}),
              (std::vector<std::uint32_t>{80, 15, 5}));
    EXPECT_EQ(chat.method + " " + chat.entry_name, "POST /agents/chat");
    EXPECT_EQ(health.method + " " + render(health.path), "GET /health");
    EXPECT_TRUE(health.expect.accepts(200) && health.expect.accepts(503) &&
                !health.expect.accepts(201));
    EXPECT_TRUE(metrics.expect.accepts(200) && !metrics.expect.accepts(204));
    EXPECT_TRUE(chat.expect.accepts(201) && !chat.expect.accepts(503));
    ASSERT_EQ(chat.headers.size(), 1U);
    EXPECT_EQ(chat.headers[0].first, "Content-Type");
    std::set<std::string> agents;
    std::set<std::string> prompts;
    for (std::uint64_t k = 0; k < 300; ++k) {
        const auto body = nlohmann::json::parse(render(chat.body, k));
        EXPECT_TRUE(body["user_id"].get<std::string>().starts_with("user_"));
        EXPECT_TRUE(body["conversation_history"].is_array());
        agents.insert(body["agent_id"]);
        prompts.insert(body["task"]);
    }
    EXPECT_EQ(agents,
              (std::set<std::string>{"financial_advisor", "travel_planner", "tech_support"}));
    EXPECT_EQ(prompts.size(), 5U);
    EXPECT_TRUE(prompts.contains("What's the best investment strategy?"));
}

TEST(ConfigTest, EndpointsAdjustTasks) {
    const std::string endpoints =
        "\nendpoints:\n  chat:\n    weight: 70\n    timeout: 12.5\n    description: Chats\n  "
        "metrics: {weight: 0}\n";
    const Scenario s = scenario_of(std::string(kStory) + endpoints, "warm_up");
    EXPECT_EQ(s.classes[0].tasks[0].weight, 70U);
    EXPECT_EQ(s.classes[0].tasks[0].timeouts.total, 12500ms);
    EXPECT_EQ(s.classes[0].tasks[0].description, "Chats");
    EXPECT_EQ(s.classes[0].tasks[1].weight, 15U);
    EXPECT_EQ(s.classes[0].tasks[1].timeouts.total, 30s);
    EXPECT_EQ(s.classes[0].tasks[2].weight, 0U);
    EXPECT_NE(config_error(std::string(kStory) + "\nendpoints: {chta: {weight: 1}}\n")
                  .find("did you mean 'chat'?"),
              std::string::npos);
}

TEST(ConfigTest, RateAndStagesAreOpen) {
    const Scenario s = scenario_of(
        "scenarios: {s: {rate: 600/m, arrivals: poisson, duration: 5m, max_in_flight: 7, "
        "graceful_stop: 2, kind: spike}}\nseed: 9\nworkers: 3\n");
    EXPECT_EQ(s.model, Model::open);
    EXPECT_EQ(s.kind, Kind::spike);
    EXPECT_EQ(s.users, 10'000U);
    EXPECT_TRUE(s.users_by_default);
    EXPECT_EQ(s.rates, (std::vector<pacing::RateStage>{{300s, 10, 10}}));
    EXPECT_EQ(s.arrivals, pacing::Arrivals::poisson);
    EXPECT_EQ(s.max_in_flight, 7U);
    EXPECT_EQ(s.graceful_stop, 2s);
    EXPECT_EQ(s.seed, 9U);
    EXPECT_EQ(s.workers, 3U);
    EXPECT_TRUE(s.notes.empty());
    const Scenario staged = scenario_of(
        "scenarios:\n  s:\n    users: 50\n    spawn_rate: 5\n    stages:\n      - {duration: 10, "
        "to: 20}\n      - {duration: 1m, rate: 20}\n"
        "      - {duration: 10, to: 5}\n      - {duration: 10, from: 1, to: 2}\n");
    EXPECT_EQ(staged.rates, (std::vector<pacing::RateStage>{
                                {10s, 0, 20}, {60s, 20, 20}, {10s, 20, 5}, {10s, 1, 2}}));
    EXPECT_EQ(staged.duration, 90s);
    EXPECT_EQ(staged.users, 50U);
    EXPECT_FALSE(staged.users_by_default);
    ASSERT_EQ(staged.notes.size(), 1U);
    EXPECT_NE(staged.notes[0].find("spawn_rate is ignored"), std::string::npos);
}

TEST(ConfigTest, RequestsMayEndARun) {
    const Scenario s = scenario_of("scenarios: {s: {rate: 20, requests: 10}}");
    EXPECT_EQ(s.requests, 10U);
    EXPECT_EQ(s.duration, Nanos::max());
    EXPECT_EQ(s.rates, (std::vector<pacing::RateStage>{{Nanos::max(), 20, 20}}));
    EXPECT_EQ(scenario_of("scenarios: {s: {users: 2, requests: 10}}").duration, Nanos::max());
}

TEST(ConfigTest, RedirectsInShort) {
    const auto redirects = [](const std::string& target, const std::string& task) {
        return scenario_of("target: {" + target + "}\nusers: {U: {tasks: {t: {path: /" + task +
                           "}}}}\nscenarios: {s: {rate: 1, duration: 1}}");
    };
    EXPECT_EQ(redirects("", "").target.redirects.max, 0U);
    EXPECT_EQ(redirects("", "").classes[0].tasks[0].redirects, std::nullopt);
    EXPECT_EQ(redirects("redirects: 2", "").target.redirects.max, 2U);
    EXPECT_EQ(redirects("redirects: {hosts: http://a}", "").target.redirects.max, 5U);
    EXPECT_EQ(redirects("redirects: 2", ", redirects: 0").classes[0].tasks[0].redirects, 0U);
}

TEST(ConfigTest, ReadsTheTarget) {
    const Scenario s = scenario_of(R"(
target:
  host: "http://h:1"
  headers: {Authorization: "Bearer x", X-A: "1"}
  timeouts: {connect: 1, first_byte: 2s, total: 500ms}
  connections: {mode: shared, max: 9}
  limits: {header_bytes: 8KiB, checked_body_bytes: 1MB, body_bytes: 2MB}
  source_addresses: 127.0.0.0/28
  redirects: {max: 3, hosts: [https://login.test]}
users:
  U:
    tasks:
      - {name: a, path: /a, headers: {x-a: "2"}, timeout: {total: 0}}
      - {name: b, path: /b}
scenarios: {s: {rate: 1, duration: 1}}
)");
    EXPECT_EQ(s.target.host, "http://h:1");
    EXPECT_EQ(s.target.host_mark.line, 3);
    EXPECT_EQ(s.target.connections.mode, ConnectionMode::shared);
    EXPECT_EQ(s.target.connections.max, 9U);
    EXPECT_EQ(s.target.limits.header_bytes, 8192U);
    EXPECT_EQ(s.target.limits.body_bytes, 2'000'000U);
    EXPECT_EQ(s.target.source_addresses, std::vector<std::string>{"127.0.0.0/28"});
    EXPECT_EQ(s.target.redirects.max, 3U);
    EXPECT_EQ(s.target.redirects.hosts, std::vector<std::string>{"https://login.test"});
    const Task& a = s.classes[0].tasks[0];
    EXPECT_EQ(a.timeouts.connect, 1s);
    EXPECT_EQ(a.timeouts.total, 0s);
    ASSERT_EQ(a.headers.size(), 2U);
    EXPECT_EQ(a.headers[1].first, "x-a");
    EXPECT_EQ(render(a.headers[1].second), "2");
    EXPECT_EQ(s.classes[0].tasks[1].timeouts.total, 500ms);
    EXPECT_EQ(s.classes[0].tasks[1].headers.size(), 2U);
}

TEST(ConfigTest, JsonBodiesKeepTheirTypes) {
    const Task t = task_of(R"(
        method: post
        path: "/x?y=1"
        json:
          text: "a \"b\" {{ seq() }}"
          number: 1.50
          quoted: "1.50"
          octal: 010
          yes: yes
          flag: true
          none: null
          tilde: ~
          big: "{{ random_int(7,7) | number }}"
          list: [1, "x", {}, []]
)");
    EXPECT_EQ(t.method, "POST");
    EXPECT_EQ(t.entry_name, "/x");
    EXPECT_EQ(render(t.body, 3),
              R"({"text":"a \"b\" 3","number":1.50,"quoted":"1.50","octal":"010","yes":"yes",)"
              R"("flag":true,"none":null,)"
              R"("tilde":null,"big":7,"list":[1,"x",{},[]]})");
    EXPECT_TRUE(t.has_body && t.body_is_json);
    EXPECT_TRUE(nlohmann::json::accept(t.body.source()));
    EXPECT_NE(task_error("        {path: /, json: {a: True}}\n").find("write true or false"),
              std::string::npos);
    const Task scalar = task_of("        {path: /, json: []}\n");
    EXPECT_EQ(render(scalar.body), "[]");
    const Task raw = task_of("        {path: /, body: \"<a>{{ 'q\\\"' | json }}</a>\"}\n");
    EXPECT_EQ(render(raw.body), "<a>\"q\\\"\"</a>");
    EXPECT_TRUE(raw.headers.empty());
    EXPECT_FALSE(raw.body_is_json);
    EXPECT_FALSE(task_of("        GET /x?y\n").has_body);
}

TEST(ConfigTest, ReadsExpectations) {
    const Task t = task_of(R"(
        path: /
        query: {a: 1, "b c": ["x&y", "{{ seq() }}"], d: }
        expect:
          status: [2xx, 404, "500-502", 4xx]
          headers: {X-Id: true, Content-Type: {contains: json}, X-V: "true"}
          body_contains: ok
          json: {/a: exists, /b: "exists", /c/0: 1.0, "": {k: [true, null]}}
          max_time: 1.5
)");
    EXPECT_EQ(t.query.size(), 4U);
    EXPECT_EQ(render(t.query[1].first) + "=" + render(t.query[1].second), "b%20c=x%26y");
    EXPECT_EQ(render(t.query[2].second, 5), "5");
    EXPECT_TRUE(t.expect.accepts(204) && t.expect.accepts(501) && t.expect.accepts(499));
    EXPECT_FALSE(t.expect.accepts(429));
    EXPECT_FALSE(t.expect.accepts(503));
    ASSERT_EQ(t.expect.headers.size(), 3U);
    EXPECT_FALSE(t.expect.headers[0].equals || t.expect.headers[0].contains);
    EXPECT_EQ(t.expect.headers[1].contains, "json");
    EXPECT_EQ(t.expect.headers[2].equals, "true");
    EXPECT_EQ(t.expect.body_contains, std::vector<std::string>{"ok"});
    ASSERT_EQ(t.expect.json.size(), 4U);
    EXPECT_FALSE(t.expect.json[0].equals);
    EXPECT_EQ(t.expect.json[1].equals, "\"exists\"");
    EXPECT_EQ(t.expect.json[2].equals, "1.0");
    EXPECT_EQ(t.expect.json[3].equals, "{\"k\":[true,null]}");
    EXPECT_EQ(t.expect.max_time, 1500ms);
}

TEST(ConfigTest, ReadsWaitTimesInBothSpellings) {
    using WaitKind = pacing::WaitTime::Kind;
    const auto wait = [](const std::string& text) {
        const Scenario s = scenario_of(
            "scenarios: {s: {users: 1, duration: 1}}\nusers: {U: {tasks: {t: GET /}, wait_time: " +
            text + "}}\n");
        return s.classes.empty() ? pacing::WaitTime{} : s.classes[0].wait;
    };
    EXPECT_EQ(wait("none").kind, WaitKind::none);
    EXPECT_EQ(wait("1.5"), (pacing::WaitTime{WaitKind::constant, 1500ms, {}, 0}));
    EXPECT_EQ(wait("constant(250ms)"), (pacing::WaitTime{WaitKind::constant, 250ms, {}, 0}));
    EXPECT_EQ(wait("'between(1, 3)'"), (pacing::WaitTime{WaitKind::between, 1s, 3s, 0}));
    EXPECT_EQ(wait("{between: [1, 3s]}"), (pacing::WaitTime{WaitKind::between, 1s, 3s, 0}));
    EXPECT_EQ(wait("{constant_pacing: 2}"),
              (pacing::WaitTime{WaitKind::constant_pacing, 2s, {}, 0}));
    EXPECT_EQ(wait("constant_throughput(0.5)"),
              (pacing::WaitTime{WaitKind::constant_throughput, {}, {}, 0.5}));
    for (const char* bad :
         {"'between(3, 1)'", "between(1)", "sometimes", "constant_throughput(0)", "{between: 1}",
          "{constant: 1, between: [1, 2]}", "{uniform: 1}", "constant(-1)", "[1]"}) {
        const std::string got =
            config_error(std::string("scenarios: {s: {users: 1, duration: 1}}\nusers: {U: {tasks: "
                                     "{t: GET /}, wait_time: ") +
                         bad + "}}\n");
        EXPECT_TRUE(got.starts_with("f.yaml:2:")) << bad << " → " << got;
        EXPECT_NE(got.find("wait_time"), std::string::npos) << bad << " → " << got;
    }
}

TEST(ConfigTest, DataFilesLieBesideTheFile) {
    const std::filesystem::path dir =
        std::filesystem::path(::testing::TempDir()) / "squadload_config_test";
    std::filesystem::create_directories(dir);
    std::ofstream(dir / "users.csv") << "name\nann\nbob\n";
    std::ofstream(dir / "rows.jsonl") << "{\"n\":1}\n";
    std::ofstream(dir / "f.yaml")
        << "data: {prompts: [p], users: {file: users.csv}, rows: {file: rows.jsonl}}\n"
           "users: {U: {tasks: {t: {path: '/{{ field(users, name) }}/{{ field(rows, n) }}/{{ "
           "choice(prompts) }}'}}}}\n"
           "scenarios: {s: {rate: 1, duration: 1}}\n";
    const auto config = Config::load_file((dir / "f.yaml").string(), no_environment);
    ASSERT_TRUE(config) << config.error().text();
    const Scenario s = config->effective("s", {}).value();
    EXPECT_EQ(render(s.classes[0].tasks[0].path, 3), "/bob/1/p");
    EXPECT_EQ(s.data->all().size(), 3U);
    std::filesystem::remove_all(dir);
}

TEST(ConfigTest, FailFastIsConfiguredButOffUntilAskedFor) {
    const std::string base = "scenarios: {s: {rate: 1, duration: 1}}\n";
    const Scenario plain = scenario_of(base);
    EXPECT_FALSE(plain.fail_fast.enabled);
    ASSERT_EQ(plain.fail_fast.bounds.size(), 2U);
    EXPECT_EQ(plain.fail_fast.bounds[1].value, "3000");
    EXPECT_EQ(plain.fail_fast.window, 10s);
    const Scenario own = scenario_of(base +
                                     "fail_fast: {enabled: true, p95_latency_max_ms: 10, window: "
                                     "5, min_samples: 3, expressions: ['max < 5s']}\n");
    EXPECT_TRUE(own.fail_fast.enabled);
    ASSERT_EQ(own.fail_fast.bounds.size(), 2U);
    EXPECT_EQ(own.fail_fast.bounds[0].name, "p95_latency_max_ms");
    EXPECT_EQ(own.fail_fast.bounds[1].value, "max < 5s");
    EXPECT_EQ(own.fail_fast.min_samples, 3U);
}

TEST(ConfigTest, MistakesNamePlaceAndKey) {
    struct Case {
        const char* text;
        const char* sentence;
    };
    const Case cases[] = {
        {"", "f.yaml:1:1: the file is empty"},
        {"- a\n", "f.yaml:1:1: expected keys such as scenarios"},
        {"just text\n", "f.yaml:1:1: expected keys"},
        {"users:\n", "f.yaml:1:1: the file defines no scenarios"},
        {"scenario: {}\n", "f.yaml:1:1: scenario: unknown key; did you mean 'scenarios'?"},
        {"scenarios:\n  s: {usres: 1, duration: 1}\n",
         "f.yaml:2:7: scenarios.s.usres: unknown key; did you mean 'users'?"},
        {"scenarios:\n  s:\n    rate: fast\n    duration: 1\n",
         "f.yaml:3:11: scenarios.s.rate: expected a rate"},
        {"scenarios: {s: {rate: 0, duration: 1}}", "scenarios.s.rate: the rate must be above 0"},
        {"scenarios: {s: {rate: 1e8, duration: 1}}", "at most 10,000,000/s"},
        {"scenarios: {s: {rate: 1, duration: 5 parsecs}}",
         "scenarios.s.duration: expected a duration in seconds"},
        {"scenarios: {s: {rate: 1, duration: 0}}", "expected a duration above 0"},
        {"target:\n  source_addresses: [127.0.0.2, nowhere]\n",
         "f.yaml:2:33: target.source_addresses[1]: 'nowhere' is not an IP address"},
        {"scenarios: {s: {rate: 1, stages: [{duration: 1, rate: 1}]}}",
         "rate and stages exclude each other"},
        {"scenarios: {s: {duration: 1, stages: [{duration: 1, rate: 1}]}}",
         "stages carry their own durations"},
        {"scenarios: {s: {users: 1, duration: 1, arrivals: poisson}}",
         "arrivals needs rate or stages"},
        {"scenarios: {s: {users: 1, duration: 1, max_in_flight: 1}}",
         "max_in_flight needs rate or stages"},
        {"scenarios: {s: {users: -5, duration: 1}}",
         "expected a whole number from 1 to 1,000,000, not '-5'"},
        {"scenarios: {s: {users: 1000001, duration: 1}}", "from 1 to 1,000,000"},
        {"scenarios: {s: {rate: 1}}",
         "f.yaml:1:13: scenario s needs a duration or a number of requests"},
        {"scenarios: {s: {users: 1}}", "scenario s needs a duration"},
        {"scenarios: {s: {duration: 1}}", "scenario s names neither users nor rate nor stages"},
        {"scenarios: {s: {duration: }}", "scenarios.s.duration: has no value"},
        {"scenarios: {s: {rate: 1, duration: 1, kind: peak}}",
         "expected steady or spike, not 'peak'"},
        {"scenarios: {s: {stages: []}}", "the list is empty"},
        {"scenarios: {s: {stages: [{rate: 1}]}}", "a stage needs a duration"},
        {"scenarios: {s: {stages: [{rate: 1, duration: 9999h}, {rate: 1, duration: 2h}]}}",
         "the stages together last longer than 10,000 h"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nfail_fast: {window: 601s}",
         "the window is at most 10m"},
        {"scenarios: {s: {stages: [{duration: 1}]}}", "either rate (a plateau) or to (a ramp)"},
        {"scenarios: {s: {stages: [{duration: 1, from: 1, rate: 2}]}}", "from goes with to"},
        {"scenarios: {s: {stages: [{duration: 1, rate: 0}]}}",
         "at least one stage must have a rate above 0"},
        {"scenarios: {s: {stages: {a: 1}}}", "scenarios.s.stages: expected a list"},
        {"scenarios: {all: {rate: 1, duration: 1}}", "not 'all'"},
        {"scenarios: {'a/b': {rate: 1, duration: 1}}", "is named with letters"},
        {"scenarios: [a]", "expected a map of names"},
        {"stages: [{duration: 1, rate: 1}]\nscenarios: {s: {rate: 1, duration: 1}}",
         "belong under scenarios.<name>.stages"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nworkers: 257", "from 1 to 256"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nversion: 2", "from 1 to 1"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nthresholds: {p95_latncy_max_ms: 1}",
         "did you mean 'p95_latency_max_ms'?"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nthresholds: {p95_latency_max_ms: 2s}",
         "expected milliseconds"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nthresholds: {success_rate_min: 99}",
         "expected a share such as 0.01 or 1%, not '99'"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nthresholds: {p99_latency_spike_max_ms: 1, "
         "spike_p99_latency_max_ms: 2}",
         "another spelling"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nfail_fast: {window: 10ms}", "at least 1s"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ndata: {p: []}", "data set 'p' is empty"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ndata: {p: [[1]]}", "plain values"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ndata: {p: {file: nope.csv}}",
         "f.yaml:2:18: cannot read the data file 'nope.csv'"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ndata: {'a b': [1]}", "is named with letters"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nusers: {U: {tasks: {}}}",
         "users.U: a user needs tasks"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nusers: {U: {tasks: {t: {path: /, weight: 0}}}}",
         "at least one with a weight above 0"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nusers: {U: {weight: 0, tasks: {t: GET /}}}",
         "at least one user class"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nusers: {U: {tasks: [{path: /}]}}",
         "a task in a list needs a name"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nusers: {U: {tasks: [{name: a, path: /}, {name: "
         "a, path: /}]}}",
         "a task named 'a' already"},
        {"scenarios: {s: {rate: 1, duration: 1}}\nusers: {U: {tasks: {a: {name: b, path: /}}}}",
         "remove name"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ntarget: {headers: {Content-Length: 1}}",
         "is set by squadload"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ntarget: {headers: {'a b': 1}}",
         "not a header name"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ntarget: {headers: {X-A: 1, x-a: 2}}",
         "is there twice"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ntarget: {headers: {X-A: \"a\\r\\nb: c\"}}",
         "line breaks"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ntarget: {redirects: {hosts: [login.test]}}",
         "expected an origin such as https://login.example.com"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ntarget: {redirects: 51}", "50"},
        {"scenarios: {s: {rate: 1, duration: 1}}\ntarget: {connections: pooled}",
         "per_user or shared"},
    };
    for (const Case& c : cases) {
        const std::string got = config_error(c.text);
        EXPECT_NE(got.find(c.sentence), std::string::npos) << c.text << " → " << got;
        EXPECT_TRUE(got.starts_with("f.yaml:")) << got;
    }
}

TEST(ConfigTest, TaskMistakesNamePlaceAndKey) {
    const std::pair<const char*, const char*> cases[] = {
        {"        {method: GET}\n", "users.U.tasks.t: a task needs a path"},
        {"        {path: health}\n", "a path starts with '/'"},
        {"        {path: /a#b}\n", "a path has no '#'"},
        {"        {path: /, method: 'G ET'}\n", "is not a method"},
        {"        {path: /, method: connect}\n", "CONNECT"},
        {"        {path: /, json: {}, body: x}\n", "json and body exclude each other"},
        {"        {path: /, weight: 1.5}\n", "users.U.tasks.t.weight: expected a whole number"},
        {"        {path: /, weight: 1000001}\n", "from 0 to 1,000,000"},
        {"        {path: /, expect: {status: 429}}\n", "always counted as rate_limited"},
        {"        {path: /, expect: {status: [200, 1000]}}\n",
         "expect.status[1]: expected a status"},
        {"        {path: /, expect: {status: 9xx}}\n", "a class such as 2xx"},
        {"        {path: /, expect: {status: []}}\n", "the list is empty"},
        {"        {path: /, expect: {json: {a: 1}}}\n", "expected a JSON pointer"},
        {"        {path: /, expect: {json: {/a~2: 1}}}\n", "expected a JSON pointer"},
        {"        {path: /, expect: {max_time: 0}}\n", "a duration above 0"},
        {"        {path: /, json: {a: '{{ choise(x) }}'}}\n",
         "users.U.tasks.t.json.a: unknown function 'choise'"},
        {"        {path: /, query: {'{{ nope() }}': 1}}\n", "unknown function 'nope'"},
        {"        health\n", "a text such as GET /health"},
        {"        {path: /, timeout: soon}\n", "users.U.tasks.t.timeout: expected a duration"},
    };
    for (const auto& [keys, sentence] : cases) {
        const std::string got = task_error(keys);
        EXPECT_NE(got.find(sentence), std::string::npos) << keys << " → " << got;
        EXPECT_TRUE(got.starts_with("f.yaml:6:")) << got;
    }
}

TEST(ConfigTest, NoInputCrashesAndEveryErrorHasASentence) {
    const std::string_view pieces[] = {":",  "\n",    "  ",   "- ",   "{",  "}",
                                       "[",  "]",     "\"",   "{{",   "}}", "429",
                                       "-1", "users", "json", "null", "\t", "&a"};
    const std::string whole = std::string(kStory) +
                              "\nusers: {U: {wait_time: between(1, 3), tasks: {t: {path: /, json: "
                              "{a: \"{{ seq() | number }}\"}, expect: {status: [2xx]}}}}}\n";
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        Random random(seed, RandomStream::test, 0);
        std::string text = whole;
        for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
            const std::size_t at = random.below(text.size());
            text.replace(at, random.below(6), pieces[random.below(std::size(pieces))]);
        }
        const std::string error = config_error(text);
        EXPECT_FALSE(error.empty());
        EXPECT_TRUE(error == "none" || error.starts_with("f.yaml:")) << error << "\n" << text;
    }
}

TEST(ConfigTest, AnUnknownScenarioNamesTheNearest) {
    const auto config = Config::parse(kStory, "f.yaml", no_environment);
    EXPECT_EQ(config->effective("sustaind", {}).error().message,
              "there is no scenario 'sustaind'; did you mean 'sustained'?");
    EXPECT_NE(config->effective("zzz", {}).error().message.find("warm_up, sustained, spike"),
              std::string::npos);
}

}  // namespace
}  // namespace squadload::scenario
