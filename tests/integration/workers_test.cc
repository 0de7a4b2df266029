// Several workers on real loops: one schedule, nothing lost, nothing twice.
#include <gtest/gtest.h>

#include "integration/engine_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using measure::Outcome;

class Workers : public LoopTest {};

TEST_P(Workers, ConstantRateIsExactForAnyNumber) {
    for (const std::uint32_t workers : {1U, 3U}) {
        test_support::TestServer server;
        engine::Plan plan = open_plan(server, 500, 2s);
        plan.scenario.workers = workers;
        const auto m = run(plan, GetParam());
        server.settle();
        EXPECT_EQ(m.scheduled, 1000U);
        EXPECT_EQ(all(m).outcomes.ok(), 1000U);
        EXPECT_EQ(server.requests(), 1000U);
        std::uint64_t in_series = 0;
        for (const auto& point : m.series) in_series += point.scheduled;
        EXPECT_EQ(in_series, 1000U);
    }
}

TEST_P(Workers, ClosedModelKeepsEachUsersConnection) {
    test_support::TestServer server;
    engine::Plan plan = plan_for(server);
    plan.scenario.model = scenario::Model::closed;
    plan.scenario.users = 12;
    plan.scenario.duration = 1h;
    plan.scenario.requests = 2000;
    plan.scenario.workers = 3;
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 2000U);
    EXPECT_EQ(server.connections(), 12U);
    EXPECT_EQ(m.connections_opened, 12U);
}

TEST_P(Workers, AStopEndsAllOfThem) {
    test_support::TestServer server(
        [](const test_support::Request&) { return test_support::never(); });
    engine::Plan plan = open_plan(server, 100, 1h);
    plan.scenario.workers = 3;
    plan.scenario.graceful_stop = 200ms;
    engine::StopSwitch stop;
    const auto m = run(plan, GetParam(), stop,
                       [&](const engine::Progress&) { stop.stop(engine::StopReason::fail_fast); });
    EXPECT_EQ(m.stop_reason, engine::StopReason::fail_fast);
    EXPECT_GT(all(m).outcomes[Outcome::abandoned], 90U);
    EXPECT_LT(m.duration, 5s);
}

INSTANTIATE_TEST_SUITE_P(Loops, Workers, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
