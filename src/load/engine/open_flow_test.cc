#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/engine/flow_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ScriptedServer::Script answered_by(TokenService& service, Nanos after) {
    return [&service, after](std::uint64_t, const std::string& text) {
        return text_answer(TokenService::text(service.answer(text)), after);
    };
}

TEST(OpenFlow, TheRateIsThatOfIterations) {
    TokenService service;
    ScriptedServer server(answered_by(service, 10ms));
    WorkerRun run(flow_plan("users: 100, rate: 20, duration: 30", kMembers), server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(service.wrong(), 0U);
    EXPECT_EQ(run.totals.arrivals, 600U);
    EXPECT_EQ(run.worker->recorder().arrivals_total(), 600U);
    EXPECT_EQ(run.worker->recorder().arrivals_started_total(), 600U);
    const auto& iterations = iterations_of(run, "conversation");
    EXPECT_EQ(iterations.ok + iterations.cut_off, 600U);
    EXPECT_LE(iterations.cut_off, 3U);
    EXPECT_EQ(service.logins, service.logouts);
    EXPECT_EQ(service.open_sessions(), 0U);
    EXPECT_LE(service.logins, 4U) << "light load needs few users, and each logs in once";
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
}

TEST(OpenFlow, LoggingInIsBlockedTimeOfTheIterationThatWaitedForIt) {
    ScriptedServer server([](std::uint64_t, const std::string& text) {
        return status_answer(200, "{}", line_of(text) == "GET /in" ? 700ms : 10ms);
    });
    WorkerRun run(flow_plan("users: 10, rate: 1, duration: 10", R"yaml(
  U: {on_start: [GET /in], tasks: {t: {steps: [GET /a, GET /b]}}}
)yaml"),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(requests_of(run, "on_start.in").outcomes.ok(), 1U);
    const auto& first = requests_of(run, "t.a");
    EXPECT_EQ(first.blocked.max(), 700ms);
    EXPECT_EQ(first.response_time.max(), 710ms);
    EXPECT_EQ(first.blocked.percentile(0.5), 0ns);
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
    EXPECT_EQ(iterations_of(run, "t").time.max(), 720ms) << "from when it was due";
    EXPECT_EQ(iterations_of(run, "t").time.min(), 20ms);
}

TEST(OpenFlow, OurOwnLatenessInOnStartStaysOurs) {
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        if (k == 0) loop->stall(2s);  // while others are due and want to log in
        return status_answer(200, "{}", 100ms);
    });
    WorkerRun run(flow_plan("users: 10, rate: 1, duration: 5", R"yaml(
  U: {on_start: [GET /in], tasks: {t: {steps: [GET /a]}}}
)yaml"),
                  server);
    loop = run.loop.get();
    run.run();
    EXPECT_TRUE(run.adds_up());
    const auto& a = requests_of(run, "t.a");
    EXPECT_NEAR(to_ms(a.generator_lag.max()), 1000, 1) << "due at 1 s, held until 2 s";
    EXPECT_EQ(a.response_time.sum_ns(),
              a.service_time.sum_ns() + a.blocked.sum_ns() + a.generator_lag.sum_ns());
}

