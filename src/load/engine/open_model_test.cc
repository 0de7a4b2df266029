#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "load/engine/sim_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;

double ms(Nanos d) {
    return to_ms(d);
}

TEST(OpenModel, ThirtyPerSecondForFiveMinutesIsNineThousandOnTime) {
    ScriptedServer server(answer_after(5ms));
    WorkerRun run(open_plan(30, 300s), server);
    run.run();
    EXPECT_EQ(run.worker->recorder().scheduled_total(), 9000U);
    EXPECT_EQ(run.outcome(Outcome::ok), 9000U);
    EXPECT_EQ(server.requests.size(), 9000U);
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
    EXPECT_EQ(run.all().blocked.max(), 0ns);
    EXPECT_EQ(run.all().response_time.max(), 5ms);
    EXPECT_EQ(server.connections, 1) << "light load needs one connection";
    EXPECT_EQ(run.series.size(), 301U);
    for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(run.series[i].scheduled, 30U) << i;
}

TEST(OpenModel, WorkersShareOneSequenceAndRequestsDoNotDependOnTheirNumber) {
    auto requests_with = [](std::uint32_t workers) {
        std::multiset<std::string> texts;
        for (std::uint32_t w = 0; w < workers; ++w) {
            Plan plan = open_plan(97, 10s);
            plan.scenario.arrivals = pacing::Arrivals::poisson;
            plan.scenario.classes[0].tasks = {make_task("a", "/a", 3), make_task("b", "/b", 1)};
            for (auto& task : plan.scenario.classes[0].tasks) {
                task.headers = {{"X-Request", scenario::Template::constant(task.name)}};
            }
            ScriptedServer server(answer_after(1ms));
            WorkerRun run(plan, server, {w, workers});
            run.run();
            EXPECT_TRUE(run.adds_up());
            texts.insert(server.requests.begin(), server.requests.end());
        }
        return texts;
    };
    const auto alone = requests_with(1);
    EXPECT_GT(alone.size(), 800U);
    EXPECT_EQ(requests_with(2), alone);
    EXPECT_EQ(requests_with(5), alone);
}

// The freeze test in simulated time: 100/s for 10 s at a server that does nothing from 4 s to 7 s.
class Freeze : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(Freeze, ResponseTimeTellsTheTruth) {
    transport::SimLoop* loop = nullptr;
    MonoTime start{};
    ScriptedServer server([&](std::uint64_t, const std::string&) {
        const Nanos at = loop->now() - start;
        const Nanos thaw = at >= 4s && at < 7s ? 7s - at : Nanos{0};
        return ScriptedServer::Answer{thaw + 2ms, kOk, false, false, 0};
    });
    WorkerRun run(open_plan(100, 10s, GetParam()), server);
    loop = run.loop.get();
    start = loop->now();
    run.run();
    const auto all = run.all();
    EXPECT_EQ(all.outcomes.ok(), 1000U);
    EXPECT_NEAR(all.response_time.mean_ns() / 1e6, 450, 25);
    EXPECT_NEAR(ms(all.response_time.percentile(0.90)), 2000, 60);
    EXPECT_NEAR(ms(all.response_time.percentile(0.95)), 2500, 60);
    EXPECT_EQ(all.generator_lag.max(), 0ns) << "the target's doing is not ours";
    if (GetParam() == 10) {
        EXPECT_LT(ms(all.service_time.percentile(0.95)), 5) << "what other tools print";
        EXPECT_NEAR(ms(all.blocked.percentile(0.95)), 2410, 60);
    } else {
        EXPECT_EQ(all.blocked.max(), 0ns);
        EXPECT_EQ(all.service_time.max(), all.response_time.max());
    }
}
INSTANTIATE_TEST_SUITE_P(Slots, Freeze, ::testing::Values(10U, 1000U));

