#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/engine/flow_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A step after another, without anything around them.
std::string steps_only(const std::string& steps, const std::string& more = "wait_time: 1s") {
    return "  U:\n    " + more + "\n    tasks: {t: {steps: [" + steps + "]}}\n";
}

ScriptedServer::Script trusting_nobody(TokenService& service, Nanos after = 20ms) {
    return [&service, after](std::uint64_t, const std::string& text) {
        return text_answer(TokenService::text(service.answer(text)), after);
    };
}

struct Shape {
    bool shared;
    std::uint32_t workers;
};
class ClosedFlowOf : public ::testing::TestWithParam<Shape> {};

TEST_P(ClosedFlowOf, ValuesNeverCrossUsers) {
    // The workers are one after the other here, so the service sees each user's requests in order.
    TokenService service;
    std::uint64_t chats = 0, iterations = 0, logins = 0, logouts = 0;
    for (std::uint32_t w = 0; w < GetParam().workers; ++w) {
        ScriptedServer server(trusting_nobody(service));
        Plan plan = flow_plan("users: 20, duration: 10", kMembers);
        if (GetParam().shared) {
            plan.scenario.target.connections = {scenario::ConnectionMode::shared, 6};
        }
        WorkerRun run(plan, server, {w, GetParam().workers});
        run.run();
        EXPECT_TRUE(run.adds_up());
        EXPECT_EQ(run.outcome(Outcome::ok), run.worker->recorder().scheduled_total())
            << run.first_message();
        logins += requests_of(run, "on_start.login").outcomes.ok();
        chats += requests_of(run, "conversation.ask").outcomes.ok();
        logouts += requests_of(run, "on_stop.logout").outcomes.ok();
        iterations += iterations_of(run, "conversation").ok;
        EXPECT_EQ(run.all().generator_lag.max(), 0ns);
    }
    EXPECT_EQ(service.wrong(), 0U);
    EXPECT_EQ(logins, 20U);
    EXPECT_EQ(logouts, 20U);
    EXPECT_EQ(service.logins, logins);
    EXPECT_EQ(service.chats, chats);
    EXPECT_EQ(service.logouts, logouts);
    EXPECT_EQ(service.open_sessions(), 0U);
    EXPECT_GT(iterations, 150U);
}
INSTANTIATE_TEST_SUITE_P(Shapes, ClosedFlowOf,
                         ::testing::Values(Shape{false, 1}, Shape{false, 3}, Shape{true, 1},
                                           Shape{true, 2}));

TEST(ClosedFlow, TheSameSeedSendsTheSameBytesForAnyNumberOfWorkers) {
    const auto bytes = [](std::uint32_t workers) {
        std::multiset<std::string> out;
        for (std::uint32_t w = 0; w < workers; ++w) {
            ScriptedServer server(answer_after(30ms));
            Plan plan = flow_plan("users: 6, duration: 5", R"yaml(
  U:
    wait_time: between(0.1, 0.3)
    on_start: ["GET /in?u={{ user() }}&s={{ seq() }}&r={{ uuid() }}"]
    tasks:
      a:
        steps:
          - {name: x, path: "/a?{{ seq() }}", think: "between(0.01, 0.2)", repeat: 3}
          - GET /b?{{ random_int(1, 1000000) }}
      b: GET /c?{{ seq() }}.{{ user() }}.{{ uuid() }}
    on_stop: ["GET /out?{{ seq() }}.{{ uuid() }}"]
)yaml");
            WorkerRun run(plan, server, {w, workers});
            run.run();
            EXPECT_TRUE(run.adds_up());
            out.insert(server.requests.begin(), server.requests.end());
        }
        return out;
    };
    const auto alone = bytes(1);
    EXPECT_GT(alone.size(), 150U);
    EXPECT_EQ(bytes(2), alone);
    EXPECT_EQ(bytes(5), alone);
}

