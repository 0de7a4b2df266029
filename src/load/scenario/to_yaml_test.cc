#include <gtest/gtest.h>

#include <filesystem>

#include "load/scenario/config.h"

namespace squadload::scenario {
namespace {

std::optional<std::string> some_environment(const std::string& name) {
    if (name == "API_KEY") return "sk-1234";
    if (name == "PASSWORD") return "pw-1234";
    return std::nullopt;
}

std::string without_comments(const std::string& yaml) {
    std::string out;
    for (std::size_t at = 0; at < yaml.size();) {
        const std::size_t end = yaml.find('\n', at) + 1;
        if (yaml[yaml.find_first_not_of(' ', at)] != '#') out += yaml.substr(at, end - at);
        at = end;
    }
    return out;
}

// What to_yaml writes reads back to a scenario that writes the same.
void expect_round_trip(const Scenario& s) {
    const std::string yaml = to_yaml(s);
    const auto config = Config::parse(yaml, "effective.yaml", some_environment);
    ASSERT_TRUE(config) << config.error().text() << "\n" << yaml;
    const auto again = config->effective(s.name, {});
    ASSERT_TRUE(again) << again.error().text() << "\n" << yaml;
    EXPECT_EQ(without_comments(to_yaml(*again)), without_comments(yaml));
    EXPECT_EQ(again->model, s.model);
    EXPECT_EQ(again->rates, s.rates);
    EXPECT_EQ(again->duration, s.duration);
    EXPECT_EQ(again->thresholds, s.thresholds);
    EXPECT_EQ(again->fail_fast.bounds, s.fail_fast.bounds);
    for (std::size_t c = 0; c < s.classes.size(); ++c) {
        EXPECT_EQ(again->classes[c].wait, s.classes[c].wait);
        for (std::size_t t = 0; t < s.classes[c].tasks.size(); ++t) {
            const Task& wrote = s.classes[c].tasks[t];
            const Task& read = again->classes[c].tasks[t];
            Random a(1, RandomStream::test, 1);
            Random b(1, RandomStream::test, 1);
            RenderContext to_a{7, a};
            RenderContext to_b{7, b};
            std::string text_a;
            std::string text_b;
            if (wrote.body.source().find("now()") != std::string::npos) continue;
            wrote.path.render(to_a, text_a);
            read.path.render(to_b, text_b);
            wrote.body.render(to_a, text_a);
            read.body.render(to_b, text_b);
            EXPECT_EQ(text_a, text_b);
            EXPECT_EQ(wrote.has_body, read.has_body);
        }
    }
}

std::filesystem::path config_folder() {
    return std::filesystem::path(SQUADLOAD_SOURCE_DIR) / "config";
}

std::vector<Scenario> scenarios_in(const std::filesystem::path& path) {
    std::vector<Scenario> all;
    const auto config = Config::load_file(path.string(), some_environment);
    EXPECT_TRUE(config) << config.error().text();
    if (!config) return all;
    for (const std::string& name : config->scenario_names()) {
        auto scenario = config->effective(name, {});
        EXPECT_TRUE(scenario) << scenario.error().text();
        if (scenario) all.push_back(std::move(*scenario));
    }
    return all;
}

TEST(ShippedFileTest, HasTheStorysRatesAndBounds) {
    const auto all = scenarios_in(config_folder() / "load_testing.yaml");
    ASSERT_EQ(all.size(), 3U);
    const char* names[] = {"warm_up", "sustained", "spike"};
    const double totals[] = {300, 9000, 7200};
    // The story's nine, and what each asks of providers and witness.
    const std::size_t bounds[] = {9, 11, 16};
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(all[i].name, names[i]);
        EXPECT_EQ(all[i].model, Model::open);
        ASSERT_EQ(all[i].rates.size(), 1U);
        EXPECT_EQ(all[i].rates[0].start_per_s * to_seconds(all[i].duration), totals[i]);
        EXPECT_EQ(all[i].kind, i == 2 ? Kind::spike : Kind::steady);
        EXPECT_EQ(all[i].thresholds.size(), bounds[i]);
        EXPECT_FALSE(all[i].fail_fast.enabled);
        EXPECT_TRUE(all[i].target.host.empty());
        EXPECT_TRUE(all[i].notes.empty());
    }
}

TEST(ShippedFileTest, ItsUserIsTheBuiltInOne) {
    const auto built_in =
        Config::parse("scenarios: {warm_up: {rate: 5, duration: 60}}", "f", some_environment);
    const UserClass expected = built_in->effective("warm_up", {})->classes.at(0);
    const Scenario shipped = scenarios_in(config_folder() / "load_testing.yaml").at(0);
    ASSERT_EQ(shipped.classes.size(), 1U);
    const UserClass& user = shipped.classes[0];
    EXPECT_EQ(user.name, expected.name);
    EXPECT_EQ(user.wait, expected.wait);
    ASSERT_EQ(user.tasks.size(), expected.tasks.size());
    for (std::size_t i = 0; i < user.tasks.size(); ++i) {
        const Task& a = user.tasks[i];
        const Task& b = expected.tasks[i];
        EXPECT_EQ(a.name + a.method + a.path.source() + a.description,
                  b.name + b.method + b.path.source() + b.description);
        EXPECT_EQ(a.weight, b.weight);
        EXPECT_EQ(a.expect.status, b.expect.status);
        for (std::uint64_t k = 0; k < 50; ++k) {
            Random random_a(3, RandomStream::iteration, k);
            Random random_b(3, RandomStream::iteration, k);
            RenderContext to_a{k, random_a};
            RenderContext to_b{k, random_b};
            std::string text_a;
            std::string text_b;
            a.body.render(to_a, text_a);
            b.body.render(to_b, text_b);
            EXPECT_EQ(text_a, text_b);
        }
    }
}

TEST(ShippedFileTest, StagesAreTheStorysUsers) {
    const auto config =
        Config::load_file((config_folder() / "load_testing.yaml").string(), some_environment);
    const std::pair<const char*, std::uint32_t> stages[] = {
        {"dev", 50}, {"staging", 500}, {"prod", 1000}};
    for (const auto& [name, users] : stages) {
        CommandLine cli;
        cli.stage = name;
        const Scenario s = config->effective("sustained", cli).value();
        EXPECT_EQ(s.users, users);
        EXPECT_EQ(s.model, Model::closed);
    }
}

TEST(ToYamlTest, ShippedFilesAndExamplesSurviveTheRoundTrip) {
    int files = 0;
    std::vector<std::filesystem::path> paths{config_folder() / "load_testing.yaml"};
    for (const auto& entry : std::filesystem::directory_iterator(config_folder() / "examples")) {
        if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
    }
    for (const auto& path : paths) {
        SCOPED_TRACE(path.string());
        for (const Scenario& s : scenarios_in(path)) expect_round_trip(s);
        ++files;
    }
    EXPECT_GE(files, 6);
}

TEST(ToYamlTest, EverySettingSurvivesTheRoundTrip) {
    const auto config = Config::parse(R"yaml(
target:
  host: "http://h:1/x y"
  headers: {X-Odd: "a: b # \"c\" \\ {{ seq() }}", X-Empty: ""}
  timeouts: {connect: 1.5, first_byte: 250ms, total: 0}
  connections: {mode: shared, max: 9}
  limits: {header_bytes: 1KiB, checked_body_bytes: 2KiB, body_bytes: 3KiB}
  source_addresses: [127.0.0.0/28, "::1"]
  redirects: {max: 7, hosts: [https://login.test, "http://other:8080"]}
users:
  "Odd: name":
    weight: 2
    wait_time: constant_throughput(0.3)
    tasks:
      "null":
        path: "/a'b?c=%20"
        query: {q: ["1", "{{ seq() }}"], "": x, n: }
        body: "line\nline\ttab \u007F\u00e9"
      t:
        method: PUT
        path: /
        redirects: 0
        weight: 0
        json:
          a: [1, 1.50, "1", true, "true", null, ~, "{{ random_int(1,9) | number }}"]
          b: "é\n\"{{ choice(l) }}\""
          "": {}
        entry_name: "/[x]"
      e:
        path: /
        expect:
          status: [4xx, 200-204, 503]
          headers: {A: true, B: "true", C: {contains: "x,y", equals: z}}
          body_contains: ["a b", "exists"]
          json: {"": exists, /a~1b: "exists", /n: 1.50, /o: {k: [1, "x"]}}
          max_time: 10us
data: {l: ["a", "- b", "true", "{{ x }}", ""]}
scenarios:
  open:
    description: "50%: \"x\""
    rate: 0.1
    duration: 1h30m
    arrivals: poisson
    max_in_flight: 4
    users: 3
    requests: 12
    events:
      - {at: 1s, provider: groq, fault: quota, requests: 1040, model: "a: b", for: 40s}
      - {at: 1500ms, provider: gemini, fault: storm, share: 30%, retry_after: 2s}
  staged:
    stages:
      - {duration: 1, to: 3.3}
      - {duration: 2, rate: 3.3}
      - {duration: 1500ms, from: 9, to: 0}
    requests: 4
  closed: {users: 3, spawn_rate: 0.5, requests: 7, kind: spike,
           on_429: {do: wait, default_wait: 2s, max_wait: 9s, jitter: 0.5, adaptive: true}}
thresholds:
  success_rate_min: 99%
  p95_latency_max_ms: 2e3
  expressions: ["p95(t) < 2s", "max < 5s"]
fail_fast:
  enabled: true
  window: 20s
  min_samples: 5
  error_rate_max: 0.5
  expressions: [max < 9s]
provider_settings: {enabled_providers: [groq], track_rpm: false}
witness: http://127.0.0.1:9100
attribution: {preset: squad, provider: {json: /served/by}}
suite: {criteria: squad, latency_ratio_max: 2.5, latency_ratio_ignore_ms: 20}
seed: 77
workers: 2
graceful_stop: 0
)yaml",
                                      "f.yaml", some_environment);
    ASSERT_TRUE(config) << config.error().text();
    for (const std::string& name : config->scenario_names()) {
        SCOPED_TRACE(name);
        expect_round_trip(config->effective(name, {}).value());
    }
}

TEST(ToYamlTest, SecretsInHeadersAreMasked) {
    const auto config = Config::parse(R"yaml(
target:
  headers:
    Authorization: "Bearer sk-secret"
    X-Api-Key: "abc-secret"
    Cookie: "s=secret {{ env(API_KEY) }}"
    Accept: text/html
users:
  U:
    tasks:
      t: {path: /, headers: {authorization: "Bearer {{ env(API_KEY) }}"}}
scenarios: {s: {rate: 1, duration: 1}}
)yaml",
                                      "f.yaml", some_environment);
    ASSERT_TRUE(config) << config.error().text();
    const std::string yaml = to_yaml(config->effective("s", {}).value());
    EXPECT_EQ(yaml.find("secret"), std::string::npos) << yaml;
    EXPECT_EQ(yaml.find("sk-1234"), std::string::npos) << yaml;
    EXPECT_NE(yaml.find("authorization: \"Bearer {{ env(API_KEY) }}\""), std::string::npos) << yaml;
    EXPECT_NE(yaml.find("Accept: text/html"), std::string::npos) << yaml;
}

TEST(ToYamlTest, SecretsInBodiesAndQueriesAreMasked) {
    const auto config = Config::parse(R"yaml(
users:
  U:
    tasks:
      t:
        path: /
        query: {api_key: secret-1, q: [a, b], access_token: "{{ env(API_KEY) }}"}
        json:
          Password: secret-2
          pin: {user_secret: -12345, "new\"password": "secret-3 {{ seq() }}", n: 12}
          list: [{refresh_token: secret-4, token: "{{ uuid() }}"}, 7, "password", "x"]
          max_tokens: 16
          author: "a: \"password\": b"
          secret: null
scenarios: {s: {rate: 1, duration: 1}}
)yaml",
                                      "f.yaml", some_environment);
    ASSERT_TRUE(config) << config.error().text();
    const std::string yaml = to_yaml(config->effective("s", {}).value());
    EXPECT_EQ(yaml.find("secret-"), std::string::npos) << yaml;
    EXPECT_EQ(yaml.find("12345"), std::string::npos) << yaml;
    EXPECT_EQ(yaml.find("sk-1234"), std::string::npos) << yaml;
    for (const std::string_view shown :
         {"api_key: \"***\"", "q: [a, b]", "access_token: \"{{ env(API_KEY) }}\"",
          R"("Password":"***","pin":{"user_secret":"***","new\"password":"***","n":12})",
          R"([{"refresh_token":"***","token":"{{ uuid() }}"},7,"password","x"])",
          R"("max_tokens":16,"author":"a: \"password\": b","secret":null})"}) {
        EXPECT_NE(yaml.find(shown), std::string::npos) << shown << " is not in\n" << yaml;
    }
    EXPECT_TRUE(Config::parse(yaml, "f.yaml", some_environment));
}

