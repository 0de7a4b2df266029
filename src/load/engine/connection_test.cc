#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/engine/sim_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;
using Answer = ScriptedServer::Answer;

Answer reply(std::string bytes) {
    return {1ms, std::move(bytes), false, false, 0};
}
Answer reply_and_close(std::string bytes) {
    return {1ms, std::move(bytes), false, true, 0};
}
Answer reply_and_reset(std::string bytes) {
    return {1ms, std::move(bytes), false, false, ECONNRESET};
}

// Each kind of answer, twenty times over, and the outcome every one of them must get.
TEST(ConnectionOutcomes, EveryAnswerHasItsOutcome) {
    struct Case {
        const char* name;
        Answer answer;
        Outcome outcome;
        const char* message;
    };
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const Case cases[] = {
        {"plain", reply(kOk), Outcome::ok, ""},
        {"chunked", reply(head + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
         Outcome::ok, ""},
        {"until close", reply_and_close(head + "\r\nall of it"), Outcome::ok, ""},
        {"after 1xx", reply("HTTP/1.1 103 Early Hints\r\n\r\n" + kOk), Outcome::ok, ""},
        {"429", reply("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"),
         Outcome::rate_limited, ""},
        {"503", reply("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"),
         Outcome::server_error, "status 503"},
        {"404", reply("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Outcome::client_error,
         "status 404"},
        {"302", reply("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), Outcome::check_failed,
         "status 302"},
        {"closed at once",
         {1ms, "", false, true, 0},
         Outcome::connection_closed,
         "closed before the response"},
        {"reset at once",
         {1ms, "", false, false, ECONNRESET},
         Outcome::connection_closed,
         "reset before the response"},
        {"short body", reply_and_close(head + "Content-Length: 9\r\n\r\nok"),
         Outcome::connection_closed, "middle of the response"},
        {"reset in the body", reply_and_reset(head + "Content-Length: 9\r\n\r\nok"),
         Outcome::connection_closed, "reset in the middle"},
        {"garbage", reply("what is this\r\n\r\n"), Outcome::protocol_error, ""},
        {"longer than it says", reply(head + "Content-Length: 2\r\n\r\nokay"),
         Outcome::protocol_error, "bytes after the end"},
        {"headers without end", reply(head + "X: " + std::string(100'000, 'x')),
         Outcome::protocol_error, ""},
        {"silence",
         {0ns, "", true, false, 0},
         Outcome::timeout,
         "no complete response within 400ms"},
        {"half and silence", reply("HTTP/1.1 200 OK\r\nContent-Le"), Outcome::timeout,
         "no complete response within 400ms"},
    };
    for (const auto& c : cases) {
        ScriptedServer server([&](std::uint64_t, const std::string&) { return c.answer; });
        Plan plan = open_plan(10, 2s);
        plan.scenario.classes[0].tasks[0].timeouts.total = 400ms;
        WorkerRun run(plan, server);
        run.run();
        EXPECT_EQ(run.outcome(c.outcome), 20U) << c.name << ": " << run.first_message();
        EXPECT_TRUE(run.adds_up()) << c.name;
        EXPECT_THAT(run.first_message(), ::testing::HasSubstr(c.message)) << c.name;
        if (c.outcome == Outcome::timeout) {
            EXPECT_EQ(run.all().response_time.min(), 400ms) << c.name;
        }
    }
}

TEST(ConnectionTimeouts, EachPhaseHasItsOwn) {
    {
        ScriptedServer server(answer_after(1ms));
        server.accept = {0, 10s};
        Plan plan = open_plan(10, 1s);
        plan.scenario.classes[0].tasks[0].timeouts = {250ms, 0ns, 2s};
        WorkerRun run(plan, server);
        run.run();
        EXPECT_EQ(run.outcome(Outcome::timeout), 10U);
        EXPECT_EQ(run.first_message(), "no connection within 250ms");
        EXPECT_EQ(run.all().response_time.max(), 250ms);
    }
    {
        ScriptedServer server([](std::uint64_t k, const std::string&) {
            return k % 2 == 0 ? Answer{0ns, "", true, false, 0}
                              : Answer{100ms, kOk, false, false, 0};
        });
        Plan plan = open_plan(10, 1s);
        plan.scenario.classes[0].tasks[0].timeouts = {1s, 150ms, 2s};
        WorkerRun run(plan, server);
        run.run();
        EXPECT_EQ(run.outcome(Outcome::timeout), 5U);
        EXPECT_EQ(run.outcome(Outcome::ok), 5U);
        EXPECT_EQ(run.first_message(), "no first byte within 150ms");
    }
}

TEST(ConnectionReuse, FollowsWhatTheServerSays) {
    ScriptedServer keeps(answer_after(1ms));
    WorkerRun kept(open_plan(10, 2s), keeps);
    kept.run();
    EXPECT_EQ(keeps.connections, 1);
    EXPECT_EQ(kept.all().connect.count(), 1U);

    ScriptedServer closes([](std::uint64_t, const std::string&) {
        return reply("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    });
    WorkerRun closed(open_plan(10, 2s), closes);
    closed.run();
    EXPECT_EQ(closes.connections, 20);
    EXPECT_EQ(closed.outcome(Outcome::ok), 20U);
}

TEST(ConnectionReuse, AnIdleConnectionClosedByTheServerIsReplacedQuietly) {
    ScriptedServer server([](std::uint64_t, const std::string&) { return reply_and_close(kOk); });
    WorkerRun run(open_plan(10, 2s), server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 20U);
    EXPECT_EQ(server.connections, 20);
}

TEST(ConnectionFailures, TheGeneratorsOwnLimitsNameTheirRemedy) {
    for (const auto& [error, words] :
         {std::pair{EMFILE, "ulimit -n"}, std::pair{EADDRNOTAVAIL, "ip_local_port_range"}}) {
        ScriptedServer server(answer_after(1ms));
        WorkerRun run(open_plan(10, 2s), server);
        run.loop->fail_connects(5, error);
        run.run();
        EXPECT_EQ(run.outcome(Outcome::connect_error), 5U);
        EXPECT_EQ(run.outcome(Outcome::ok), 15U) << "the run goes on";
        EXPECT_THAT(run.first_message(), ::testing::HasSubstr(words));
        EXPECT_EQ(run.worker->recorder().own_limit_hits(), 5U);
        EXPECT_THAT(run.worker->recorder().own_limit(), ::testing::HasSubstr(words));
        EXPECT_TRUE(run.adds_up());
    }
}

TEST(ConnectionFailures, ARefusalIsTheTargetsDoing) {
    ScriptedServer server(answer_after(1ms));
    WorkerRun run(open_plan(10, 2s), server);
    run.loop->fail_connects(5, ECONNREFUSED);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::connect_error), 5U);
    EXPECT_EQ(run.worker->recorder().own_limit_hits(), 0U);
}

TEST(ConnectionRequest, IsWellFormed) {
    ScriptedServer server(answer_after(1ms));
    Plan plan = open_plan(10, 100ms);
    plan.origin.authority = "example:81";
    plan.base_path = "/v1";
    auto& task = plan.scenario.classes[0].tasks[0];
    task.method = "POST";
    task.path = scenario::Template::constant("/chat?x=1");
    task.query = {{scenario::Template::constant("y"), scenario::Template::constant("2")}};
    task.headers = {{"content-type", scenario::Template::constant("application/json")},
                    {"user-agent", scenario::Template::constant("mine")}};
    task.body = scenario::Template::constant("{\"a\":1}");
    task.has_body = true;
    WorkerRun run(plan, server);
    run.run();
    ASSERT_EQ(server.requests.size(), 1U);
    EXPECT_EQ(server.requests[0],
              "POST /v1/chat?x=1&y=2 HTTP/1.1\r\nHost: example:81\r\nAccept: */*\r\ncontent-type: "
              "application/json\r\n"
              "user-agent: mine\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST(ConnectionChecks, AnUnmetExpectationIsNotSuccess) {
    ScriptedServer server(answer_after(1ms));
    Plan plan = open_plan(10, 1s);
    plan.scenario.classes[0].tasks[0].expect.body_contains = {"something else"};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::check_failed), 10U);
    ASSERT_FALSE(run.totals.failures.groups().empty());
    EXPECT_EQ(run.totals.failures.groups()[0].example, "ok");
}

TEST(ConnectionOutcomes, ABodyUntilTheEndThatCannotBeDecodedIsAProtocolError) {
    ScriptedServer server([](std::uint64_t, const std::string&) {
        return reply_and_close("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip at all");
    });
    Plan plan = open_plan(10, 1s);
    plan.scenario.classes[0].tasks[0].expect.body_contains = {"x"};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::protocol_error), 10U) << run.first_message();
    EXPECT_TRUE(run.adds_up());
}

TEST(ConnectionHead, HasNoBodyWhateverTheHeadersSay) {
    ScriptedServer server([](std::uint64_t, const std::string&) {
        return reply("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n");
    });
    Plan plan = open_plan(10, 1s);
    plan.scenario.classes[0].tasks[0].method = "HEAD";
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 10U);
    EXPECT_EQ(server.connections, 1);
}

}  // namespace
}  // namespace squadload::engine