TEST(ClosedFlow, ThinkingIsBetweenRequestsAndTheWaitBetweenIterations) {
    ScriptedServer server(answer_after(100ms));
    // 0.1 + 2 + 0.1 s, then 3 s: iterations begin at 0, 5.2, 10.4 …
    WorkerRun run(flow_plan("users: 1, duration: 20",
                            steps_only("{name: a, path: /a, think: 2s}, {name: b, path: /b, "
                                       "think: 9s}",
                                       "wait_time: 3s")),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::ok), 8U);
    const auto& iterations = iterations_of(run, "t");
    EXPECT_EQ(iterations.ok, 4U);
    EXPECT_EQ(iterations.time.min(), 2200ms);
    EXPECT_EQ(iterations.time.max(), 2200ms);
    EXPECT_EQ(run.all().response_time.max(), 100ms) << "thinking is nobody's response time";
}

TEST(ClosedFlow, PacingCountsFromTheBeginningOfAnIteration) {
    ScriptedServer server(answer_after(100ms));
    WorkerRun run(flow_plan("users: 1, duration: 10",
                            steps_only("{name: a, path: /a, think: 500ms, repeat: 2}",
                                       "wait_time: constant_pacing(1)")),
                  server);
    run.run();
    EXPECT_EQ(iterations_of(run, "t").ok, 10U);
}

TEST(ClosedFlow, AStepThatIsHeldUpIsLag) {
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        if (k == 1) loop->stall(3s);
        return status_answer(200, "{}", 1ms);
    });
    // The other user's request holds the worker while the first one thinks for a second.
    Plan plan = flow_plan(
        "users: 2, duration: 10",
        steps_only("{name: a, path: /a, think: 1s}, {name: b, path: /b}", "wait_time: 60s"));
    plan.scenario.spawn_rate = 2;
    WorkerRun run(plan, server);
    loop = run.loop.get();
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::ok), 4U);
    EXPECT_NEAR(to_ms(requests_of(run, "t.b").generator_lag.max()), 2499, 2);
    EXPECT_EQ(requests_of(run, "t.b").blocked.max(), 0ns);
}

TEST(ClosedFlow, WhatIsNotOkEndsTheIterationAndSaysWhere) {
    std::uint64_t k = 0;
    ScriptedServer server([&](std::uint64_t, const std::string& text) {
        if (line_of(text) == "GET /a") return status_answer(200);
        return status_answer(k++ % 2 == 0 ? 503 : 429);
    });
    WorkerRun run(flow_plan("users: 1, duration: 9.5", steps_only("GET /a, GET /b, GET /c")),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(requests_of(run, "t.b").outcomes.requests(), 10U);
    EXPECT_EQ(requests_of(run, "t.c").outcomes.requests(), 0U);
    const auto& iterations = iterations_of(run, "t");
    EXPECT_EQ(iterations.failed, 10U);
    EXPECT_EQ(iterations.ok, 0U);
    using Reason = measure::IterationStats::Reason;
    EXPECT_THAT(iterations.reasons,
                ElementsAre(Reason{"at b: server_error", 5}, Reason{"at b: rate_limited", 5}));
}

TEST(ClosedFlow, AMissingValueIsAFailedCheckAndSetsNothing) {
    ScriptedServer server([](std::uint64_t k, const std::string&) {
        return status_answer(200, k == 0 ? R"({"a": "one", "b": "two"})" : R"({"a": "new"})");
    });
    WorkerRun run(
        flow_plan("users: 1, duration: 1.5",
                  steps_only("{name: get, path: '/get', extract: {a: {json: /a}, b: {json: /b}}}, "
                             "'GET /use/{{ var(a) }}.{{ var(b) }}'")),
        server);
    run.run();
    EXPECT_THAT(lines_of(server), ElementsAre("GET /get", "GET /use/one.two", "GET /get"));
    EXPECT_EQ(run.outcome(Outcome::check_failed), 1U);
    EXPECT_EQ(run.first_message(), "extract b: json /b missing");
}

TEST(ClosedFlow, NothingIsExtractedFromAResponseThatIsNotOk) {
    ScriptedServer server([](std::uint64_t k, const std::string&) {
        return status_answer(k == 0 ? 200 : 500, R"({"a": ")" + std::to_string(k) + R"("})");
    });
    WorkerRun run(flow_plan("users: 1, duration: 2.5", R"yaml(
  U:
    wait_time: 1s
    tasks:
      t:
        steps:
          - {name: get, path: /get, when: "!a", extract: {a: {json: /a}}}
          - GET /use/{{ var(a) }}
)yaml"),
                  server);
    run.run();
    EXPECT_THAT(lines_of(server),
                ElementsAre("GET /get", "GET /use/0", "GET /use/0", "GET /use/0"));
}

constexpr std::string_view kTwoTasks = R"yaml(
  U:
    wait_time: none
    tasks:
      set: {weight: 0, steps: [{name: get, path: /get, extract: {x: {json: /x}}}]}
      use: {steps: [GET /first, "GET /use/{{ var(x) }}"]}
)yaml";