TEST(ToYamlTest, TextsWithUnusualCharactersAreReadBack) {
    const auto config = Config::parse(
        "scenarios: {s: {rate: 1, duration: 1}}\nusers: {U: {tasks: {t: {path: /, json: "
        "{\"k\\x7f\": "
        "\"\\x7f\\u0085\\u2028\\ufeff\\0\"}, expect: {json: {/a: \"\\x7f\"}}}}}}\n",
        "f.yaml", some_environment);
    ASSERT_TRUE(config) << config.error().text();
    expect_round_trip(config->effective("s", {}).value());
}

TEST(ToYamlTest, NotesAreComments) {
    CommandLine cli;
    cli.users = "5";
    const auto config =
        Config::load_file((config_folder() / "load_testing.yaml").string(), some_environment);
    const std::string yaml = to_yaml(config->effective("sustained", cli).value());
    EXPECT_NE(yaml.find("# note: --users 5 switches sustained to the closed model"),
              std::string::npos)
        << yaml;
}

TEST(StarterTest, TheStarterFileIsValid) {
    for (const char* url :
         {"http://127.0.0.1:8000", "http://h/api/v1?x=1", "localhost:1", "http://h/\"q\""}) {
        const auto config = Config::parse(starter_file(url), "starter.yaml", some_environment);
        ASSERT_TRUE(config) << config.error().text();
        for (const std::string& name : config->scenario_names()) {
            const auto scenario = config->effective(name, {});
            ASSERT_TRUE(scenario) << scenario.error().text();
            expect_round_trip(*scenario);
        }
    }
    const auto config =
        Config::parse(starter_file("http://h:8/api?x=1"), "starter.yaml", some_environment);
    const Scenario s = config->effective("smoke", {}).value();
    EXPECT_EQ(s.target.host, "http://h:8");
    EXPECT_EQ(s.classes[0].tasks[0].path.source(), "/api?x=1");
}

}  // namespace
}  // namespace squadload::scenario
