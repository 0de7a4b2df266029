#include "load/engine/steering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "load/engine/flow_support.h"
#include "load/engine/sim_support.h"

namespace squadload::engine {
namespace {

using namespace testing;
using measure::Outcome;
using pacing::WaitTime;

// Sets a target at the end of each second named, and stops the run at the end of `last`.
struct Steered {
    Steering steering{1};
    ScriptedServer server;
    WorkerRun run;

    Steered(Plan plan, ScriptedServer::Script script, std::map<std::uint32_t, LoadTarget> targets,
            std::uint32_t last)
        : server(std::move(script)), run(with(std::move(plan)), server) {
        if (const auto first = targets.find(0); first != targets.end()) steering.set(first->second);
        run.on_second = [this, targets = std::move(targets),
                         last](const measure::SeriesPoint& point) {
            const auto found = targets.find(point.second + 1);
            if (found != targets.end()) steering.set(found->second);
            if (point.second + 1 == last) run.stop_switch.stop(StopReason::schedule_ended);
        };
        run.run();
        EXPECT_TRUE(run.adds_up());
    }

    Plan with(Plan plan) {
        plan.steering = &steering;
        plan.scenario.graceful_stop = 30s;
        return plan;
    }
    [[nodiscard]] std::vector<std::uint32_t> users() const {
        std::vector<std::uint32_t> out;
        for (const auto& point : run.series) out.push_back(point.users);
        return out;
    }
    [[nodiscard]] std::vector<std::uint64_t> scheduled() const {
        std::vector<std::uint64_t> out;
        for (const auto& point : run.series) out.push_back(point.scheduled);
        return out;
    }
};

LoadTarget users(std::vector<std::uint32_t> by_class) {
    LoadTarget target;
    target.users = std::move(by_class);
    return target;
}

LoadTarget share(double of_rate, Nanos ahead = {}) {
    LoadTarget target;
    target.share = of_rate;
    target.ahead = ahead;
    return target;
}

const WaitTime kTenPerSecond{WaitTime::Kind::constant_throughput, {}, {}, 10};

TEST(Steering, UsersAreWhatTheTargetSaysFromThenOn) {
    Steered steered(closed_plan(1, 1s, kTenPerSecond), answer_after(1ms),
                    {{1, users({3})}, {3, users({8})}, {5, users({2})}, {7, users({5})}}, 9);
    EXPECT_THAT(steered.users(), ::testing::ElementsAre(0, 3, 3, 8, 8, 2, 2, 5, 5, ::testing::_));
    EXPECT_EQ(steered.run.outcome(Outcome::ok), steered.run.worker->recorder().scheduled_total());
    EXPECT_NEAR(static_cast<double>(steered.scheduled()[2]), 30, 1);
    EXPECT_NEAR(static_cast<double>(steered.scheduled()[4]), 80, 1);
    EXPECT_NEAR(static_cast<double>(steered.scheduled()[6]), 20, 1);
    EXPECT_TRUE(steered.steering.taken_by_all());
    EXPECT_EQ(steered.server.connections, 8) << "who comes again has its connection";
}

TEST(Steering, ARunWithoutATargetWaitsAndEndsByAStopAlone) {
    Steered steered(closed_plan(5, 1s, kTenPerSecond), answer_after(1ms), {}, 20);
    EXPECT_EQ(steered.run.series.size(), 20U + 1);
    EXPECT_EQ(steered.run.outcome(Outcome::ok), 0U);
}

TEST(Steering, NobodyStartsBeforeTheRunDoes) {
    for (const bool open : {false, true}) {
        Steering steering(1);
        ScriptedServer server(answer_after(1ms));
        Plan plan = open ? open_plan(1000, 1h) : closed_plan(1, 1s, kTenPerSecond);
        plan.steering = &steering;
        LoadTarget target = users({5});
        target.share = 1;
        steering.set(target);
        WorkerRun run(plan, server);
        run.on_second = [&](const measure::SeriesPoint&) {
            run.stop_switch.stop(StopReason::schedule_ended);
        };
        run.worker->run(run.loop->now() + 5ms);
        EXPECT_TRUE(run.adds_up());
        EXPECT_GE(run.worker->recorder().first_intended(), 0ns) << open;
        EXPECT_GT(run.outcome(Outcome::ok), 4U);
    }
}

TEST(Steering, ARequestInFlightOutlivesItsUser) {
    Steered steered(closed_plan(1, 1s), answer_after(2500ms), {{0, users({4})}, {1, users({0})}},
                    6);
    EXPECT_EQ(steered.run.outcome(Outcome::ok), 4U);
    EXPECT_EQ(steered.server.requests.size(), 4U) << "nobody began another";
    EXPECT_EQ(steered.users().back(), 0U);
}

TEST(Steering, WhatEndsSoonAfterAStopIsHandedOverBeforeWhatEndsLate) {
    std::vector<std::pair<Nanos, std::uint64_t>> seen;
    Steering steering(1);
    ScriptedServer server([](std::uint64_t request, const std::string&) {
        return ScriptedServer::Answer{request == 0 ? 9s : 3100ms, kOk, false, false, 0};
    });
    Plan plan = closed_plan(1, 1s);
    plan.steering = &steering;
    steering.set(users({3}));
    WorkerRun run(plan, server);
    const MonoTime start = run.loop->now();
    run.on_second = [&](const measure::SeriesPoint& point) {
        seen.emplace_back(run.loop->now() - start, point.outcomes.ok());
        if (point.second == 2) run.stop_switch.stop(StopReason::schedule_ended);
    };
    run.run();
    EXPECT_TRUE(run.adds_up());
    ASSERT_GE(seen.size(), 5U);
    EXPECT_LT(seen[3].first, 3400ms);
    EXPECT_EQ(seen[3].second, 2U);
    EXPECT_EQ(run.outcome(Outcome::ok), 3U);
    EXPECT_GT(run.worker->recorder().last_end(), 8s);
}

TEST(Steering, WhoWaitsForAConnectionStillSends) {
    Plan plan = closed_plan(1, 1s);
    plan.scenario.target.connections = {scenario::ConnectionMode::shared, 1};
    Steered steered(plan, answer_after(400ms), {{0, users({3})}, {1, users({1})}}, 5);
    EXPECT_EQ(steered.run.outcome(Outcome::unsent) + steered.run.outcome(Outcome::ok),
              steered.run.worker->recorder().scheduled_total());
    EXPECT_EQ(steered.users().back(), 1U);
    EXPECT_LE(steered.run.outcome(Outcome::unsent), 1U);
}

TEST(Steering, EachClassHasItsOwnCount) {
    Plan plan = closed_plan(1, 1s, kTenPerSecond);
    plan.scenario.classes[0].tasks = {make_task("a", "/a")};
    plan.scenario.classes.push_back({"Other", 1, kTenPerSecond, {make_task("b", "/b")}});
    Steered steered(plan, answer_after(1ms), {{0, users({3, 1})}, {2, users({1, 3})}}, 4);
    const auto& tasks = steered.run.totals.tasks;
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_NEAR(static_cast<double>(tasks[0].outcomes.ok()), 80, 3);
    EXPECT_NEAR(static_cast<double>(tasks[1].outcomes.ok()), 80, 3);
}

TEST(Steering, UsersWithAFlowSayOnStopWhenTheyGo) {
    Plan plan = flow_plan("users: 1, duration: 1", R"yaml(
  U:
    wait_time: constant_throughput(10)
    on_start: [GET /hello]
    tasks:
      go: {path: /}
    on_stop: [GET /bye]
)yaml");
    Steered steered(plan, answer_after(1ms), {{0, users({4})}, {2, users({1})}, {4, users({3})}},
                    6);
    int hello = 0;
    int bye = 0;
    for (const auto& text : steered.server.requests) {
        hello += text.starts_with("GET /hello") ? 1 : 0;
        bye += text.starts_with("GET /bye") ? 1 : 0;
    }
    EXPECT_EQ(hello, 4 + 2);
    EXPECT_EQ(bye, 3 + 3);
    EXPECT_THAT(steered.users(), ::testing::ElementsAre(4, 4, 1, 1, 3, 3, ::testing::_));
}

TEST(Steering, TheRateIsTheShareOfTheScenarios) {
    Steered steered(open_plan(200, 1h), answer_after(1ms),
                    {{0, share(0.5)}, {2, share(0.25)}, {4, share(0)}, {6, share(1)}}, 8);
    const std::vector<double> expected{100, 100, 50, 50, 0, 0, 200, 200};
    for (std::size_t s = 0; s < expected.size(); ++s)
        EXPECT_NEAR(static_cast<double>(steered.scheduled()[s]), expected[s], 3) << s;
}

TEST(Steering, WorkersShareTheirPartOfTheTarget) {
    std::uint64_t all = 0;
    std::uint32_t users_of_all = 0;
    for (std::uint32_t w = 0; w < 3; ++w) {
        Steering steering(3);
        ScriptedServer server(answer_after(1ms));
        Plan plan = closed_plan(1, 1s, kTenPerSecond);
        plan.steering = &steering;
        steering.set(users({7}));
        WorkerRun run(plan, server, {w, 3});
        run.on_second = [&](const measure::SeriesPoint& point) {
            if (point.second == 3) run.stop_switch.stop(StopReason::schedule_ended);
        };
        run.run();
        EXPECT_FALSE(steering.taken_by_all()) << "two others have not";
        all += run.worker->recorder().scheduled_total();
        users_of_all += run.series[1].users;
    }
    EXPECT_EQ(users_of_all, 7U);
    EXPECT_NEAR(static_cast<double>(all), 280, 10);
}

TEST(Steering, OddUsersOfSeveralClassesDoNotAllGoToOneWorker) {
    const Share first{0, 2};
    const Share second{1, 2};
    EXPECT_EQ(first.of(1, 0) + first.of(1, 1), 1U);
    EXPECT_EQ(second.of(1, 0) + second.of(1, 1), 1U);
}

TEST(Steering, UsersAndNumbersCountFromWhereThePlanSays) {
    Plan plan = flow_plan("users: 1, duration: 1", R"yaml(
  U:
    wait_time: constant_throughput(10)
    tasks:
      go: {path: "/{{ user() }}/{{ seq() }}"}
)yaml");
    plan.first_user = 5'000'000;
    plan.first_number = 9'000;
    Steered steered(plan, answer_after(1ms), {{0, users({2})}}, 2);
    std::set<std::string> paths;
    for (const auto& text : steered.server.requests) {
        EXPECT_TRUE(text.starts_with("GET /500000")) << text;
        EXPECT_TRUE(paths.insert(text.substr(0, text.find(" HTTP"))).second) << "twice: " << text;
    }
    EXPECT_TRUE(paths.contains("GET /5000000/9000"));
}

}  // namespace
}  // namespace squadload::engine