TEST(OpenModel, AHeldWorkerIsGeneratorLag) {
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        if (k == 300) loop->stall(2s);
        return ScriptedServer::Answer{2ms, kOk, false, false, 0};
    });
    WorkerRun run(open_plan(100, 10s), server);
    loop = run.loop.get();
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 1000U);
    EXPECT_EQ(run.all().blocked.max(), 0ns);
    EXPECT_NEAR(ms(run.all().generator_lag.percentile(0.99)), 1950, 60);
    EXPECT_TRUE(run.adds_up());
}

TEST(OpenModel, AHeldWorkerCannotHideBehindBusySlots) {
    // Two slots, both in use when the worker is held for 2 s although their responses came after 15
    // ms.
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        if (k == 301) loop->stall(2s);
        return ScriptedServer::Answer{15ms, kOk, false, false, 0};
    });
    WorkerRun run(open_plan(100, 10s, 2), server);
    loop = run.loop.get();
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 1000U);
    EXPECT_GT(ms(run.all().generator_lag.max()), 1900)
        << "the first after the stall waited for us, not for the target";
    EXPECT_TRUE(run.adds_up());
}

TEST(OpenModel, AHeldWorkerIsLagForAllWhoWaitedHoweverFewTheSlots) {
    // The slots are idle while the worker is held; when it goes on, two of them serve 200 requests
    // that were due meanwhile.
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t k, const std::string&) {
        if (k == 300) loop->stall(2s);
        return ScriptedServer::Answer{2ms, kOk, false, false, 0};
    });
    WorkerRun run(open_plan(100, 10s, 2), server);
    loop = run.loop.get();
    run.run();
    const auto all = run.all();
    EXPECT_EQ(all.outcomes.ok(), 1000U);
    EXPECT_NEAR(ms(all.generator_lag.percentile(0.99)), 1900, 60);
    EXPECT_NEAR(ms(all.generator_lag.percentile(0.90)), 1000, 60);
    EXPECT_LT(ms(all.blocked.max()), 250) << "what it took to work off 200 requests by twos";
    EXPECT_EQ(all.response_time.sum_ns(),
              all.service_time.sum_ns() + all.blocked.sum_ns() + all.generator_lag.sum_ns());
    EXPECT_TRUE(run.adds_up());
}

// Few slots, a schedule that cannot be kept, and a worker that needs time for every request.
measure::TaskStats overloaded(Nanos service, Nanos work, double rate, std::uint32_t slots) {
    transport::SimLoop* loop = nullptr;
    ScriptedServer server([&](std::uint64_t, const std::string&) {
        loop->stall(work);
        return ScriptedServer::Answer{service, kOk, false, false, 0};
    });
    WorkerRun run(open_plan(rate, 5s, slots), server);
    loop = run.loop.get();
    run.run();
    EXPECT_TRUE(run.adds_up());
    return run.all();
}

TEST(OpenModel, AnOverloadedGeneratorDoesNotHideBehindFewSlots) {
    // 1 ms of our own for each of 2,000/s: half of them are late by seconds, whatever the slots.
    for (const std::uint32_t slots : {2U, 10U, 10'000U}) {
        const auto all = overloaded(10us, 1ms, 2000, slots);
        EXPECT_GT(ms(all.generator_lag.percentile(0.5)), 1000) << slots << " slots";
    }
}

TEST(OpenModel, TurningSlotsAroundIsNotLagBehindASlowTarget) {
    const auto all = overloaded(20ms, 50us, 1000, 5);  // 5 slots serve 250/s
    EXPECT_LT(ms(all.generator_lag.max()), 1);
    EXPECT_GT(ms(all.blocked.percentile(0.5)), 5000);
}

TEST(OpenModel, ASlowTargetIsBlockedTimeNotLag) {
    ScriptedServer server(answer_after(200ms));
    WorkerRun run(open_plan(100, 5s, 5), server);  // 5 slots serve 25/s of 100/s
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
    EXPECT_EQ(run.outcome(Outcome::ok), 500U) << "graceful_stop drains the backlog";
    EXPECT_GT(ms(run.all().blocked.percentile(0.9)), 5000);
    EXPECT_GT(run.series[4].backlog, 300U);
}

TEST(OpenModel, GracefulStopEndsWhatHangsAndCountsWhatNeverStarted) {
    ScriptedServer server([](std::uint64_t, const std::string&) {
        return ScriptedServer::Answer{0ns, "", true, false, 0};
    });
    Plan plan = open_plan(10, 5s, 7);
    plan.scenario.graceful_stop = 3s;
    plan.scenario.classes[0].tasks[0].timeouts = {0ns, 0ns, 0ns};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::abandoned), 7U);
    EXPECT_EQ(run.outcome(Outcome::unsent), 43U);
    EXPECT_EQ(run.worker->recorder().unsent_while_free(), 0U);
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.all().response_time.max(), 8s) << "elapsed time counts";
    EXPECT_FALSE(run.series.empty());
}