TEST(ClosedFlow, ARequestThatLacksAVariableIsNeverSent) {
    ScriptedServer server(answer_after(0ms));
    Plan plan = flow_plan("users: 1, duration: 3.5", kTwoTasks);
    plan.scenario.classes[0].wait = {pacing::WaitTime::Kind::constant, 1s, {}, 0};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_THAT(lines_of(server),
                ElementsAre("GET /first", "GET /first", "GET /first", "GET /first"));
    using Reason = measure::IterationStats::Reason;
    EXPECT_EQ(iterations_of(run, "use").failed, 4U);
    EXPECT_THAT(iterations_of(run, "use").reasons,
                ElementsAre(Reason{"before use: x is not set", 4}));
}

TEST(ClosedFlow, AnIterationThatSendsNothingIsFollowedByASecond) {
    ScriptedServer server(answer_after(0ms));
    Plan plan = flow_plan("users: 1, duration: 9.5", kTwoTasks);
    plan.scenario.classes[0].tasks[1].steps.erase(plan.scenario.classes[0].tasks[1].steps.begin());
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(server.requests.empty());
    EXPECT_EQ(iterations_of(run, "use").failed, 10U);
    EXPECT_EQ(iterations_of(run, "use").time.count(), 0U) << "there is no time to speak of";
}

constexpr std::string_view kLogin = R"yaml(
  U:
    wait_time: 300ms
    cookies: true
    on_start:
      - {name: hello, path: /hello, extract: {nonce: {json: /nonce}}}
      - {name: login, path: "/login", extract: {token: {json: /token}}}
    tasks: {t: {steps: ["GET /t/{{ var(token) }}"]}}
    on_stop: [GET /bye]
)yaml";

TEST(ClosedFlow, OnStartIsTriedAgainFromACleanSlateUntilItSucceeds) {
    std::uint64_t k = 0;
    ScriptedServer server([&](std::uint64_t, const std::string& text) {
        const std::string line = line_of(text);
        if (line == "GET /hello")
            return status_answer(200, R"({"nonce": "n"})", 0ms, "Set-Cookie: c=1\r\n");
        if (line == "GET /login" && k++ < 2) return status_answer(500);
        return status_answer(200, R"({"token": "T"})");
    });
    WorkerRun run(flow_plan("users: 1, duration: 2.1", kLogin), server);
    run.run();
    EXPECT_THAT(lines_of(server),
                ElementsAre("GET /hello", "GET /login", "GET /hello", "GET /login", "GET /hello",
                            "GET /login", "GET /t/T", "GET /bye"));
    for (const auto& request : server.requests) {
        const bool first = line_of(request) == "GET /hello";
        EXPECT_EQ(request.find("Cookie: c=1\r\n") == std::string::npos, first) << request;
    }
    EXPECT_EQ(iterations_of(run, "t").ok, 1U) << "a second after each failure, at least";
    EXPECT_TRUE(run.adds_up());
}

