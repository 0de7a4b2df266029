// What users do about 429s (on_429), in both models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/engine/flow_support.h"
#include "load/engine/sim_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;
using scenario::On429;

std::string refusal(const std::string& headers) {
    return "HTTP/1.1 429 Too Many Requests\r\n" + headers + "Content-Length: 0\r\n\r\n";
}

// Refuses the first `n` requests, and answers after 10 ms.
ScriptedServer::Script refuse_first(std::uint64_t n, const std::string& headers = "",
                                    bool close = false) {
    return [=](std::uint64_t k, const std::string&) {
        return ScriptedServer::Answer{10ms, k < n ? refusal(headers) : kOk, false, close && k < n,
                                      0};
    };
}

Plan retrying(Plan plan, std::uint32_t most = 3) {
    plan.scenario.on_429.action = On429::Action::retry;
    plan.scenario.on_429.max_retries = most;
    plan.scenario.on_429.jitter = 0;
    return plan;
}

TEST(Backpressure, ARetriedRequestHasOneOutcomeFromItsFirstIntendedStart) {
    ScriptedServer server(refuse_first(2, "Retry-After: 2\r\n"));
    WorkerRun run(retrying(open_plan(1, 1s)), server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::ok), 1U);
    const auto all = run.all();
    EXPECT_EQ(all.outcomes.requests(), 1U);
    EXPECT_EQ(all.responses_429, 2U);
    EXPECT_EQ(all.retries, 2U);
    EXPECT_EQ(all.retry_wait.count(), 2U);
    EXPECT_EQ(all.retry_wait.max(), 2s);
    EXPECT_EQ(all.response_time.max(), 4s + 30ms) << "waits included";
    EXPECT_EQ(all.service_time.max(), 30ms) << "waits left out";
    EXPECT_EQ(all.generator_lag.max(), 0ns);
    EXPECT_EQ(all.blocked.max(), 0ns);
    EXPECT_EQ(server.requests.size(), 3U);
    EXPECT_EQ(all.bytes_sent, 3 * server.requests[0].size());
    EXPECT_EQ(server.requests[0], server.requests[2]) << "the same request";
    EXPECT_EQ(server.connections, 1);
}

TEST(Backpressure, WhenRetriesAreUsedUpItIsRateLimited) {
    ScriptedServer server(refuse_first(100));
    WorkerRun run(retrying(open_plan(1, 1s), 2), server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::rate_limited), 1U);
    EXPECT_EQ(run.all().responses_429, 3U);
    EXPECT_EQ(run.all().retries, 2U);
    EXPECT_EQ(run.all().response_time.max(), 2s + 30ms) << "default_wait, twice";
}

TEST(Backpressure, HintsAreCappedAndJitterOnlyAdds) {
    Plan plan = retrying(open_plan(100, 1s));
    plan.scenario.on_429.max_wait = 1s;
    plan.scenario.on_429.jitter = 0.5;
    ScriptedServer server(refuse_first(100, "Retry-After: 3600\r\n"));
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 100U);
    const auto& waits = run.all().retry_wait;
    EXPECT_EQ(waits.count(), 100U);
    EXPECT_GE(waits.min(), 1s);
    EXPECT_LE(waits.max(), 1500ms);
    EXPECT_GT(waits.max() - waits.min(), 300ms) << "they do not come back together";
}

TEST(Backpressure, AConnectionThatIsClosedAfterThe429IsOpenedAgain) {
    for (const char* headers : {"Connection: close\r\n", ""}) {
        ScriptedServer server(refuse_first(1, headers, true));
        WorkerRun run(retrying(open_plan(1, 1s)), server);
        run.run();
        EXPECT_TRUE(run.adds_up());
        EXPECT_EQ(run.outcome(Outcome::ok), 1U) << run.first_message();
        EXPECT_EQ(server.connections, 2);
    }
}

TEST(Backpressure, TheTotalTimeoutCountsEachTry) {
    Plan plan = retrying(open_plan(1, 1s));
    plan.scenario.classes[0].tasks[0].timeouts.total = 500ms;
    ScriptedServer server(refuse_first(2, "Retry-After: 2\r\n"));
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 1U) << run.first_message();
}

TEST(Backpressure, ARetryThatFailsSaysSo) {
    ScriptedServer server([](std::uint64_t k, const std::string&) {
        if (k == 0) return ScriptedServer::Answer{10ms, refusal(""), false, false, 0};
        return ScriptedServer::Answer{10ms, "", false, true, 0};
    });
    WorkerRun run(retrying(open_plan(1, 1s)), server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::connection_closed), 1U);
    EXPECT_EQ(run.all().responses_429, 1U);
}

