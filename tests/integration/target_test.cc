// Targets on real sockets that die, close, or answer at length. Misbehaviours one by one are in the
// hostile tests beside this.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "integration/engine_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using measure::Outcome;
using test_support::ServerOptions;
using test_support::TestServer;

class RealTarget : public LoopTest {};

std::string messages(const engine::Measurements& m) {
    std::string out;
    for (const auto& group : m.failures.groups()) out += group.message + "; ";
    return out;
}

TEST_P(RealTarget, ATargetThatDiesMidRunIsCountedAndTheRunGoesOn) {
    TestServer server;
    engine::StopSwitch stop;
    const auto m =
        run(open_plan(server, 200, 3s), GetParam(), stop, [&](const engine::Progress& p) {
            if (p.point.second == 0) server.die();
        });
    EXPECT_EQ(m.scheduled, 600U);
    EXPECT_EQ(m.sent, 600U);
    EXPECT_GT(all(m).outcomes.ok(), 100U);
    EXPECT_GT(all(m).outcomes[Outcome::connect_error], 100U);
    EXPECT_THAT(messages(m), ::testing::HasSubstr("Connection refused"));
}

TEST_P(RealTarget, IdleConnectionsClosedByTheServerCostNothing) {
    TestServer server([](const test_support::Request&) {
        return test_support::closed_when_idle(test_support::ok(), 5ms);
    });
    const auto m = run(open_plan(server, 20, 1s), GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 20U) << messages(m);
    EXPECT_GE(server.connections(), 10U);
}

TEST_P(RealTarget, LargeAnswersAreReadWholeAndChecked) {
    const std::string body(3'000'000, 'x');
    TestServer server([&](const test_support::Request&) { return test_support::ok(body + "end"); });
    engine::Plan plan = open_plan(server, 20, 500ms);
    plan.scenario.classes[0].tasks[0].expect.body_contains = {"xend"};
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << messages(m);
    EXPECT_GT(all(m).bytes_received, 10U * body.size());
}

TEST_P(RealTarget, SpeaksIpv6) {
    ServerOptions options;
    options.ipv6 = true;
    TestServer server(options);
    const auto m = run(open_plan(server, 50, 200ms), GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << messages(m);
}

TEST_P(RealTarget, LargeRequestsAreSentWhole) {
    std::atomic<std::size_t> received{0};
    TestServer server([&](const test_support::Request& request) {
        received += request.body.size();
        return test_support::ok();
    });
    engine::Plan plan = open_plan(server, 20, 250ms);
    auto& task = plan.scenario.classes[0].tasks[0];
    task.method = "POST";
    task.has_body = true;
    task.body = scenario::Template::constant(std::string(5'000'000, 'b'));
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 5U) << messages(m);
    EXPECT_EQ(received.load(), 25'000'000U);
}

INSTANTIATE_TEST_SUITE_P(Loops, RealTarget, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