TEST(ClosedFlow, WhoNeverCameInDoesNotSayGoodbye) {
    ScriptedServer server([](std::uint64_t, const std::string&) { return status_answer(500); });
    WorkerRun run(flow_plan("users: 2, duration: 3.5", kLogin), server);
    run.run();
    EXPECT_EQ(server.requests.size(), 8U);
    for (const auto& line : lines_of(server)) EXPECT_EQ(line, "GET /hello");
    EXPECT_EQ(iterations_of(run, "t").started(), 0U);
    EXPECT_TRUE(run.adds_up());
    EXPECT_LT(run.series.size(), 6U) << "nothing to wait for after the end";
}

TEST(ClosedFlow, TheEndCutsIterationsOffAndSaysGoodbyeOnce) {
    ScriptedServer server(answer_after(400ms));
    Plan plan = flow_plan("users: 3, duration: 5", R"yaml(
  U:
    wait_time: 10s
    tasks: {t: {steps: [{name: a, path: /a, think: 1s, repeat: 10}]}}
    on_stop: [{name: one, path: /one, think: 500ms}, GET /two]
)yaml");
    plan.scenario.spawn_rate = 1.25;  // at 0, 0.8 and 1.6 s: one in flight at the end, two thinking
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::ok), run.worker->recorder().scheduled_total());
    const auto& iterations = iterations_of(run, "t");
    EXPECT_EQ(iterations.cut_off, 3U);
    EXPECT_EQ(iterations.started(), 3U);
    EXPECT_EQ(iterations.time.count(), 0U);
    EXPECT_EQ(requests_of(run, "on_stop.one").outcomes.ok(), 3U);
    EXPECT_EQ(requests_of(run, "on_stop.two").outcomes.ok(), 3U);
    EXPECT_EQ(run.outcome(Outcome::unsent), 0U);
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
}

TEST(ClosedFlow, ManyFarewellsAreNotLate) {
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t, const std::string&) {
        loop->stall(100us);  // what one request costs us
        return status_answer(200, "{}", 1ms);
    });
    WorkerRun run(flow_plan("users: 500, spawn_rate: 200, duration: 5", R"yaml(
  U: {wait_time: 60s, tasks: {t: {steps: [GET /a]}}, on_stop: [GET /out]}
)yaml"),
                  server);
    loop = run.loop.get();
    run.run();
    EXPECT_TRUE(run.adds_up());
    const auto& out = requests_of(run, "on_stop.out");
    EXPECT_EQ(out.outcomes.ok(), 500U);
    EXPECT_LT(to_ms(out.generator_lag.max()), 1) << "no schedule asked for all of them at once";
    EXPECT_LT(to_ms(out.service_time.max()), 10) << "answers are read in between";
}

TEST(ClosedFlow, WithoutGracefulStopNobodySaysGoodbye) {
    ScriptedServer server(answer_after(10ms));
    Plan plan = flow_plan("users: 3, duration: 2, graceful_stop: 0", kMembers);
    TokenService service;
    ScriptedServer members(trusting_nobody(service, 10ms));
    WorkerRun run(plan, members);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(service.logouts, 0U);
    EXPECT_GT(service.chats, 10U);
}

TEST(ClosedFlow, AStopInTheMiddleAwaitsWhatIsInFlightThenSaysGoodbye) {
    for (const bool shared : {false, true}) {
        TokenService service;
        ScriptedServer server(trusting_nobody(service, 300ms));
        Plan plan = flow_plan("users: 12, duration: 60", kMembers);
        if (shared) plan.scenario.target.connections = {scenario::ConnectionMode::shared, 5};
        WorkerRun run(plan, server);
        run.on_second = [&](const measure::SeriesPoint& p) {
            if (p.second == 4) run.stop_switch.stop(StopReason::interrupted);
        };
        run.run();
        EXPECT_TRUE(run.adds_up());
        EXPECT_EQ(service.wrong(), 0U);
        EXPECT_EQ(service.logins, 12U);
        EXPECT_EQ(service.logouts, 12U) << "also those who waited for a connection";
        EXPECT_EQ(run.outcome(Outcome::abandoned), 0U);
        EXPECT_EQ(run.outcome(Outcome::unsent), shared ? 7U : 0U);
        EXPECT_GT(iterations_of(run, "conversation").cut_off, 5U);
        EXPECT_EQ(iterations_of(run, "conversation").failed, 0U);
    }
}

