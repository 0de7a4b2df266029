// Flows on real sockets against a service that trusts nobody: a token per login, a session cookie
// that changes with every response. Not one wrong token or cookie, and its counts are ours.
#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "integration/engine_run.h"
#include "load/engine/flow_support.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using engine::testing::TokenService;

class Flows : public LoopTest {
  protected:
    std::mutex mutex_;      // the server's thread uses the service, too
    TokenService service_;  // read after settle()
    test_support::TestServer server_{[this](const test_support::Request& request) {
        const std::lock_guard lock(mutex_);
        const auto answer = service_.answer(request.method + " " + request.target +
                                            " HTTP/1.1\r\n" + request.headers);
        return test_support::status(answer.status, answer.body, answer.headers);
    }};

    engine::Plan plan(const std::string& load, std::uint32_t workers) const {
        engine::Plan plan = engine::testing::flow_plan(load, engine::testing::kMembers);
        plan.origin = plan_for(server_).origin;
        plan.origin.host = "127.0.0.1";
        plan.scenario.workers = workers;
        return plan;
    }

    static std::uint64_t ok(const engine::Measurements& m, const std::string& label) {
        for (std::size_t i = 0; i < m.task_names.size(); ++i) {
            if (m.task_names[i] == label) return m.tasks[i].outcomes.ok();
        }
        ADD_FAILURE() << label;
        return 0;
    }

    void agrees(const engine::Measurements& m) {
        server_.settle();
        const std::lock_guard lock(mutex_);
        EXPECT_EQ(service_.wrong(), 0U)
            << service_.unknown_tokens << " unknown tokens, " << service_.foreign_tokens
            << " of other users, cookies: " << service_.missing_cookies << " missing, "
            << service_.foreign_cookies << " foreign, " << service_.stale_cookies << " stale";
        EXPECT_EQ(service_.logins, ok(m, "on_start.login"));
        EXPECT_EQ(service_.chats, ok(m, "conversation.ask"));
        EXPECT_EQ(service_.logouts, ok(m, "on_stop.logout"));
        EXPECT_EQ(service_.open_sessions(), 0U) << "everybody logged out";
        EXPECT_EQ(all(m).outcomes.ok(), all(m).outcomes.requests());
    }
};

TEST_P(Flows, AThousandUsersLogInChatTenTimesAndLogOut) {
    engine::Plan plan = this->plan("users: 1000, requests: 11000", 2);
    plan.scenario.classes[0].wait = {pacing::WaitTime::Kind::constant, 1h, {}, 0};
    const auto m = run(plan, GetParam());
    agrees(m);
    EXPECT_EQ(service_.logins, 1000U);
    EXPECT_EQ(service_.chats, 10'000U);
    EXPECT_EQ(service_.logouts, 1000U);
    EXPECT_EQ(m.scheduled, 12'000U);
    EXPECT_EQ(m.iterations[1].ok, 1000U);
    EXPECT_EQ(m.iterations[1].started(), 1000U);
    EXPECT_EQ(m.connections_opened, 1000U);
}

TEST_P(Flows, UsersOnSharedConnectionsKeepTheirValues) {
    engine::Plan plan = this->plan("users: 300, requests: 6300", 3);
    plan.scenario.target.connections = {scenario::ConnectionMode::shared, 30};
    const auto m = run(plan, GetParam());
    agrees(m);
    EXPECT_EQ(service_.logins, 300U);
    EXPECT_EQ(service_.chats, 6000U);
    EXPECT_LE(m.connections_opened, 30U);
}

TEST_P(Flows, IterationsByScheduleReuseUsersWhoAreLoggedIn) {
    const auto m = run(plan("users: 200, rate: 100, duration: 3", 2), GetParam());
    agrees(m);
    EXPECT_EQ(m.arrivals, 300U);
    EXPECT_EQ(m.arrivals_started, 300U);
    EXPECT_EQ(m.iterations[1].started(), 300U);
    EXPECT_EQ(m.iterations[1].failed, 0U);
    EXPECT_LE(service_.logins, 200U);
}

TEST_P(Flows, AnInterruptInTheMiddleStillLogsOut) {
    for (const std::string load :
         {"users: 200, duration: 1h", "users: 200, rate: 100, duration: 1h"}) {
        {
            const std::lock_guard lock(mutex_);
            service_ = {};
        }
        engine::StopSwitch stop;
        const auto m = run(plan(load, 2), GetParam(), stop, [&](const engine::Progress&) {
            stop.stop(engine::StopReason::interrupted);
        });
        agrees(m);
        EXPECT_GT(service_.logouts, 0U);
        EXPECT_EQ(m.iterations[1].failed, 0U);
    }
}

INSTANTIATE_TEST_SUITE_P(Loops, Flows, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