TEST(OpenModel, AStopCutsTheScheduleAndAwaitsWhatIsInFlight) {
    ScriptedServer server(answer_after(500ms));
    WorkerRun run(open_plan(100, 60s, 20), server);
    run.on_second = [&](const measure::SeriesPoint& p) {
        if (p.second == 4) run.stop_switch.stop(StopReason::interrupted);
    };
    run.run();
    EXPECT_TRUE(run.adds_up());
    const auto scheduled = run.worker->recorder().scheduled_total();
    EXPECT_GE(scheduled, 500U);
    EXPECT_LE(scheduled, 512U);
    EXPECT_EQ(run.outcome(Outcome::abandoned), 0U);
    EXPECT_GT(run.outcome(Outcome::unsent), 250U);
    EXPECT_LT(run.worker->schedule_duration(), 5200ms);
}

TEST(OpenModel, AStopLeavesNothingUnsentWhileASlotIsFree) {
    for (const Nanos delay : {Nanos{0}, Nanos{7ms}, Nanos{10ms}}) {
        for (std::uint64_t stopped_by = 0; stopped_by < 30; ++stopped_by) {
            WorkerRun* watched = nullptr;
            ScriptedServer server([&](std::uint64_t request, const std::string&) {
                if (request == stopped_by) watched->stop_switch.stop(StopReason::interrupted);
                return ScriptedServer::Answer{delay, kOk, false, false, 0};
            });
            WorkerRun run(open_plan(100, 60s, 20), server);
            watched = &run;
            run.run();
            EXPECT_TRUE(run.adds_up()) << "stopped by request " << stopped_by;
            EXPECT_EQ(run.outcome(Outcome::unsent), 0U) << "stopped by request " << stopped_by;
            EXPECT_GT(run.outcome(Outcome::ok), stopped_by);
        }
    }
}

