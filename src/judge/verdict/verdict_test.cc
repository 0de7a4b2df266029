#include "judge/verdict/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::verdict {
namespace {

using engine::StopReason;
using measure::Outcome;
using result::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

engine::Plan sample_plan() {
    engine::Plan plan;
    auto& s = plan.scenario;
    s.name = "spike";
    s.kind = scenario::Kind::spike;
    s.model = scenario::Model::open;
    s.users = 60;
    s.duration = seconds{120};
    s.rates = {{seconds{120}, 60, 60}};
    s.target.host = "http://user:pw@127.0.0.1:8000/v1";
    s.classes.emplace_back().name = "User";
    s.classes[0].tasks.emplace_back().name = "chat";
    s.classes[0].tasks[0].method = "POST";
    return plan;
}

struct Request {
    Outcome outcome = Outcome::ok;
    Nanos service = milliseconds{100};
    Nanos lag{};
    Nanos blocked{};
};

// Measurements of the requests given, as the engine leaves them.
engine::Measurements measured(const std::vector<std::pair<int, Request>>& requests) {
    engine::Measurements m;
    m.backend = "epoll";
    m.task_names = {"chat"};
    m.entry_names = {"/agents/chat"};
    m.tasks.resize(1);
    m.schedule_duration = seconds{120};
    m.duration = seconds{121};
    for (const auto& [n, request] : requests) {
        for (int i = 0; i < n; ++i) {
            ++m.scheduled;
            if (request.outcome == Outcome::unsent) {
                m.tasks[0].record_unsent();
                continue;
            }
            ++m.sent;
            measure::RequestRecord r;
            r.outcome = request.outcome;
            r.service_time = request.service;
            r.generator_lag = request.lag;
            r.blocked = request.blocked;
            r.response_time = request.service + request.lag + request.blocked;
            m.tasks[0].record(r);
            if (r.outcome != Outcome::ok) m.failures.add(0, r.outcome, "it went wrong", seconds{1});
        }
    }
    return m;
}

result::ScenarioResult concluded(const engine::Measurements& m,
                                 const std::string& expression = "rate(ok) > 99%",
                                 const Policy& policy = {}) {
    const auto plan = sample_plan();
    std::vector<scenario::ThresholdEntry> entries;
    if (!expression.empty()) entries.push_back({"", expression, {}});
    return conclude(plan, m, *compile(entries, plan.scenario), std::nullopt, policy);
}

TEST(Conclude, PassAndItsFigures) {
    auto m = measured({{1000, {}}});
    m.connections_opened = 3;
    const auto s = concluded(m);
    EXPECT_EQ(s.verdict, Verdict::pass);
    EXPECT_EQ(s.verdict_reason, "");
    EXPECT_EQ(s.kind, "spike");
    EXPECT_EQ(s.model, "open");
    EXPECT_EQ(s.load_description, "open 60/s constant");
    EXPECT_EQ(s.target, "http://***@127.0.0.1:8000/v1");
    EXPECT_EQ(s.stop_reason, "schedule_ended");
    EXPECT_EQ(s.tasks[0].method, "POST");
    EXPECT_EQ(s.tasks[0].entry_name, "/agents/chat");
    EXPECT_NEAR(s.throughput_per_s, 1000 / 121.0, 1e-9);
    EXPECT_EQ(s.totals.outcomes.ok(), 1000U);
    EXPECT_NEAR(s.audit.planned_rate_per_s, 1000 / 120.0, 1e-9);
    EXPECT_EQ(s.audit.rate_error, 0);
    EXPECT_THAT(s.notes, ElementsAre("only 1,000 samples for p99.9 (10,000 wanted)"));
    EXPECT_FALSE(s.configuration_yaml.empty());
}

TEST(Conclude, PercentilesOfFewSamplesAreSaidOnce) {
    const auto few = concluded(measured({{150, {}}}), "p95 < 9s");
    EXPECT_EQ(few.thresholds[0].note, "only 150 samples for p95, 200 wanted");
    EXPECT_THAT(few.notes,
                ElementsAre("only 150 samples for p99 (1,000 wanted), p99.9 (10,000 wanted)"));
    EXPECT_THAT(concluded(measured({{10'000, {}}})).notes, IsEmpty());
}

TEST(Conclude, ARunThatThisMachineCouldNotMakeIsVoid) {
    auto m = measured({{1000, {}}, {3, {Outcome::connect_error}}});
    m.own_limit_hits = 3;
    m.own_limit = "out of local ports; widen the range";
    const auto s = concluded(m, "");
    EXPECT_EQ(s.verdict, Verdict::void_run);
    EXPECT_EQ(s.verdict_reason,
              "3 requests could not be made by this machine: out of local ports; widen the range");
}

TEST(Conclude, FailNamesTheBrokenCriterion) {
    const auto s = concluded(measured({{980, {}}, {20, {Outcome::timeout}}}));
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_EQ(s.verdict_reason, "1 of 1 criterion broken: success rate 98.00 % (bound > 99 %)");
}

TEST(Conclude, ARunWithoutSuccessCanNeverPass) {
    for (const char* bound : {"", "max < 9s", "rate(failed) <= 100%"}) {
        const auto s =
            concluded(measured({{300, {Outcome::connect_error, milliseconds{1}}}}), bound);
        EXPECT_EQ(s.verdict, Verdict::fail) << bound;
        EXPECT_EQ(
            s.verdict_reason,
            "not one of 300 requests succeeded; most often connect_error: it went wrong (300)");
    }
    EXPECT_EQ(concluded(measured({{300, {Outcome::rate_limited}}}), "").verdict, Verdict::fail);
}

TEST(Conclude, ARunWithoutRequestsCanNeverPass) {
    for (const char* bound : {"", "max < 9s"}) {
        EXPECT_EQ(concluded(measured({}), bound).verdict, Verdict::fail);
        const auto s = concluded(measured({{30, {Outcome::unsent}}}), bound);
        EXPECT_EQ(s.verdict, Verdict::fail);
        EXPECT_EQ(s.verdict_reason, "no request was sent, so there is nothing to judge");
        EXPECT_THAT(s.notes, Contains(HasSubstr("30 scheduled requests never started")));
    }
}

TEST(Conclude, ALoadThatWasNotTakenIsNotGreen) {
    const auto m = measured({{990, {}}, {10, {Outcome::unsent}}});
    const auto s = concluded(m, "max < 9s");
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_THAT(s.verdict_reason, HasSubstr("10 of 1,000 scheduled requests never started"));
    EXPECT_EQ(concluded(m, "count(unsent) <= 10").verdict, Verdict::pass) << "allowed in words";
    EXPECT_EQ(concluded(m, "count(unsent) <= 9").verdict, Verdict::fail);
}

TEST(Conclude, AnySuccessPassesWithoutCriteriaAndSaysSo) {
    const auto s = concluded(measured({{1, {}}}), "");
    EXPECT_EQ(s.verdict, Verdict::pass);
    EXPECT_THAT(s.notes, Contains(HasSubstr("no criteria are set")));
}

TEST(Void, GeneratorLagOverItsBudget) {
    struct Case {
        milliseconds service, lag;
        int late;  // of 1,000
        bool counts;
    };
    const Case cases[] = {
        {milliseconds{100}, milliseconds{9}, 1000, true},    // below 10 ms
        {milliseconds{100}, milliseconds{11}, 1000, false},  // above 10 ms
        {milliseconds{100}, milliseconds{500}, 9, true},     // not at p99
        {milliseconds{100}, milliseconds{500}, 12, false},
        {milliseconds{1000}, milliseconds{45}, 1000, true},  // 5 % of the median
        {milliseconds{1000}, milliseconds{60}, 1000, false},
    };
    for (const auto& c : cases) {
        const auto s = concluded(measured({{1000 - c.late, {Outcome::ok, c.service}},
                                           {c.late, {Outcome::ok, c.service, c.lag}}}));
        EXPECT_EQ(s.verdict, c.counts ? Verdict::pass : Verdict::void_run)
            << c.service.count() << " " << c.lag.count();
    }
    const auto s = concluded(measured({{1000, {Outcome::ok, milliseconds{50}, milliseconds{38}}}}));
    EXPECT_EQ(s.verdict_reason,
              "the generator could not start requests on time: its lag at p99 is 38.0 ms and its "
              "budget 10.0 ms; lower "
              "the rate, raise --workers (now 1), or use a machine with nothing else to do");
}

TEST(Void, ArrivalsUnsentWhileSlotsWereFree) {
    auto m = measured({{990, {}}, {10, {Outcome::unsent}}});
    EXPECT_EQ(concluded(m).verdict, Verdict::fail) << "blocked by the target";
    m.unsent_while_free = 10;
    const auto s = concluded(m);
    EXPECT_EQ(s.verdict, Verdict::void_run);
    EXPECT_THAT(s.verdict_reason,
                HasSubstr("left 10 of 1,000 scheduled requests unsent although slots were free"));
}

TEST(Void, BlockedTimeNeverVoids) {
    const auto s =
        concluded(measured({{1000, {Outcome::ok, milliseconds{100}, Nanos{}, seconds{20}}}}));
    EXPECT_EQ(s.verdict, Verdict::pass);
    EXPECT_NEAR(s.audit.blocked_p99_ms, 20000, 20);
}

TEST(Void, OutranksFailUnlessAllowed) {
    const auto late =
        measured({{500, {Outcome::ok, milliseconds{10}, seconds{1}}}, {500, {Outcome::timeout}}});
    EXPECT_EQ(concluded(late).verdict, Verdict::void_run);
    const auto allowed = concluded(late, "rate(ok) > 99%", {true, std::nullopt});
    EXPECT_EQ(allowed.verdict, Verdict::fail);
    EXPECT_THAT(
        allowed.notes,
        Contains(HasSubstr("counts only because of --allow-void: the generator could not")));
    EXPECT_EQ(concluded(late, "max < 9s", {true, std::nullopt}).verdict, Verdict::pass);
    EXPECT_EQ(concluded(late, "max < 9s", {false, 2000.0}).verdict, Verdict::pass);
    EXPECT_EQ(concluded(measured({{10, {Outcome::ok, milliseconds{10}, milliseconds{2}}}}), "",
                        {false, 1.0})
                  .verdict,
              Verdict::void_run);
}

TEST(Conclude, InterruptedOutranksAll) {
    auto m = measured({{500, {Outcome::timeout, milliseconds{10}, seconds{1}}}});
    m.schedule_duration = seconds{12};
    m.stop_reason = StopReason::interrupted;
    auto s = concluded(m);
    EXPECT_EQ(s.verdict, Verdict::interrupted);
    EXPECT_EQ(s.verdict_reason, "stopped by Ctrl-C (SIGINT) after 00:12 of 02:00");
    m.stop_reason = StopReason::terminated;
    EXPECT_THAT(concluded(m).verdict_reason, HasSubstr("stopped by SIGTERM"));
}

TEST(Conclude, AFailFastStopIsAFail) {
    const auto plan = sample_plan();
    result::ThresholdResult broken;
    broken.name = "fail_fast.rate(ok) > 99%";
    broken.criterion = "success rate over 10 s";
    broken.bound = "> 99 %";
    broken.actual = "91.00 %";
    broken.unit = "share";
    broken.first_broken_at_s = 41;
    auto m = measured({{910, {}}, {90, {Outcome::timeout}}});
    m.stop_reason = StopReason::fail_fast;
    auto s = conclude(plan, m, {}, broken, {});
    EXPECT_EQ(s.verdict, Verdict::fail);
    EXPECT_EQ(s.stop_reason, "fail_fast");
    EXPECT_EQ(s.verdict_reason,
              "stopped early at 00:41: success rate over 10 s 91.00 % (bound > 99 %)");
    ASSERT_EQ(s.thresholds.size(), 1U);

    auto late =
        measured({{910, {Outcome::ok, milliseconds{10}, seconds{1}}}, {90, {Outcome::timeout}}});
    late.stop_reason = StopReason::fail_fast;
    s = conclude(plan, late, {}, broken, {});
    EXPECT_EQ(s.verdict, Verdict::fail) << "failures are the target's, however late we were";
    EXPECT_THAT(s.notes, Contains(HasSubstr("the run would be VOID: the generator could not")));
    broken.unit = "ms";
    EXPECT_EQ(conclude(plan, late, {}, broken, {}).verdict, Verdict::void_run)
        << "the time contains our own lag";
}

TEST(Conclude, PoissonArrivalsAreChecked) {
    auto plan = sample_plan();
    plan.scenario.arrivals = pacing::Arrivals::poisson;
    auto m = measured({{100, {}}});
    m.arrival_bins.assign(100, 1);
    EXPECT_THAT(conclude(plan, m, {}, std::nullopt, {}).notes,
                Contains(HasSubstr("too few arrivals")));
    m.arrival_bins.assign(1000, 5);
    const auto s = conclude(plan, m, {}, std::nullopt, {});
    ASSERT_TRUE(s.audit.randomness);
    EXPECT_THAT(s.notes, Contains(HasSubstr("not as random as planned: dispersion index 0.000")));
    EXPECT_EQ(s.verdict, Verdict::pass);
}

TEST(Iterations, AreTheResultsOfTasksWithSteps) {
    auto plan = sample_plan();
    auto& user = plan.scenario.classes[0];
    user.on_stop.resize(1);
    user.on_stop[0].name = "logout";
    user.tasks.emplace_back().name = "conversation";
    user.tasks[1].steps.resize(1);
    user.tasks[1].steps[0].name = "ask";
    auto m = measured({{100, {}}});
    m.tasks.resize(3);
    m.iterations.resize(4);  // on_start, chat, conversation, on_stop
    m.iterations[1].failed = 2;
    m.iterations[1].add_reason("before chat: token is not set", 2);
    m.iterations[2].ok = 30;
    m.iterations[2].failed = 12;
    m.iterations[2].add_reason("before ask: token is not set", 12);
    m.iterations[3].add_reason("before logout: token is not set");
    m.arrivals = 50;
    m.arrivals_started = 48;
    const auto s = conclude(plan, m, {}, std::nullopt, {});
    ASSERT_EQ(s.iterations.size(), 1U) << "those of chat are its requests";
    EXPECT_EQ(s.iterations[0].task, "conversation");
    EXPECT_EQ(s.iterations[0].stats.started(), 42U);
    EXPECT_THAT(s.notes, Contains("2 iterations of chat ended before chat: token is not set"));
    EXPECT_THAT(s.notes, Contains("on_stop ended 1 time before logout: token is not set"));
    EXPECT_NEAR(s.audit.planned_rate_per_s, 50 / 120.0, 1e-9) << "the rate is of iterations";
    EXPECT_NEAR(s.audit.delivered_rate_per_s, 48 / 120.0, 1e-9);
    EXPECT_NEAR(s.audit.rate_error, -0.04, 1e-9);
}

TEST(Load, IsDescribedInOneLine) {
    auto s = sample_plan().scenario;
    s.rates = {{seconds{10}, 0, 60}, {seconds{10}, 60, 60}, {seconds{10}, 60, 5}};
    s.arrivals = pacing::Arrivals::poisson;
    EXPECT_EQ(load_description(s), "open 0/s to 60/s in 3 stages, poisson");
    auto flow = s;
    flow.rates.resize(1, {seconds{10}, 60, 60});
    flow.rates[0].start_per_s = 60;
    flow.classes[0].tasks[0].steps.resize(2);
    EXPECT_EQ(load_description(flow), "open 60/s poisson iterations");
    s.model = scenario::Model::closed;
    s.users = 30;
    EXPECT_EQ(load_description(s), "closed, 30 users");
    s.users = 1;
    EXPECT_EQ(load_description(s), "closed, 1 user");
}

TEST(Suite, OrderOfVerdicts) {
    struct Case {
        std::vector<Verdict> scenarios;
        Verdict verdict;
        int exit_code;
    };
    const Case cases[] = {
        {{Verdict::pass}, Verdict::pass, 0},
        {{Verdict::fail}, Verdict::fail, 1},
        {{Verdict::void_run}, Verdict::void_run, 4},
        {{Verdict::interrupted}, Verdict::interrupted, 130},
        {{Verdict::pass, Verdict::void_run}, Verdict::void_run, 4},
        {{Verdict::void_run, Verdict::fail, Verdict::pass}, Verdict::fail, 1},
        {{Verdict::fail, Verdict::void_run, Verdict::interrupted}, Verdict::interrupted, 130},
        {{}, Verdict::interrupted, 130},
    };
    for (const auto& c : cases) {
        result::RunResult run;
        for (const auto v : c.scenarios) run.scenarios.emplace_back().verdict = v;
        conclude_run(run, false);
        EXPECT_EQ(run.verdict, c.verdict);
        EXPECT_EQ(run.exit_code, c.exit_code);
    }
    result::RunResult run;
    run.scenarios.emplace_back().verdict = Verdict::interrupted;
    conclude_run(run, true);
    EXPECT_EQ(run.exit_code, 143);
    run.scenarios[0].verdict = Verdict::pass;
    run.suite_thresholds.emplace_back();
    conclude_run(run, false);
    EXPECT_EQ(run.verdict, Verdict::fail);
}

}  // namespace
}  // namespace squadload::verdict
