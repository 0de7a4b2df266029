#include "judge/verdict/conclude_totals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::verdict {
namespace {

using measure::Outcome;
using result::ScenarioResult;
using result::Verdict;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

void record_all(ScenarioResult& s, std::size_t task, Outcome outcome, int n, Nanos time) {
    for (int i = 0; i < n; ++i) {
        measure::RequestRecord r;
        r.outcome = outcome;
        r.response_time = time;
        s.tasks[task].stats.record(r);
        s.totals.record(r);
    }
}

ScenarioResult three_tasks() {
    ScenarioResult s;
    s.name = "spike";
    s.kind = "spike";
    for (const char* name : {"chat", "talk.ask", "on_start.login"})
        s.tasks.emplace_back().name = name;
    s.iterations.push_back({"talk", {}});
    s.iterations[0].stats.ok = 50;
    s.iterations[0].stats.time.record(milliseconds{900}, 50);
    record_all(s, 0, Outcome::ok, 90, milliseconds{100});
    record_all(s, 0, Outcome::server_error, 10, milliseconds{400});
    record_all(s, 1, Outcome::ok, 50, milliseconds{300});
    record_all(s, 2, Outcome::ok, 5, milliseconds{20});
    s.duration_s = 10;
    return s;
}

result::ThresholdResult judged_by(const std::string& name, double value = 0) {
    result::ThresholdResult t;
    t.name = name;
    t.bound_value = value;
    return t;
}

TEST(ConcludeTotals, BoundsFindTheirTasksByName) {
    auto s = three_tasks();
    const auto bounds = compile_for_totals(skeleton(
        s, {judged_by("success_rate_min", 0.9), judged_by("p95_latency_spike_max_ms", 500),
            judged_by("p95(talk) < 350ms"), judged_by("max(talk.ask) < 350ms"),
            judged_by("requests(on_start.login) == 5"), judged_by("iteration_p50(talk) < 1s")}));
    ASSERT_TRUE(bounds) << bounds.error().text();
    conclude_totals(s, *bounds);
    ASSERT_EQ(s.thresholds.size(), 6U);
    for (const auto& t : s.thresholds) EXPECT_TRUE(t.pass) << t.name << " " << t.actual;
    EXPECT_EQ(s.verdict, Verdict::pass);
}

TEST(ConcludeTotals, ABrokenBoundFailsAndAGraverVerdictStays) {
    auto s = three_tasks();
    const auto bounds = compile_for_totals(skeleton(s, {judged_by("success_rate_min", 0.99)}));
    ASSERT_TRUE(bounds);
    conclude_totals(s, *bounds);
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_THAT(s.verdict_reason, HasSubstr("success rate 93.5"));

    s = three_tasks();
    s.verdict = Verdict::void_run;
    s.verdict_reason = "b.json: late";
    conclude_totals(s, *bounds);
    EXPECT_EQ(s.verdict, Verdict::void_run);
    EXPECT_EQ(s.verdict_reason, "b.json: late");
    EXPECT_FALSE(s.thresholds.at(0).pass);
}

TEST(ConcludeTotals, WhatTheSourceCannotTellIsNotMet) {
    auto s = three_tasks();
    const auto bounds =
        compile_for_totals(skeleton(s, {judged_by("count(unsent) == 0"), judged_by("p99 < 1s"),
                                        judged_by("provider(groq).rpm < 9")}));
    ASSERT_TRUE(bounds) << bounds.error().text();
    TotalsSource source;
    source.unknown = [](const Threshold& t) {
        return t.figure == Figure::outcome_count ? "it is not told" : "";
    };
    source.providers_unknown = "no providers";
    source.percentile = [](const Threshold&) { return std::optional(999.0); };
    conclude_totals(s, *bounds, source);
    ASSERT_EQ(s.thresholds.size(), 3U);
    EXPECT_EQ(s.thresholds[0].actual, "cannot be judged");
    EXPECT_EQ(s.thresholds[0].note, "count(unsent) == 0 cannot be judged: it is not told");
    EXPECT_FALSE(s.thresholds[0].pass);
    EXPECT_EQ(s.thresholds[1].actual_value, 999.0);
    EXPECT_EQ(s.thresholds[2].actual, "cannot be judged");
    EXPECT_FALSE(s.thresholds[2].pass);
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_THAT(s.verdict_reason, HasSubstr("2 of 3 criteria broken"));
}

TEST(ConcludeTotals, NothingSentOrNothingDoneIsNoPass) {
    ScenarioResult s;
    s.kind = "steady";
    s.tasks.emplace_back().name = "chat";
    const auto bounds = compile_for_totals(skeleton(s, {}));
    ASSERT_TRUE(bounds);
    conclude_totals(s, *bounds);
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_THAT(s.notes, ::testing::Contains(HasSubstr("no criteria")));
    s.verdict = Verdict::pass;
    record_all(s, 0, Outcome::server_error, 3, milliseconds{1});
    conclude_totals(s, *bounds);
    EXPECT_THAT(s.verdict_reason, HasSubstr("not one of 3 requests succeeded"));
}

}  // namespace
}  // namespace squadload::verdict
