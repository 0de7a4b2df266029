// What a file says about the providers' side, suites, time scale and 429s.
#include <gtest/gtest.h>

#include "load/scenario/config_for_test.h"

namespace squadload::scenario {
namespace {

using namespace std::chrono_literals;

TEST(BesideTest, TheSuiteIsHeldAgainstItsSettings) {
    const std::string two =
        "scenarios: {calm: {rate: 5, duration: 1}, spike: {rate: 9, duration: 1}}\n";
    const Scenario s =
        scenario_of(two +
                        "suite: {criteria: squad, baseline: calm, latency_ratio_max: 2, "
                        "latency_ratio_ignore_ms: 20}\n",
                    "spike");
    EXPECT_TRUE(s.suite.criteria);
    EXPECT_EQ(s.suite.baseline, "calm");
    EXPECT_EQ(s.suite.latency_ratio_max, 2);
    EXPECT_EQ(s.suite.latency_ratio_ignore, 20ms);
    EXPECT_EQ(scenario_of(two, "spike").suite.latency_ratio_max, 0) << "no bound unless asked for";
    const auto wrong = Config::parse(two + "suite: {baseline: clam}\n", "f.yaml", no_environment);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().text(),
              "f.yaml:2:19: suite.baseline: there is no scenario 'clam'; did you mean 'calm'?");
}

TEST(BesideTest, WhoServedIsReadFromWhereThePresetSays) {
    const std::string one = "scenarios: {calm: {rate: 5, duration: 1}}\n";
    EXPECT_FALSE(scenario_of(one, "calm").attribution.any()) << "nothing is looked for by default";
    const Scenario s = scenario_of(
        one + "attribution: {preset: squad, provider: {header: x-by}, agent: {json: /a/b}}\n",
        "calm");
    using A = Attribution;
    EXPECT_EQ(s.attribution.sources[A::provider].what, "x-by");
    EXPECT_EQ(s.attribution.sources[A::agent].from, AttributionSource::From::json);
    EXPECT_EQ(s.attribution.sources[A::attempts].what, "x-squad-attempts") << "the preset's";
    EXPECT_EQ(
        scenario_of(one + "attribution: litellm\n", "calm").attribution.sources[A::request_id].what,
        "x-litellm-call-id");
    const std::pair<const char*, const char*> wrong[] = {
        {"attribution: sqad\n",
         "f.yaml:2:14: attribution: there is no preset 'sqad'; did you mean 'squad'?"},
        {"attribution: {provider: {json: x}}\n", "expected a JSON pointer"},
        {"attribution: {provider: {}}\n", "expected one of header and json"},
        {"attribution: {providr: {json: /x}}\n", "unknown key; did you mean 'provider'?"}};
    for (const auto& [text, sentence] : wrong) {
        const auto config = Config::parse(one + text, "f.yaml", no_environment);
        ASSERT_FALSE(config) << text;
        EXPECT_NE(config.error().text().find(sentence), std::string::npos) << config.error().text();
    }
}

TEST(BesideTest, EventsSayWhatHappensToWhom) {
    const Scenario s = scenario_of(R"yaml(
scenarios:
  spike:
    rate: 60
    duration: 120
    events:
      - {at: 40, provider: groq, fault: quota, requests: 1040, for: 40s}
      - {at: 1m, provider: gemini, fault: storm, share: 30%, retry_after: 2s}
      - {at: 3m, provider: gemini, fault: outage, how: reset}
)yaml",
                                   "spike");
    ASSERT_EQ(s.events.size(), 3U);
    EXPECT_EQ(label_of(s.events[0]), "groq: quota, 1040 requests, for 40s");
    EXPECT_EQ(s.events[0].amounts[0].second, 1040);
    EXPECT_EQ(s.events[0].at, 40s);
    EXPECT_EQ(s.events[0].lasts, 40s);
    EXPECT_EQ(s.events[1].settings, R"("share": 0.3)");
    EXPECT_EQ(s.events[1].retry_after, 2s);
    ASSERT_EQ(s.notes.size(), 1U);
    EXPECT_NE(s.notes[0].find("comes after the end of spike"), std::string::npos);
}

TEST(BesideTest, AnEventThatCannotBeIsNamed) {
    const std::pair<const char*, const char*> wrong[] = {
        {"{provider: groq, fault: outage}", "needs at"},
        {"{at: 1s, fault: outage}", "needs a provider"},
        {"{at: 1s, provider: groq}", "needs a fault"},
        {"{at: 1s, provider: groq, fault: outrage}", "outage"},
        {"{at: 1s, provider: groq, fault: quota}", "needs requests"},
        {"{at: 1s, provider: groq, fault: quota, share: 1}", "with fault: quota has no share"},
        {"{at: 1s, provider: groq, fault: outage, requests: 5}",
         "with fault: outage has no requests"},
        {"{at: 1s, provider: groq, fault: hang, retry_after: 5s}",
         "with fault: hang has no retry_after"},
        {"{at: 1s, provider: groq, fault: storm, share: 2}", "expected a share"},
        {"{at: -1s, provider: groq, fault: storm}", "at"},
        {"{at: 1s, provider: groq, fault: quota, requests: 0}", "requests"},
        {"{at: 1s, provider: groq, fault: storm, foor: 3s}", "did you mean 'for'"},
    };
    for (const auto& [event, sentence] : wrong) {
        const auto config = Config::parse(
            std::string("scenarios: {s: {rate: 1, duration: 9, events: [") + event + "]}}\n",
            "f.yaml", no_environment);
        ASSERT_FALSE(config) << event;
        EXPECT_NE(config.error().text().find("f.yaml:1:"), std::string::npos);
        EXPECT_NE(config.error().text().find(sentence), std::string::npos) << config.error().text();
    }
}

