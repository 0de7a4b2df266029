#include "judge/verdict/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "judge/verdict/verdict.h"

namespace squadload::verdict {
namespace {

using measure::Outcome;
using result::Criterion;
using result::CriterionAnswer;
using result::ScenarioResult;
using result::Verdict;
using result::WitnessAnswer;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

measure::TaskStats stats(int n, Nanos time) {
    measure::TaskStats out;
    for (int i = 0; i < n; ++i) {
        measure::RequestRecord r;
        r.response_time = r.service_time = time;
        out.record(r);
    }
    return out;
}

result::ThresholdResult bound(std::string name, double limit, double actual, bool pass) {
    result::ThresholdResult t;
    t.name = std::move(name);
    t.bound_value = limit;
    t.actual_value = actual;
    t.bound = "bound " + std::to_string(limit);
    t.actual = "actual " + std::to_string(actual);
    t.pass = pass;
    return t;
}

result::WitnessCheck row(std::string check, WitnessAnswer answer) {
    result::WitnessCheck c;
    c.check = std::move(check);
    c.provider = "groq";
    c.answer = answer;
    c.actual = "peak 5";
    c.sentence = "said why";
    return c;
}

ScenarioResult scenario(const std::string& name, bool spike, Nanos chat, Nanos health) {
    ScenarioResult s;
    s.name = name;
    s.kind = spike ? "spike" : "steady";
    s.tasks.push_back({"chat", "/chat", "POST", stats(80, chat)});
    s.tasks.push_back({"health", "/health", "GET", stats(20, health)});
    for (const auto& task : s.tasks) s.totals.merge(task.stats);
    s.thresholds = {
        bound("success_rate_min", 0.99, 1, true), bound("failure_rate_max", 0.007, 0, true),
        bound("rate_limited_max", 0.01, 0, true), bound("error_rate_max", 0.001, 0, true)};
    s.thresholds.push_back(
        bound(spike ? "max_latency_spike_ms" : "p95_latency_max_ms", 2000, 391, true));
    s.thresholds.push_back(
        bound(spike ? "p99_latency_spike_max_ms" : "p99_latency_max_ms", 3000, 391, true));
    result::ProviderResult groq;
    groq.name = "groq";
    groq.limit_per_minute = 1560;
    groq.ok = 70;
    groq.peak_per_minute = 70;
    groq.series = {{0, 70, 70, 0, 0, 70}};
    groq.time.record(milliseconds{391});
    s.providers = {groq};
    if (spike) {
        s.providers[0].responses_429 = 5;
        s.providers[0].reported.last_429_time = "2026-11-23T09:15:46Z";
        s.providers.push_back(groq);
        s.providers[1].name = "cerebras";
        s.providers[1].served_as_fallback = 10;
    }
    for (const char* check : {"bucket", "window", "truth"})
        s.witness.push_back(row(check, WitnessAnswer::kept));
    for (const char* check : {"retry_after", "throttle", "recovery"})
        s.witness.push_back(row(check, spike ? WitnessAnswer::kept : WitnessAnswer::not_exercised));
    return s;
}

scenario::SuiteSettings twice() {
    scenario::SuiteSettings settings;
    settings.latency_ratio_max = 2;
    settings.criteria = true;
    return settings;
}

result::RunResult good_suite() {
    result::RunResult run;
    run.scenarios = {scenario("warm_up", false, milliseconds{100}, milliseconds{1}),
                     scenario("sustained", false, milliseconds{400}, milliseconds{1}),
                     scenario("spike", true, milliseconds{600}, milliseconds{9})};
    run.suite_thresholds = judge_suite(run, twice());
    run.criteria = acceptance_criteria(run);
    return run;
}

const Criterion& of(const result::RunResult& run, std::string_view text) {
    const auto it = std::find_if(run.criteria.begin(), run.criteria.end(), [&](const Criterion& c) {
        return c.text.find(text) != c.text.npos;
    });
    EXPECT_NE(it, run.criteria.end()) << text;
    return *it;
}

TEST(SuiteBounds, ASpikeIsHeldAgainstTheSteadyScenarioBeforeIt) {
    const auto run = good_suite();
    ASSERT_EQ(run.suite_thresholds.size(), 3U);
    EXPECT_EQ(run.suite_thresholds[0].name, "p95_ratio(all requests, spike / sustained)");
    EXPECT_NEAR(*run.suite_thresholds[0].actual_value, 1.5, 0.01);
    EXPECT_EQ(run.suite_thresholds[1].name, "p95_ratio(chat, spike / sustained)");
    EXPECT_EQ(run.suite_thresholds[1].bound, "≤ 2 ×");
    EXPECT_EQ(run.suite_thresholds[1].actual, "1.50 ×");
    EXPECT_TRUE(run.suite_thresholds[2].pass) << "9 against 1 ms is below 50 ms";
    EXPECT_THAT(run.suite_thresholds[2].note, HasSubstr("below 50"));
}

TEST(SuiteBounds, TheBaselineCanBeNamed) {
    auto settings = twice();
    settings.baseline = "warm_up";
    auto run = good_suite();
    run.suite_thresholds = judge_suite(run, settings);
    EXPECT_FALSE(run.suite_thresholds[1].pass) << "600 against 100 ms";
    conclude_run(run, false);
    EXPECT_EQ(run.verdict, Verdict::fail);
    settings.baseline = "elsewhere";
    EXPECT_TRUE(judge_suite(run, settings).empty()) << "it did not run";
    EXPECT_TRUE(judge_suite(run, {}).empty()) << "no bound";
}

TEST(Criteria, AllOfTheStoryAreListedAndMet) {
    auto run = good_suite();
    for (const auto& c : run.criteria)
        EXPECT_EQ(c.answer, CriterionAnswer::met) << c.id << " " << c.text << ": " << c.sentence;
    EXPECT_EQ(run.criteria.size(), 20U);
    for (const char* id : {"AC-2", "AC-3", "AC-4", "AC-5", "AC-6"})
        EXPECT_TRUE(std::any_of(run.criteria.begin(), run.criteria.end(),
                                [&](const Criterion& c) { return c.id == id; }));
    EXPECT_EQ(of(run, "max response").scenario, "spike");
    EXPECT_EQ(of(run, "calls per minute").actual, "groq 70 / 1,560, cerebras 70 / 1,560");
    EXPECT_THAT(of(run, "429 spikes").actual, HasSubstr("last at 2026-11-23T09:15:46Z"));
    conclude_run(run, false);
    EXPECT_EQ(run.verdict, Verdict::pass);
}

TEST(Criteria, OneThatIsNotMetFailsTheSuite) {
    auto run = good_suite();
    run.scenarios[1].witness[1] = row("window", WitnessAnswer::broken);
    run.criteria = acceptance_criteria(run);
    EXPECT_EQ(of(run, "sliding window").answer, CriterionAnswer::not_met);
    EXPECT_EQ(of(run, "sliding window").scenario, "sustained");
    EXPECT_EQ(of(run, "sliding window").sentence, "said why");
    conclude_run(run, false);
    EXPECT_EQ(run.verdict, Verdict::fail);
}

TEST(Criteria, NotExercisedIsNeverMet) {
    auto run = good_suite();
    for (auto& c : run.scenarios[2].witness)
        if (c.check == "recovery") c.answer = WitnessAnswer::not_exercised;
    run.criteria = acceptance_criteria(run);
    EXPECT_EQ(of(run, "reduce concurrency").answer, CriterionAnswer::not_exercised);
    EXPECT_FALSE(criteria_hold(run)) << "there was a witness to see it";
    conclude_run(run, false);
    EXPECT_EQ(run.verdict, Verdict::fail);
}

TEST(Criteria, WithoutAWitnessWhatItWouldSeeIsListedOnly) {
    auto run = good_suite();
    for (auto& s : run.scenarios) s.witness.clear();
    run.criteria = acceptance_criteria(run);
    EXPECT_EQ(of(run, "token bucket").answer, CriterionAnswer::not_exercised);
    EXPECT_THAT(of(run, "token bucket").sentence, HasSubstr("no witness"));
    EXPECT_TRUE(criteria_hold(run));
}

TEST(Criteria, LostRequestsAreNoGracefulWaiting) {
    auto run = good_suite();
    run.scenarios[2].totals.outcomes.add(Outcome::connection_closed);
    run.criteria = acceptance_criteria(run);
    EXPECT_EQ(of(run, "wait gracefully").answer, CriterionAnswer::not_met);
}

TEST(Criteria, AnEmptyRunMeetsNothing) {
    for (const auto& c : acceptance_criteria({}))
        EXPECT_EQ(c.answer, CriterionAnswer::not_exercised) << c.text;
}

TEST(ConcludeProviders, ABrokenBoundFails) {
    auto s = scenario("spike", true, milliseconds{600}, milliseconds{9});
    conclude_providers(s, compile_provider_bounds({{"", "fallbacks == 0", {}}}).value(), {});
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_THAT(s.verdict_reason, HasSubstr("served as fallback 10 (bound = 0)"));
    EXPECT_EQ(s.thresholds.back().name, "fallbacks == 0");
}

TEST(ConcludeProviders, WhatTheWitnessFoundBrokenFailsUnlessBoundsSayOtherwise) {
    auto s = scenario("spike", true, milliseconds{600}, milliseconds{9});
    s.witness.push_back(row("utilisation", WitnessAnswer::broken));
    auto asked = s;
    conclude_providers(s, {}, {});
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_THAT(s.verdict_reason, HasSubstr("1 check broken: utilisation of groq: said why"));
    conclude_providers(asked,
                       compile_provider_bounds({{"", "witness(window) == kept", {}}}).value(), {});
    EXPECT_EQ(asked.verdict, Verdict::pass);
}

TEST(ConcludeProviders, AnEventThatDidNotComeToPassIsNoRun) {
    auto s = scenario("spike", true, milliseconds{600}, milliseconds{9});
    s.events = {{"groq: outage", "groq", {}, {}, "nobody answered"}};
    auto allowed = s;
    conclude_providers(s, {}, {});
    EXPECT_EQ(s.verdict, Verdict::void_run);
    EXPECT_THAT(s.verdict_reason, HasSubstr("groq: outage did not come to pass: nobody answered"));
    Policy policy;
    policy.allow_void = true;
    conclude_providers(allowed, {}, policy);
    EXPECT_EQ(allowed.verdict, Verdict::pass);
    EXPECT_EQ(allowed.notes.size(), 1U);
}

TEST(ConcludeProviders, AnInterruptedRunStaysInterrupted) {
    auto s = scenario("spike", true, milliseconds{600}, milliseconds{9});
    s.verdict = Verdict::interrupted;
    conclude_providers(s, compile_provider_bounds({{"", "fallbacks == 0", {}}}).value(), {});
    EXPECT_EQ(s.verdict, Verdict::interrupted);
    EXPECT_FALSE(s.thresholds.back().pass);
}

TEST(Criteria, ALimitThatNobodyCameNearWasNotTested) {
    auto run = good_suite();
    for (auto& scenario : run.scenarios) {
        ASSERT_EQ(scenario.witness[1].check, "window");
        scenario.witness[1].bound_value = 1560;
        scenario.witness[1].actual_value = 1169;
    }
    run.criteria = acceptance_criteria(run);
    EXPECT_EQ(of(run, "sliding window").answer, CriterionAnswer::not_exercised);
    EXPECT_EQ(of(run, "sliding window").sentence, "no provider came near its limit");
    run.scenarios[1].witness[1].actual_value = 1170;
    run.criteria = acceptance_criteria(run);
    EXPECT_EQ(of(run, "sliding window").answer, CriterionAnswer::met);
}

}  // namespace
}  // namespace squadload::verdict