TEST(OpenFlow, AThinkingUserKeepsItsSlotButIsNotInFlight) {
    ScriptedServer server(answer_after(10ms));
    WorkerRun run(flow_plan("users: 5, rate: 10, duration: 10", R"yaml(
  U: {tasks: {t: {steps: [{name: a, path: /a, think: 2s}, GET /b]}}}
)yaml"),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.series[4].users, 5U);
    EXPECT_EQ(run.series[4].in_flight, 0U);
    EXPECT_GT(run.series[4].backlog, 30U) << "5 users serve 2.5 iterations/s of 10";
    EXPECT_GT(to_ms(requests_of(run, "t.a").blocked.percentile(0.5)), 2000);
    EXPECT_EQ(requests_of(run, "t.b").blocked.max(), 0ns) << "its user is there";
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
}

TEST(OpenFlow, TheEndCutsOffWhoeverThinks) {
    ScriptedServer server(answer_after(100ms));
    WorkerRun run(flow_plan("users: 50, rate: 2, duration: 5", R"yaml(
  U:
    on_start: [GET /in]
    tasks: {t: {steps: [{name: a, path: /a, think: 30s}, GET /b]}}
    on_stop: [{name: out, path: /out, think: 1s}, GET /gone]
)yaml"),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(iterations_of(run, "t").cut_off, 10U);
    EXPECT_EQ(iterations_of(run, "t").started(), 10U);
    EXPECT_EQ(requests_of(run, "t.b").outcomes.scheduled(), 0U);
    EXPECT_EQ(requests_of(run, "on_start.in").outcomes.ok(), 10U);
    EXPECT_EQ(requests_of(run, "on_stop.gone").outcomes.ok(), 10U);
    EXPECT_EQ(run.outcome(Outcome::unsent), 0U);
    EXPECT_EQ(run.series.size(), 7U) << "the schedule, and a second of farewell";
}

TEST(OpenFlow, ManyFarewellsAreNotLate) {
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t, const std::string&) {
        loop->stall(100us);  // what one request costs us
        return status_answer(200, "{}", 1ms);
    });
    WorkerRun run(flow_plan("users: 1000, rate: 100, duration: 5", R"yaml(
  U: {tasks: {t: {steps: [{name: a, path: /a, think: 60s}, GET /b]}}, on_stop: [GET /out]}
)yaml"),
                  server);
    loop = run.loop.get();
    run.run();
    EXPECT_TRUE(run.adds_up());
    const auto& out = requests_of(run, "on_stop.out");
    EXPECT_EQ(out.outcomes.ok(), 500U);
    EXPECT_LT(to_ms(out.generator_lag.max()), 1);
    EXPECT_LT(to_ms(out.service_time.max()), 10) << "answers are read in between";
}