TEST(ClosedFlow, GivingUpEndsEverybodyWhereTheyAre) {
    // Everything answers but the end of the conversation and the logout of some.
    std::uint64_t logouts = 0;
    ScriptedServer server([&](std::uint64_t, const std::string& text) {
        const std::string line = line_of(text);
        auto answer = status_answer(200, "{}", 10ms);
        answer.silent = line == "GET /slow" || (line == "GET /bye" && logouts++ % 2 == 0);
        return answer;
    });
    Plan plan = flow_plan("users: 8, duration: 2, graceful_stop: 1", R"yaml(
  Slow: {wait_time: 1s, tasks: {s: {steps: [GET /a, GET /slow]}}, on_stop: [GET /never]}
  Bye: {wait_time: 1s, tasks: {b: {steps: [GET /b]}}, on_stop: [GET /bye, GET /last]}
)yaml");
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(requests_of(run, "s.slow").outcomes[Outcome::abandoned], 4U);
    EXPECT_EQ(iterations_of(run, "s").cut_off, 4U) << "the run's end, not the target's failure";
    EXPECT_EQ(requests_of(run, "on_stop.bye").outcomes[Outcome::abandoned], 2U);
    EXPECT_EQ(requests_of(run, "on_stop.last").outcomes.ok(), 2U);
    EXPECT_EQ(requests_of(run, "on_stop.never").outcomes.scheduled(), 0U);
}

TEST(ClosedFlow, ABudgetOfRequestsIsExactAndEndsIterations) {
    std::uint64_t sum = 0, cut = 0;
    for (std::uint32_t w = 0; w < 2; ++w) {
        TokenService service;
        ScriptedServer server(trusting_nobody(service, 5ms));
        WorkerRun run(flow_plan("users: 4, requests: 101", kMembers), server, {w, 2});
        run.run();
        EXPECT_TRUE(run.adds_up());
        EXPECT_EQ(service.wrong(), 0U);
        EXPECT_EQ(service.logouts, 2U);
        sum += service.logins + service.chats;
        cut += iterations_of(run, "conversation").cut_off;
    }
    EXPECT_EQ(sum, 101U);
    EXPECT_GT(cut, 0U);
}