TEST(OpenModel, AStopAmidManyDueRequestsLeavesNoneUnsentWhileASlotIsFree) {
    ScriptedServer server(answer_after(1ms));
    WorkerRun run(open_plan(10'000, 60s), server);
    run.on_second = [&](const measure::SeriesPoint& p) {
        if (p.second != 1) return;
        run.loop->stall(50ms);  // 500 requests fall due
        run.stop_switch.stop(StopReason::fail_fast);
    };
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.worker->recorder().unsent_while_free(), 0U);
    EXPECT_EQ(run.outcome(Outcome::unsent), 0U);
}

TEST(OpenModel, ASecondCountsWhatStartedInIt) {
    for (const Nanos delay : {Nanos{0}, Nanos{5ms}, Nanos{10ms}, Nanos{20ms}}) {
        ScriptedServer server(answer_after(delay));
        WorkerRun run(open_plan(100, 5s), server);
        run.run();
        for (std::size_t i = 0; i < 5; ++i) {
            EXPECT_EQ(run.series[i].scheduled, 100U) << i;
            EXPECT_EQ(run.series[i].started, 100U) << i << " after " << ms(delay);
        }
    }
}

TEST(OpenModel, AStopBeforeTheStartSchedulesNothing) {
    ScriptedServer server(answer_after(1ms));
    WorkerRun run(open_plan(100, 60s), server);
    run.stop_switch.stop(StopReason::interrupted);
    run.worker->run(run.loop->now() + 5ms);
    EXPECT_EQ(run.worker->recorder().scheduled_total(), 0U);
    EXPECT_EQ(run.worker->schedule_duration(), Nanos{0});
    EXPECT_TRUE(run.adds_up());
}

TEST(OpenModel, RequestsBoundEndsTheRun) {
    ScriptedServer server(answer_after(1ms));
    Plan plan = open_plan(100, std::chrono::hours{1});
    plan.scenario.requests = 250;
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::ok), 250U);
    EXPECT_NEAR(to_seconds(run.worker->schedule_duration()), 2.5, 1e-6) << "250 at 100/s";
    EXPECT_TRUE(run.adds_up());
}

TEST(OpenModel, RequestsBoundWithADeadTargetStillEnds) {
    ScriptedServer server([](std::uint64_t, const std::string&) {
        return ScriptedServer::Answer{0ns, "", true, false, 0};
    });
    Plan plan = open_plan(100, std::chrono::hours{1}, 5);
    plan.scenario.requests = 50;
    plan.scenario.graceful_stop = 2s;
    plan.scenario.classes[0].tasks[0].timeouts = {0ns, 0ns, 0ns};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_TRUE(run.adds_up());
    EXPECT_EQ(run.outcome(Outcome::unsent), 45U);
}

TEST(OpenModel, GracefulStopCountsFromTheLastOfTheRequestsAskedFor) {
    ScriptedServer server([](std::uint64_t, const std::string&) {
        return ScriptedServer::Answer{0ns, "", true, false, 0};
    });
    Plan plan = open_plan(100, std::chrono::hours{1});
    plan.scenario.requests = 3;
    plan.scenario.graceful_stop = 200ms;
    plan.scenario.classes[0].tasks[0].timeouts = {0ns, 0ns, 0ns};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(run.outcome(Outcome::abandoned), 3U);
    EXPECT_EQ(run.all().response_time.min(), 200ms);
    EXPECT_TRUE(run.adds_up());
}

TEST(OpenModel, PausesAreHonouredToTheEnd) {
    ScriptedServer server(answer_after(1ms));
    Plan plan = open_plan(10, 3s);
    plan.scenario.rates = {{1s, 10, 10}, {1s, 0, 0}, {1s, 0, 20}};
    WorkerRun run(plan, server);
    run.run();
    ASSERT_GE(run.series.size(), 3U);
    EXPECT_EQ(run.series[0].scheduled, 10U);
    EXPECT_EQ(run.series[1].scheduled, 0U);
    EXPECT_EQ(run.series[2].scheduled, 10U);
}

TEST(OpenModel, PoissonStartsPassTheirOwnAudit) {
    ScriptedServer server(answer_after(1ms));
    Plan plan = open_plan(200, 100s);
    plan.scenario.arrivals = pacing::Arrivals::poisson;
    WorkerRun run(plan, server);
    run.run();
    const auto randomness = measure::randomness(run.worker->recorder().bins().counts());
    ASSERT_TRUE(randomness);
    EXPECT_TRUE(randomness->within(4));
    EXPECT_NEAR(static_cast<double>(run.outcome(Outcome::ok)), 20'000, 4 * std::sqrt(20'000));
}