TEST(OpenFlow, WhatWasDueAtTheEndStillStarts) {
    ScriptedServer server(answer_after(200ms));
    WorkerRun run(flow_plan("users: 2, rate: 20, duration: 2", R"yaml(
  U: {tasks: {t: {steps: [GET /a, GET /b]}}, on_stop: [GET /out]}
)yaml"),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(requests_of(run, "t.a").outcomes.ok(), 40U) << "graceful_stop drains the backlog";
    EXPECT_EQ(iterations_of(run, "t").started(), 40U);
    EXPECT_GT(iterations_of(run, "t").cut_off, 25U) << "but it goes no further";
    EXPECT_EQ(requests_of(run, "on_stop.out").outcomes.ok(), 2U);
}

TEST(OpenFlow, ANumberOfIterationsRunsToItsEnd) {
    std::uint64_t started = 0, ok = 0, logins = 0;
    for (std::uint32_t w = 0; w < 3; ++w) {
        TokenService service;
        ScriptedServer server(answered_by(service, 10ms));
        Plan plan = flow_plan("users: 30, rate: 10, requests: 50", kMembers);
        plan.scenario.classes[0].tasks[0].steps[0].think = {
            pacing::WaitTime::Kind::constant, 5s, {}, 0};
        plan.scenario.graceful_stop = 10s;
        WorkerRun run(plan, server, {w, 3});
        run.run();
        EXPECT_TRUE(run.adds_up());
        EXPECT_EQ(service.wrong(), 0U);
        EXPECT_EQ(service.logouts, service.logins);
        started += iterations_of(run, "conversation").started();
        ok += iterations_of(run, "conversation").ok;
        logins += service.logins;
    }
    EXPECT_EQ(started, 50U);
    EXPECT_EQ(ok, 50U) << "45 s each, however short graceful_stop is";
    EXPECT_LE(logins, 30U);
}

TEST(OpenFlow, WithoutALoginNothingStartsAndTheSumsHold) {
    ScriptedServer server(
        [](std::uint64_t, const std::string&) { return status_answer(401, "{}", 10ms); });
    WorkerRun run(flow_plan("users: 4, rate: 5, duration: 4, graceful_stop: 3", R"yaml(
  U: {wait_time: 500ms, on_start: [GET /in], tasks: {t: {steps: [GET /a]}}, on_stop: [GET /out]}
)yaml"),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(requests_of(run, "t.a").outcomes[Outcome::unsent], 20U);
    EXPECT_EQ(run.worker->recorder().unsent_while_free(), 0U) << "no user was free to send it";
    EXPECT_EQ(requests_of(run, "on_start.in").outcomes[Outcome::client_error],
              run.outcome(Outcome::client_error));
    EXPECT_NEAR(static_cast<double>(run.outcome(Outcome::client_error)), 4 * 7, 4)
        << "each user tries once a second";
    EXPECT_EQ(requests_of(run, "on_stop.out").outcomes.scheduled(), 0U);
    EXPECT_EQ(iterations_of(run, "t").started(), 0U);
    EXPECT_EQ(run.series[3].backlog, 20U);
}

TEST(OpenFlow, AStopInTheMiddle) {
    TokenService service;
    ScriptedServer server(answered_by(service, 300ms));
    WorkerRun run(flow_plan("users: 20, rate: 20, duration: 60", kMembers), server);
    run.on_second = [&](const measure::SeriesPoint& p) {
        if (p.second == 9) run.stop_switch.stop(StopReason::terminated);
    };
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(service.wrong(), 0U);
    EXPECT_EQ(service.logins, 20U);
    EXPECT_EQ(service.logouts, 20U);
    EXPECT_EQ(run.outcome(Outcome::abandoned), 0U);
    EXPECT_GT(run.outcome(Outcome::unsent), 100U);
    EXPECT_GE(iterations_of(run, "conversation").cut_off, 15U) << "the others had just ended";
    EXPECT_EQ(iterations_of(run, "conversation").failed, 0U);
}

TEST(OpenFlow, AStopWhileUsersLogIn) {
    ScriptedServer server([](std::uint64_t, const std::string& text) {
        return status_answer(200, "{}", line_of(text) == "GET /in" ? 3s : 10ms);
    });
    WorkerRun run(flow_plan("users: 20, rate: 5, duration: 60", R"yaml(
  U:
    on_start: [GET /in, GET /in2]
    tasks: {t: {steps: [GET /a]}}
    on_stop: [GET /out]
)yaml"),
                  server);
    run.on_second = [&](const measure::SeriesPoint& p) {
        if (p.second == 1) run.stop_switch.stop(StopReason::interrupted);
    };
    run.run();
    EXPECT_TRUE(run.adds_up());
    const auto logins = requests_of(run, "on_start.in").outcomes.ok();
    EXPECT_GE(logins, 10U);
    EXPECT_EQ(requests_of(run, "on_start.in2").outcomes.scheduled(), 0U);
    EXPECT_EQ(requests_of(run, "t.a").outcomes[Outcome::unsent], logins);
    EXPECT_EQ(requests_of(run, "on_stop.out").outcomes.scheduled(), 0U);
}

TEST(OpenFlow, GivingUpEndsEverybodyWhereTheyAre) {
    std::uint64_t farewells = 0;
    ScriptedServer server([&](std::uint64_t, const std::string& text) {
        const std::string line = line_of(text);
        auto answer = status_answer(200, "{}", 10ms);
        answer.silent = line == "GET /hang" || (line == "GET /out" && farewells++ % 2 == 0);
        return answer;
    });
    WorkerRun run(flow_plan("users: 40, rate: 10, duration: 3, graceful_stop: 2", R"yaml(
  Hang: {tasks: {h: {steps: [GET /h, GET /hang]}}, on_stop: [GET /never]}
  Login: {on_start: [GET /hang], tasks: {l: {steps: [GET /l]}}}
  Think:
    tasks: {t: {steps: [{name: t, path: /t, think: 100s}, GET /u]}}
    on_stop: [{name: out, path: /out, think: 60s}, GET /out2]
)yaml"),
                  server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_GT(iterations_of(run, "h").cut_off, 2U);
    EXPECT_EQ(iterations_of(run, "h").started(), iterations_of(run, "h").cut_off);
    EXPECT_EQ(requests_of(run, "on_stop.never").outcomes.scheduled(), 0U);
    EXPECT_EQ(requests_of(run, "l.l").outcomes.requests(), 0U);
    EXPECT_GT(requests_of(run, "l.l").outcomes[Outcome::unsent], 2U) << "nobody was logged in";
    EXPECT_EQ(requests_of(run, "on_stop.out2").outcomes.scheduled(), 0U)
        << "graceful_stop ended while they thought";
    EXPECT_GT(requests_of(run, "on_stop.out").outcomes.ok(), 0U);
    EXPECT_GT(requests_of(run, "on_stop.out").outcomes[Outcome::abandoned], 0U);
}

TEST(OpenFlow, AnIterationWithNothingToSendIsNoRequest) {
    ScriptedServer server(answer_after(10ms));
    Plan plan = flow_plan("users: 10, rate: 10, duration: 3", R"yaml(
  U:
    tasks:
      set: {weight: 0, steps: [{name: get, path: /get, extract: {x: {json: /x}}}]}
      skip: {steps: [{name: maybe, path: /maybe, when: x}]}
      lack: {steps: ["GET /use/{{ var(x) }}"]}
      send: GET /plain
)yaml");
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.totals.arrivals, 30U);
    EXPECT_EQ(run.worker->recorder().arrivals_started_total(), 30U);
    const auto sent = requests_of(run, "send").outcomes.ok();
    EXPECT_EQ(run.worker->recorder().scheduled_total(), sent);
    EXPECT_EQ(iterations_of(run, "skip").ok + iterations_of(run, "lack").failed + sent, 30U);
    EXPECT_GT(iterations_of(run, "lack").failed, 3U);
    EXPECT_EQ(iterations_of(run, "lack").reasons[0].text, "before use: x is not set");
    std::uint64_t in_series = 0;
    for (const auto& point : run.series) in_series += point.scheduled;
    EXPECT_EQ(in_series, sent) << "what turned out to be no request is taken back";
}

TEST(OpenFlow, UsersAreUniqueOverAllWorkersAndEveryClassHasItsOwn) {
    std::multiset<std::string> seen;
    for (std::uint32_t w = 0; w < 3; ++w) {
        ScriptedServer server(answer_after(500ms));
        WorkerRun run(flow_plan("users: 30, rate: 30, duration: 5", R"yaml(
  A: {on_start: ["GET /a/{{ user() }}/{{ seq() }}"], tasks: {t: {steps: [GET /t]}}}
  B: {on_start: ["GET /b/{{ user() }}"], tasks: {u: {steps: [GET /u]}}}
)yaml"),
                      server, {w, 3});
        run.run();
        EXPECT_TRUE(run.adds_up());
        for (const auto& line : lines_of(server)) {
            if (line.size() > 7) seen.insert(line);
        }
    }
    EXPECT_GT(seen.size(), 30U);
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size())
        << "each user of each class logs in once";
    EXPECT_EQ(seen.count("GET /a/4/4"), 1U) << "in on_start seq() is the user's number";
}

TEST(OpenFlow, RequestsOfAnIterationShareItsNumberAndItsRandom) {
    const auto bytes = [](std::uint32_t workers) {
        std::multiset<std::string> out;
        for (std::uint32_t w = 0; w < workers; ++w) {
            ScriptedServer server(answer_after(1ms));
            Plan plan = flow_plan("users: 100, rate: 40, duration: 5, arrivals: poisson", R"yaml(
  U:
    tasks:
      t: {weight: 2, steps: ["GET /a?{{ seq() }}.{{ uuid() }}", "GET /b?{{ seq() }}.{{ uuid() }}"]}
      u: {steps: ["GET /c?{{ seq() }}"]}
)yaml");
            WorkerRun run(plan, server, {w, workers});
            run.run();
            EXPECT_TRUE(run.adds_up());
            std::uint64_t in_bins = 0;
            for (const auto count : run.worker->recorder().bins().counts()) in_bins += count;
            EXPECT_LE(in_bins, run.totals.arrivals) << "arrivals are iterations";
            EXPECT_GE(in_bins + 3, run.totals.arrivals);
            out.insert(server.requests.begin(), server.requests.end());
        }
        return out;
    };
    const auto alone = bytes(1);
    EXPECT_GT(alone.size(), 250U);
    EXPECT_EQ(bytes(3), alone);
    std::set<std::string> uuids;
    for (const auto& request : alone) {
        const std::string line = line_of(request);
        if (line.find('.') != std::string::npos) uuids.insert(line.substr(line.find('.')));
    }
    EXPECT_GT(uuids.size(), 200U) << "the second request goes on where the first one stopped";
}

TEST(OpenFlow, PlainClassesShareTheSlots) {
    TokenService service;
    ScriptedServer server([&](std::uint64_t k, const std::string& text) {
        if (line_of(text) == "GET /health") return status_answer(200, "{}", 50ms);
        return answered_by(service, 20ms)(k, text);
    });
    Plan plan = flow_plan("users: 8, rate: 30, duration: 10",
                          std::string(kMembers) + "  Probe: {tasks: {health: GET /health}}\n");
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(service.wrong(), 0U);
    EXPECT_EQ(service.open_sessions(), 0U);
    EXPECT_GT(requests_of(run, "health").outcomes.ok(), 100U);
    EXPECT_GT(iterations_of(run, "conversation").ok, 100U);
}

}  // namespace
}  // namespace squadload::engine