TEST(ClosedFlow, IterationsThatSendNothingUseUpTheRequests) {
    ScriptedServer server(answer_after(1ms));
    WorkerRun run(flow_plan("users: 2, requests: 5", R"yaml(
  U:
    tasks:
      t:
        steps:
          - {name: a, path: /a, when: x}
          - {name: b, path: /b, when: x, extract: {x: {json: /x}}}
)yaml"),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_TRUE(server.requests.empty());
}

TEST(ClosedFlow, CookiesOfFailedResponsesCountAndOwnOnesComeFirst) {
    ScriptedServer server([](std::uint64_t k, const std::string&) {
        return status_answer(k == 0 ? 500 : 200, "{}", 0ms,
                             "Set-Cookie: a=" + std::to_string(k) + "\r\nSet-Cookie: b=x\r\n");
    });
    WorkerRun run(flow_plan("users: 1, duration: 1.5", R"yaml(
  U:
    wait_time: 1s
    cookies: true
    tasks: {t: {steps: [{name: a, path: /a, headers: {Cookie: "own={{ user() }}"}}, GET /b]}}
)yaml"),
                  server);
    run.run();
    ASSERT_EQ(server.requests.size(), 3U);
    EXPECT_THAT(server.requests[0], HasSubstr("\r\nCookie: own=0\r\n"));
    EXPECT_THAT(server.requests[1], HasSubstr("\r\nCookie: own=0; a=0; b=x\r\n"));
    EXPECT_THAT(server.requests[2], HasSubstr("\r\nCookie: a=1; b=x\r\n"));
}

TEST(ClosedFlow, CookiesSetByARedirectAreSentToWhereItLeads) {
    ScriptedServer server([](std::uint64_t, const std::string& text) {
        if (line_of(text) != "GET /in") return status_answer(200);
        return status_answer(302, "", 0ms, "Location: /home\r\nSet-Cookie: s=1\r\n");
    });
    Plan plan = flow_plan("users: 1, duration: 0.5", R"yaml(
  U:
    wait_time: 1s
    cookies: true
    tasks: {t: {steps: [{name: in, path: /in, headers: {Cookie: own=1}}, GET /out]}}
)yaml");
    plan.scenario.target.redirects.max = 3;
    WorkerRun run(plan, server);
    run.run();
    ASSERT_THAT(lines_of(server), ElementsAre("GET /in", "GET /home", "GET /out"));
    EXPECT_THAT(server.requests[0], HasSubstr("\r\nCookie: own=1\r\n"));
    EXPECT_THAT(server.requests[1], HasSubstr("\r\nCookie: own=1; s=1\r\n"));
    EXPECT_THAT(server.requests[2], HasSubstr("\r\nCookie: s=1\r\n"));
    EXPECT_EQ(iterations_of(run, "t").ok, 1U);
}

// The request grows while its cookies are written into it.
TEST(ClosedFlow, LongCookiesAreAllSent) {
    std::string set, wanted = "\r\nCookie: ";
    for (const char name : {'a', 'b', 'c'}) {
        const std::string cookie = std::string(1, name) + "=" + std::string(3000, name);
        set += "Set-Cookie: " + cookie + "; Path=/in\r\n";
        wanted += cookie + (name == 'c' ? "\r\n" : "; ");
    }
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        return status_answer(200, "{}", 1ms, k == 0 ? set : "");
    });
    WorkerRun run(flow_plan("users: 1, duration: 1", steps_only("GET /in/a, GET /in/b, GET /out")),
                  server);
    run.run();
    ASSERT_GE(server.requests.size(), 3U);
    EXPECT_THAT(server.requests[1], HasSubstr(wanted));
    EXPECT_THAT(server.requests[2], Not(HasSubstr("Cookie")));
}

TEST(ClosedFlow, CookiesThroughAProxy) {
    ScriptedServer server([](std::uint64_t k, const std::string&) {
        return status_answer(200, "{}", 1ms,
                             k == 0 ? "Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n" : "");
    });
    Plan plan = flow_plan("users: 1, duration: 1", steps_only("GET /in/a, GET /in/b, GET /out"));
    plan.origin.absolute_form = "http://target";
    WorkerRun run(plan, server);
    run.run();
    ASSERT_GE(server.requests.size(), 3U);
    EXPECT_EQ(line_of(server.requests[1]), "GET http://target/in/b");
    EXPECT_THAT(server.requests[1], HasSubstr("\r\nCookie: a=1; b=2\r\n"));
    EXPECT_THAT(server.requests[2], HasSubstr("\r\nCookie: b=2\r\n"));
}

TEST(ClosedFlow, PlainClassesGoOnBesideFlows) {
    TokenService service;
    ScriptedServer server([&](std::uint64_t k, const std::string& text) {
        if (line_of(text) == "GET /health") return status_answer(200, "{}", 1ms);
        return trusting_nobody(service)(k, text);
    });
    Plan plan = flow_plan(
        "users: 10, duration: 5",
        std::string(kMembers) + "  Probe: {wait_time: 100ms, tasks: {health: GET /health}}\n");
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(service.wrong(), 0U);
    EXPECT_EQ(service.logouts, 5U);
    EXPECT_NEAR(static_cast<double>(requests_of(run, "health").outcomes.ok()), 5 * 5000 / 101, 6);
    EXPECT_EQ(iterations_of(run, "health").started(), 0U) << "its requests say it all";
}

}  // namespace
}  // namespace squadload::engine