TEST(OpenModel, SharedPoolBoundsTheConnections) {
    ScriptedServer server(answer_after(100ms));
    Plan plan = open_plan(100, 5s);
    plan.scenario.target.connections = {scenario::ConnectionMode::shared, 4};
    WorkerRun run(plan, server);
    run.run();
    EXPECT_EQ(server.connections, 4);
    EXPECT_EQ(run.outcome(Outcome::ok), 500U);
    EXPECT_EQ(run.all().generator_lag.max(), 0ns);
}

TEST(Engine, MeasuresAndAddsUpAcrossTheWholePath) {
    ScriptedServer server(answer_after(3ms));
    const Plan plan = open_plan(50, 4s);
    StopSwitch stop;
    std::vector<std::uint32_t> seconds;
    const auto m = run_engine(
        plan,
        [&](std::uint32_t) -> Result<std::unique_ptr<transport::Loop>> {
            return transport::SimLoop::make(server);
        },
        stop, [&](const Progress& p) { seconds.push_back(p.point.second); });
    ASSERT_TRUE(m) << m.error().text();
    EXPECT_EQ(m->scheduled, 200U);
    EXPECT_EQ(m->sent, 200U);
    EXPECT_EQ(m->tasks[0].outcomes.ok(), 200U);
    EXPECT_EQ(m->task_names, std::vector<std::string>{"get"});
    EXPECT_EQ(m->backend, "simulated");
    EXPECT_EQ(m->schedule_duration, 4s);
    EXPECT_EQ(m->duration, 3980ms + 3ms);
    EXPECT_EQ(seconds, (std::vector<std::uint32_t>{0, 1, 2, 3, 4}));
    EXPECT_EQ(m->connections_opened, 1U);
}

TEST(Engine, NoMoreWorkersThanSlots) {
    const auto run = [](Plan plan) {
        plan.scenario.workers = 5;
        std::vector<ScriptedServer> servers(5, ScriptedServer(answer_after(50ms)));
        StopSwitch stop;
        auto m = run_engine(
            plan,
            [&](std::uint32_t w) -> Result<std::unique_ptr<transport::Loop>> {
                return transport::SimLoop::make(servers[w]);
            },
            stop,
            [&](const Progress& p) {
                if (p.elapsed > 60s) stop.stop(StopReason::interrupted);
            });
        int connections = 0;
        for (const auto& server : servers) connections += server.connections;
        return std::make_pair(std::move(m), connections);
    };

    Plan closed = closed_plan(2, Nanos::max());
    closed.scenario.requests = 25;
    const auto [one, one_connections] = run(closed);
    ASSERT_TRUE(one) << one.error().text();
    EXPECT_EQ(one->sent, 25U) << "a worker without users would keep its share for ever";
    EXPECT_EQ(one->stop_reason, StopReason::schedule_ended);
    EXPECT_EQ(one->workers, 2U);

    const auto [two, two_connections] = run(open_plan(100, 3s, 3));
    ASSERT_TRUE(two) << two.error().text();
    EXPECT_EQ(two->sent, 300U);
    EXPECT_EQ(two_connections, 3) << "users bound what is in flight";

    Plan pooled = closed_plan(20, 3s);
    pooled.scenario.target.connections = {scenario::ConnectionMode::shared, 2};
    EXPECT_EQ(run(pooled).second, 2);
}

TEST(Engine, ALoopThatCannotBeMadeIsAnErrorWhicheverWorkerMeetsIt) {
    for (const std::uint32_t broken : {0U, 1U, 2U}) {
        ScriptedServer server(answer_after(3ms));
        Plan plan = open_plan(50, 1s);
        plan.scenario.workers = 3;
        StopSwitch stop;
        const auto m = run_engine(
            plan,
            [&](std::uint32_t w) -> Result<std::unique_ptr<transport::Loop>> {
                if (w == broken) return fail(ErrorKind::resources, "no loop");
                return transport::SimLoop::make(server);
            },
            stop, nullptr);
        ASSERT_FALSE(m);
        EXPECT_EQ(m.error().message, "no loop");
    }
}

}  // namespace
}  // namespace squadload::engine