TEST(BesideTest, ATimeScaleShortensTheStoryAndNothingElse) {
    const auto config = Config::parse(R"yaml(
target: {timeouts: {total: 9s}}
stages: {staging: {users: 500, quota_scale: 10}}
scenarios:
  spike:
    rate: 60
    duration: 120
    max_in_flight: 100
    events: [{at: 40, provider: groq, fault: storm, retry_after: 4s, for: 20s}]
  users: {users: 10, duration: 60, spawn_rate: 5}
fail_fast: {window: 4s}
)yaml",
                                      "f.yaml", no_environment);
    ASSERT_TRUE(config) << config.error().text();
    CommandLine line;
    line.time_scale = "8";
    const Scenario s = config->effective("spike", line).value();
    EXPECT_EQ(s.time_scale, 8);
    EXPECT_EQ(s.duration, 15s);
    EXPECT_EQ(s.rates[0].start_per_s, 480);
    EXPECT_EQ(s.rates[0].duration, 15s);
    EXPECT_EQ(s.max_in_flight, 800U);
    EXPECT_EQ(s.events[0].at, 5s);
    EXPECT_EQ(s.events[0].lasts, 2500ms);
    EXPECT_EQ(s.events[0].retry_after, 500ms);
    EXPECT_EQ(s.fail_fast.window, 1s) << "a second at least";
    EXPECT_EQ(s.classes[0].tasks[0].timeouts.total, 9s) << "the target's time stays";
    EXPECT_EQ(s.graceful_stop, 30s);
    const Scenario users = config->effective("users", line).value();
    EXPECT_EQ(users.users, 10U);
    EXPECT_EQ(users.spawn_rate, 40);
    EXPECT_EQ(users.classes[0].wait.low, 125ms);
    line.time_scale = "0.5";
    EXPECT_FALSE(config->effective("spike", line));
    line.time_scale.reset();
    line.stage = "staging";
    EXPECT_EQ(config->effective("users", line)->stack.quota_scale, 10);
}

TEST(BesideTest, WhatUsersDoAboutA429) {
    const std::string file = R"(
on_429: retry
scenarios:
  open: {rate: 1, duration: 9}
  polite: {users: 2, duration: 9, on_429: {do: wait, default_wait: 2s, max_wait: 10s, jitter: 0.5}}
  shy: {users: 2, duration: 9, on_429: {adaptive: true}}
  plain: {users: 2, duration: 9, on_429: record}
)";
    const auto open = scenario_of(file, "open").on_429;
    EXPECT_EQ(open.action, On429::Action::retry);
    EXPECT_EQ(open.max_retries, 3U);
    const auto polite = scenario_of(file, "polite").on_429;
    EXPECT_EQ(polite.action, On429::Action::wait);
    EXPECT_EQ(polite.default_wait, 2s);
    EXPECT_EQ(polite.max_wait, 10s);
    EXPECT_EQ(polite.jitter, 0.5);
    const auto shy = scenario_of(file, "shy").on_429;
    EXPECT_EQ(shy.action, On429::Action::record);
    EXPECT_TRUE(shy.adaptive);
    EXPECT_EQ(scenario_of(file, "plain").on_429.action, On429::Action::record);
}

TEST(BesideTest, WaitingForTheWholeFileIsLeftOutWhereArrivalsDoNotWait) {
    const auto s = scenario_of("on_429: wait\nscenarios: {open: {rate: 1, duration: 9}}\n", "open");
    EXPECT_EQ(s.on_429.action, On429::Action::record);
    ASSERT_EQ(s.notes.size(), 1U);
    EXPECT_EQ(s.notes[0],
              "on_429: wait is for the closed model; here every arrival keeps its time");
}

TEST(BesideTest, On429MistakesAreNamed) {
    const std::pair<const char*, const char*> wrong[] = {
        {"retrry", "retry"},
        {"{do: retry, max_retries: 0}", "max_retries"},
        {"{do: wait, max_retries: 3}", "max_retries goes with do: retry"},
        {"{jitter: 0.5}", "jitter goes with do: wait or do: retry"},
        {"{do: retry, jitter: 2}", "jitter"},
        {"{do: retry, default_wait: 0}", "default_wait"},
        {"{do: retry, max_wait: 2h}", "expected at most 1h"},
        {"{adaptive: sometimes}", "adaptive"},
        {"{retries: 3}", "unknown key"},
    };
    for (const auto& [text, sentence] : wrong) {
        const auto config = Config::parse(
            std::string("scenarios: {s: {users: 1, duration: 9, on_429: ") + text + "}}\n",
            "f.yaml", no_environment);
        ASSERT_FALSE(config) << text;
        EXPECT_NE(config.error().text().find(sentence), std::string::npos) << config.error().text();
    }
    const auto open = Config::parse("scenarios: {s: {rate: 1, duration: 9, on_429: wait}}\n",
                                    "f.yaml", no_environment);
    ASSERT_TRUE(open);
    const auto scenario = open->effective("s", {});
    ASSERT_FALSE(scenario);
    EXPECT_NE(scenario.error().text().find("needs the closed model"), std::string::npos);
}

}  // namespace
}  // namespace squadload::scenario
