#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/engine/sim_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;
using pacing::WaitTime;

TEST(ClosedModel, UsersWithoutWaitGoAsFastAsTheTarget) {
    ScriptedServer server(answer_after(10ms));
    WorkerRun run(closed_plan(5, 10s), server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_NEAR(static_cast<double>(run.outcome(Outcome::ok)), 5000, 10);
    EXPECT_EQ(server.connections, 5);
    EXPECT_EQ(run.all().response_time.max(), 10ms);
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
}

TEST(ClosedModel, WaitTimesHaveLocustsMeaning) {
    struct Case {
        const char* name;
        WaitTime wait;
        Nanos service;
        double expected;  // requests of one user in 100 s
        double tolerance;
    };
    const Case cases[] = {
        {"constant adds to the response", {WaitTime::Kind::constant, 900ms, {}, 0}, 100ms, 100, 1},
        {"pacing includes the response",
         {WaitTime::Kind::constant_pacing, 1s, {}, 0},
         100ms,
         100,
         1},
        {"pacing never catches up after an overrun",
         {WaitTime::Kind::constant_pacing, 1s, {}, 0},
         2s,
         50,
         1},
        {"throughput is pacing of its inverse",
         {WaitTime::Kind::constant_throughput, {}, {}, 4},
         100ms,
         400,
         1},
        {"between has the mean of its ends", {WaitTime::Kind::between, 1s, 3s, 0}, 0ms, 50, 8},
    };
    for (const auto& c : cases) {
        ScriptedServer server(answer_after(c.service));
        WorkerRun run(closed_plan(1, 100s, c.wait), server);
        run.run();
        EXPECT_NEAR(static_cast<double>(run.outcome(Outcome::ok)), c.expected, c.tolerance)
            << c.name;
        EXPECT_TRUE(run.adds_up()) << c.name;
    }
}

TEST(ClosedModel, UsersSpawnAtTheirRate) {
    ScriptedServer server(answer_after(1ms));
    Plan plan = closed_plan(10, 10s, {WaitTime::Kind::constant, 100ms, {}, 0});
    plan.scenario.spawn_rate = 2;
    WorkerRun run(plan, server);
    run.run();
    // At the end of a second the user that appears at that very moment is there.
    EXPECT_EQ(run.series[0].users, 3U);
    EXPECT_EQ(run.series[2].users, 7U);
    EXPECT_EQ(run.series[4].users, 10U);
    EXPECT_EQ(run.series[8].users, 10U);
}

TEST(ClosedModel, RequestsBoundIsExactOverAllWorkers) {
    std::uint64_t sum = 0;
    for (std::uint32_t w = 0; w < 3; ++w) {
        ScriptedServer server(answer_after(1ms));
        Plan plan = closed_plan(7, Nanos::max());
        plan.scenario.requests = 1000;
        WorkerRun run(plan, server, {w, 3});
        run.run();
        EXPECT_TRUE(run.adds_up());
        sum += run.outcome(Outcome::ok);
    }
    EXPECT_EQ(sum, 1000U);
}

TEST(ClosedModel, ASharedPoolMakesUsersWaitAndSaysSo) {
    ScriptedServer server(answer_after(100ms));
    Plan plan = closed_plan(10, 10s, {WaitTime::Kind::constant, 100ms, {}, 0});
    plan.scenario.target.connections = {scenario::ConnectionMode::shared, 2};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(server.connections, 2);
    EXPECT_TRUE(run.adds_up());
    EXPECT_NEAR(static_cast<double>(run.outcome(Outcome::ok)), 200, 12);
    EXPECT_GT(to_ms(run.all().blocked.percentile(0.5)), 200);
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
}

TEST(ClosedModel, AHeldWorkerIsLagForAllWhoWaitForThePool) {
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        if (k == 500) loop->stall(2s);
        return ScriptedServer::Answer{1ms, kOk, false, false, 0};
    });
    Plan plan = closed_plan(100, 10s, {WaitTime::Kind::constant, 1s, {}, 0});
    plan.scenario.spawn_rate = 100;  // spreads them over the second
    plan.scenario.target.connections = {scenario::ConnectionMode::shared, 2};
    WorkerRun run(plan, server);
    loop = run.loop.get();
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_GT(to_ms(run.all().generator_lag.percentile(0.95)), 1000);
    EXPECT_LT(to_ms(run.all().blocked.max()), 100);
}

TEST(ClosedModel, AStopDropsThoseThatWaitAndAwaitsThoseThatRun) {
    ScriptedServer server(answer_after(300ms));
    Plan plan = closed_plan(10, 60s);
    plan.scenario.target.connections = {scenario::ConnectionMode::shared, 2};
    WorkerRun run(plan, server);
    run.on_second = [&](const measure::SeriesPoint& p) {
        if (p.second == 2) run.stop_switch.stop(StopReason::terminated);
    };
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::unsent), 8U);
    EXPECT_EQ(run.outcome(Outcome::abandoned), 0U);
}

TEST(ClosedModel, GivingUpEndsEveryUser) {
    ScriptedServer server([](std::uint64_t, const std::string&) {
        return ScriptedServer::Answer{0ns, "", true, false, 0};
    });
    Plan plan = closed_plan(6, 2s);
    plan.scenario.graceful_stop = 1s;
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::abandoned), 6U);
    EXPECT_TRUE(run.adds_up());
}

TEST(ClosedModel, ClassesAreSpreadByWeight) {
    Plan plan = closed_plan(8, 1s);
    plan.scenario.classes = {{"A", 3, {}, {make_task("a", "/a")}},
                             {"B", 1, {}, {make_task("b", "/b")}}};
    const EntryTable tasks(plan);
    const auto classes = tasks.classes_of_users(8);
    EXPECT_EQ(std::count(classes.begin(), classes.end(), 0), 6);
    EXPECT_EQ(std::count(classes.begin(), classes.begin() + 4, 1), 1) << "evenly, not in blocks";
}

TEST(ClosedModel, ARefusingTargetIsCountedAndDoesNotHang) {
    ScriptedServer server(answer_after(1ms));
    server.accept = {ECONNREFUSED, 1ms};
    WorkerRun run(closed_plan(3, 2s), server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::connect_error), run.worker->recorder().scheduled_total());
    EXPECT_GT(run.outcome(Outcome::connect_error), 3000U);
    EXPECT_THAT(run.first_message(), ::testing::HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace squadload::engine
