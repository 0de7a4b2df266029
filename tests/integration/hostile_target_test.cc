// Targets that misbehave on real sockets: each has its outcome, memory stays bounded, the run goes
// on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>

#include "integration/engine_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using measure::Outcome;
using test_support::OnAccept;
using test_support::Reply;
using test_support::ServerOptions;
using test_support::TestServer;

class HostileTarget : public LoopTest {};

std::string messages(const engine::Measurements& m) {
    std::string out;
    for (const auto& group : m.failures.groups()) out += group.message + "; ";
    return out;
}

long max_rss_kb() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

TEST_P(HostileTarget, EveryMisbehaviourHasItsOutcome) {
    struct Case {
        const char* name;
        Reply reply;
        Outcome outcome;
    };
    const Case cases[] = {
        {"closes", test_support::closed(), Outcome::connection_closed},
        {"resets", test_support::reset(), Outcome::connection_closed},
        {"never answers", test_support::never(), Outcome::timeout},
        {"garbage", test_support::garbage(1), Outcome::protocol_error},
        {"endless headers", test_support::endless_headers(), Outcome::protocol_error},
        {"endless interim", test_support::endless_interim(), Outcome::protocol_error},
        {"endless chunk extension", test_support::endless_chunk_extension(),
         Outcome::protocol_error},
        {"short body", test_support::short_body(100, 10), Outcome::connection_closed},
        {"stalls in the body", test_support::wrong_length(100, 10), Outcome::timeout},
        {"sends too much", test_support::wrong_length(10, 100), Outcome::protocol_error},
        {"endless body", test_support::endless_body(), Outcome::protocol_error},
        {"10 GB body", test_support::endless_body(10'000'000'000), Outcome::protocol_error},
        {"dribbles", test_support::dribbled(test_support::ok(), 100us), Outcome::ok},
        {"until close", test_support::until_close("all of it"), Outcome::ok},
        {"chunked", test_support::chunked({"a", "bc"}, "X-Trailer: 1\r\n"), Outcome::ok},
    };
    for (const auto& c : cases) {
        TestServer server([&](const test_support::Request&) { return c.reply; });
        engine::Plan plan = open_plan(server, 100, 100ms);
        plan.scenario.classes[0].tasks[0].timeouts.total = 1500ms;
        plan.scenario.target.limits.body_bytes = 20'000'000;
        const long before = max_rss_kb();
        const auto m = run(plan, GetParam());
        EXPECT_EQ(all(m).outcomes[c.outcome], 10U) << c.name << ": " << messages(m);
        EXPECT_EQ(m.scheduled, 10U) << c.name;
        EXPECT_LT(max_rss_kb() - before, 64 * 1024) << c.name;
    }
}

TEST_P(HostileTarget, AcceptingWithoutServing) {
    for (const auto& [what, outcome] : {std::pair{OnAccept::ignore, Outcome::timeout},
                                        std::pair{OnAccept::close, Outcome::connection_closed},
                                        std::pair{OnAccept::reset, Outcome::connection_closed}}) {
        ServerOptions options;
        options.on_accept = [reaction = what](std::uint64_t) { return reaction; };
        TestServer server(options);
        engine::Plan plan = open_plan(server, 100, 100ms);
        plan.scenario.classes[0].tasks[0].timeouts.total = 1s;
        const auto m = run(plan, GetParam());
        auto counted = all(m).outcomes[outcome];
        // A reset may be there before the loop has seen that the connect went through.
        if (what == OnAccept::reset) counted += all(m).outcomes[Outcome::connect_error];
        EXPECT_EQ(counted, 10U) << static_cast<int>(what) << ": " << messages(m);
    }
}

TEST_P(HostileTarget, ATargetThatDiesMidRunIsCountedAndTheRunGoesOn) {
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

TEST_P(HostileTarget, IdleConnectionsClosedByTheServerCostNothing) {
    TestServer server([](const test_support::Request&) {
        return test_support::closed_when_idle(test_support::ok(), 5ms);
    });
    const auto m = run(open_plan(server, 20, 1s), GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 20U) << messages(m);
    EXPECT_GE(server.connections(), 10U);
}

TEST_P(HostileTarget, LargeAnswersAreReadWholeAndChecked) {
    const std::string body(3'000'000, 'x');
    TestServer server([&](const test_support::Request&) { return test_support::ok(body + "end"); });
    engine::Plan plan = open_plan(server, 20, 500ms);
    plan.scenario.classes[0].tasks[0].expect.body_contains = {"xend"};
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << messages(m);
    EXPECT_GT(all(m).bytes_received, 10U * body.size());
}

TEST_P(HostileTarget, SpeaksIpv6) {
    ServerOptions options;
    options.ipv6 = true;
    TestServer server(options);
    const auto m = run(open_plan(server, 50, 200ms), GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << messages(m);
}

TEST_P(HostileTarget, LargeRequestsAreSentWhole) {
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

INSTANTIATE_TEST_SUITE_P(Loops, HostileTarget, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
