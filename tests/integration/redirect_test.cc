// Redirects on real sockets: from origin to origin and back, with and without TLS.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "integration/engine_run.h"
#include "support/certificates.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using test_support::Reply;
using test_support::TestServer;

class Redirects : public LoopTest {};

Reply redirect_to(const std::string& location) {
    return test_support::status(302, "see there", "Location: " + location + "\r\n");
}

engine::Plan redirected_plan(const TestServer& server) {
    engine::Plan plan = open_plan(server, 100, 1s);
    plan.origin.host = "localhost";
    plan.origin.authority = fmt::format("localhost:{}", server.port());
    plan.scenario.target.redirects.max = 3;
    return plan;
}

TEST_P(Redirects, StayOnTheirConnection) {
    TestServer server([](const test_support::Request& request) {
        return request.target == "/" ? redirect_to("/a") : test_support::ok();
    });
    const auto plan = redirected_plan(server);
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 100U) << first_message(m);
    EXPECT_EQ(m.scheduled, 100U);
    EXPECT_EQ(server.requests(), 200U);
    EXPECT_EQ(server.connections(), m.connections_opened);
    EXPECT_LT(m.connections_opened, 100U);
}

TEST_P(Redirects, FromHttpToHttpsAndBackToTheTarget) {
    TestServer target;
    TestServer secure(tls_server());
    target.set_handler([&](const test_support::Request& request) {
        if (request.target == "/back") return test_support::ok();
        return redirect_to(fmt::format("https://localhost:{}/a", secure.port()));
    });
    secure.set_handler([&](const test_support::Request& request) {
        if (request.target == "/a") return redirect_to("/b");
        return redirect_to(fmt::format("http://localhost:{}/back", target.port()));
    });
    auto plan = redirected_plan(target);
    plan.scenario.target.tls.ca_file = certificates().authority();
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 100U) << first_message(m);
    EXPECT_EQ(target.requests(), 200U);
    EXPECT_EQ(secure.requests(), 200U);
    EXPECT_EQ(secure.connections(), 100U);
    EXPECT_EQ(m.connections_opened, secure.connections() + target.connections());
}

TEST_P(Redirects, ServersThatClose) {
    std::atomic<int> closed = 0;
    TestServer server([&](const test_support::Request& request) {
        if (request.target != "/") return test_support::ok();
        if (++closed % 2 == 0)  // the end of the connection ends the redirect, too
            return test_support::raw("HTTP/1.1 302 R\r\nLocation: /a\r\n\r\nuntil closed",
                                     Reply::Then::close);
        return test_support::raw(
            "HTTP/1.1 302 R\r\nLocation: /a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            Reply::Then::close);
    });
    const auto m = run(redirected_plan(server), GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 100U) << first_message(m);
    EXPECT_EQ(server.requests(), 200U);
}

TEST_P(Redirects, NobodyListensThere) {
    TestServer gone;
    const auto port = gone.port();
    gone.die();
    TestServer server([&](const test_support::Request&) {
        return redirect_to(fmt::format("http://localhost:{}/", port));
    });
    const auto m = run(redirected_plan(server), GetParam());
    EXPECT_EQ(all(m).outcomes[measure::Outcome::connect_error], 100U) << first_message(m);
    EXPECT_EQ(server.requests(), 100U);
}

TEST_P(Redirects, LargeBodiesAreRepeated) {
    const std::string large(2'000'000, 'x');
    std::atomic<int> whole = 0;
    TestServer server([&](const test_support::Request& request) {
        if (request.body == large) ++whole;
        return request.target == "/" ? test_support::status(307, "", "Location: /a\r\n")
                                     : test_support::ok();
    });
    auto plan = redirected_plan(server);
    plan.scenario.rates = {{1s, 10, 10}};
    auto& task = plan.scenario.classes[0].tasks[0];
    task.method = "POST";
    task.has_body = true;
    task.body = scenario::Template::constant(large);
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << first_message(m);
    EXPECT_EQ(whole, 20);
}

INSTANTIATE_TEST_SUITE_P(Loops, Redirects, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