TEST(Backpressure, WhoStillWaitsAtTheEndIsAbandonedAndCounted) {
    Plan plan = retrying(open_plan(10, 1s));
    plan.scenario.graceful_stop = 1s;
    ScriptedServer server(refuse_first(1000, "Retry-After: 30\r\n"));
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::abandoned), 10U);
    EXPECT_EQ(run.all().responses_429, 10U) << "each counted once";
    EXPECT_EQ(run.all().bytes_sent, 10 * server.requests[0].size());
    EXPECT_EQ(run.first_message(), "waiting after a 429 when graceful_stop ended");
}

TEST(Backpressure, AUserWhoWaitsSendsNothingBeforeTheHintIsOver) {
    Plan plan = closed_plan(1, 10s, {pacing::WaitTime::Kind::constant, 100ms, {}, 0});
    plan.scenario.on_429.action = On429::Action::wait;
    plan.scenario.on_429.jitter = 0;
    std::vector<MonoTime> at;
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        at.push_back(loop->now());
        return ScriptedServer::Answer{10ms, k == 0 ? refusal("Retry-After: 4\r\n") : kOk, false,
                                      false, 0};
    });
    WorkerRun run(plan, server);
    loop = run.loop.get();
    run.run();
    ASSERT_GT(at.size(), 2U);
    EXPECT_GE(at[1] - at[0], 4s);
    EXPECT_LE(at[1] - at[0], 4s + 100ms);
    EXPECT_LE(at[2] - at[1], 200ms);
    EXPECT_EQ(run.outcome(Outcome::rate_limited), 1U) << "not sent again";
    EXPECT_EQ(run.all().retries, 0U);
    EXPECT_EQ(run.all().retry_wait.max(), 4s);
    EXPECT_EQ(run.all().generator_lag.max(), 0ns) << "nobody was late";
}

TEST(Backpressure, AFlowWaitsAndRetriesToo) {
    const std::string users =
        "  User:\n    tasks:\n      t:\n        steps:\n"
        "        - {name: one, path: /one}\n"
        "        - {name: two, path: /two}\n";
    ScriptedServer server([](std::uint64_t k, const std::string&) {
        return status_answer(k == 1 ? 429 : 200, "{}", 10ms, "Retry-After: 2\r\n");
    });
    WorkerRun run(retrying(flow_plan("users: 1, duration: 3", users)), server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(lines_of(server).at(1), "GET /two");
    EXPECT_EQ(lines_of(server).at(2), "GET /two");
    EXPECT_EQ(iterations_of(run, "t").failed, 0U) << "the second step came through in the end";

    ScriptedServer other([](std::uint64_t k, const std::string&) {
        return status_answer(k == 1 ? 429 : 200, "{}", 10ms, "Retry-After: 2\r\n");
    });
    Plan plan = flow_plan("users: 1, duration: 2100ms", users);
    plan.scenario.on_429.action = On429::Action::wait;
    WorkerRun waiting(plan, other);
    waiting.run();
    EXPECT_TRUE(waiting.adds_up());
    EXPECT_EQ(iterations_of(waiting, "t").failed, 1U) << "its request was not sent again";
    EXPECT_LT(other.requests.size(), 12U) << "and nothing for two seconds";
}

// 100 users, the target refuses everything between 5 s and 8 s.
TEST(Backpressure, AdaptiveSendsUsersHomeWhile429sLastAndCallsThemBack) {
    Plan plan = closed_plan(100, 60s, {pacing::WaitTime::Kind::constant, 190ms, {}, 0});
    plan.scenario.on_429.adaptive = true;
    transport::SimLoop* loop = nullptr;
    MonoTime start{};
    ScriptedServer server([&](std::uint64_t, const std::string&) {
        const Nanos t = loop->now() - start;
        const bool refuse = t >= 5s && t < 8s;
        return ScriptedServer::Answer{10ms, refuse ? refusal("") : kOk, false, false, 0};
    });
    WorkerRun run(plan, server);
    loop = run.loop.get();
    start = loop->now();
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.series[4].users, 100U);
    EXPECT_LE(run.series[8].users, 15U);
    EXPECT_GE(run.series[8].users, 10U);
    EXPECT_EQ(run.series[50].users, 100U);
    EXPECT_NEAR(static_cast<double>(run.series[3].started), 500, 20);
    EXPECT_LT(run.series[8].started, 100U);
    EXPECT_NEAR(static_cast<double>(run.series[50].started), 500, 20);
    EXPECT_EQ(run.all().generator_lag.max(), 0ns) << "to be sent home is nobody's delay";
}

TEST(Backpressure, WithoutAdaptiveEverybodyStays) {
    Plan plan = closed_plan(100, 10s, {pacing::WaitTime::Kind::constant, 190ms, {}, 0});
    ScriptedServer server(refuse_first(1'000'000));
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.series[8].users, 100U);
}

}  // namespace
}  // namespace squadload::engine
