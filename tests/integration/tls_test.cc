// The engine over TLS on real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/engine_run.h"
#include "support/certificates.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using measure::Outcome;
using test_support::ServerCertificate;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Tls : public LoopTest {};

TEST_P(Tls, RequestsAreMeasuredLikePlainOnes) {
    test_support::TestServer server(tls_server());
    auto plan = tls_plan(server, 200, 1s);
    const auto m = run(plan, GetParam());
    const auto stats = all(m);
    EXPECT_EQ(stats.outcomes.ok(), 200U) << first_message(m);
    EXPECT_THAT(m.tls, StartsWith("TLSv1.3 TLS_AES_256_GCM_SHA384"));
    EXPECT_EQ(stats.handshake.count(), m.connections_opened);
    EXPECT_EQ(stats.connect.count(), m.connections_opened);
    EXPECT_GT(stats.handshake.min(), Nanos{0});
    EXPECT_EQ(stats.handshakes_resumed, 0U);
}

TEST_P(Tls, EveryConnectionAfterTheFirstIsResumedWhenAskedFor) {
    auto options = tls_server();
    options.handler = [](const test_support::Request&) {
        test_support::Reply reply;
        reply.pieces = {{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"}};
        reply.then = test_support::Then::close;
        return reply;
    };
    test_support::TestServer server(options);
    auto plan = tls_plan(server, 100, 1s);
    plan.scenario.model = scenario::Model::closed;
    plan.scenario.users = 3;
    plan.scenario.requests = 60;
    plan.scenario.target.tls.session_reuse = true;
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 60U) << first_message(m);
    EXPECT_EQ(all(m).handshake.count(), 60U);
    EXPECT_EQ(all(m).handshakes_resumed, 57U) << "each user's first handshake is a full one";
}

TEST_P(Tls, LargeBodiesGoBothWays) {
    const std::string large(3'000'000, 'x');
    auto options = tls_server();
    options.handler = [&](const test_support::Request& request) {
        return test_support::ok(request.body == large ? large : "short");
    };
    test_support::TestServer server(options);
    auto plan = tls_plan(server, 10, 1s);
    auto& task = plan.scenario.classes[0].tasks[0];
    task.method = "POST";
    task.has_body = true;
    task.body = scenario::Template::constant(large);
    task.expect.body_contains = {large.substr(0, 1000)};
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << first_message(m);
    EXPECT_GT(all(m).bytes_received, 30'000'000U);
}

TEST_P(Tls, AFailedHandshakeIsAConnectErrorThatNamesItsCause) {
    struct Case {
        ServerCertificate certificate;
        const char* says;
    };
    for (const auto& c : {Case{ServerCertificate::expired, "the certificate expired on"},
                          Case{ServerCertificate::self_signed, "the certificate is self-signed"},
                          Case{ServerCertificate::wrong_name,
                               "the certificate is for elsewhere.example, not localhost"}}) {
        test_support::TestServer server(tls_server(c.certificate));
        const auto plan = tls_plan(server, 20, 500ms);
        const auto m = run(plan, GetParam());
        EXPECT_EQ(all(m).outcomes[Outcome::connect_error], 10U);
        EXPECT_THAT(first_message(m), HasSubstr(c.says));
        EXPECT_THAT(first_message(m), StartsWith("TLS with 127.0.0.1:"));
        EXPECT_EQ(m.failures.groups().size(), 1U) << "the same words for the same cause";
        EXPECT_EQ(all(m).handshake.count(), 0U);
    }
}

TEST_P(Tls, AnotherNameCanBeAskedFor) {
    test_support::TestServer server(tls_server(ServerCertificate::wrong_name));
    auto plan = tls_plan(server, 20, 500ms);
    plan.origin.tls_name = "elsewhere.example";
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << first_message(m);
}

TEST_P(Tls, AServerWithoutTlsIsSaidToBeOne) {
    auto options = tls_server();
    options.tls->tamper = [](const test_support::Flight&) {
        return test_support::Tampered{{"HTTP/1.1 400 Bad Request\r\n\r\n"}, {}};
    };
    test_support::TestServer server(options);
    const auto m = run(tls_plan(server, 20, 500ms), GetParam());
    EXPECT_EQ(all(m).outcomes[Outcome::connect_error], 10U);
    EXPECT_THAT(first_message(m), HasSubstr("the server does not speak TLS on this port"));
}

TEST_P(Tls, TheConnectTimeoutCoversTheHandshake) {
    auto options = tls_server();
    options.on_accept = [](std::uint64_t) { return test_support::OnAccept::ignore; };
    test_support::TestServer server(options);
    auto plan = tls_plan(server, 20, 500ms);
    plan.scenario.classes[0].tasks[0].timeouts.connect = 200ms;
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes[Outcome::timeout], 10U);
    EXPECT_EQ(first_message(m), "connected, but no TLS handshake within 200ms");
}

TEST_P(Tls, ABodyCutOffWithoutCloseNotifyIsNoSuccess) {
    using test_support::Then;
    for (const auto& [then, outcome] :
         {std::pair{Then::close, Outcome::ok}, std::pair{Then::drop, Outcome::connection_closed}}) {
        auto options = tls_server();
        options.handler = [end = then](const test_support::Request&) {
            test_support::Reply reply;
            reply.pieces = {{"HTTP/1.1 200 OK\r\n\r\nuntil the end"}};
            reply.then = end;
            return reply;
        };
        test_support::TestServer server(options);
        const auto m = run(tls_plan(server, 20, 500ms), GetParam());
        EXPECT_EQ(all(m).outcomes[outcome], 10U) << first_message(m);
        if (outcome != Outcome::ok) {
            EXPECT_EQ(first_message(m),
                      "connection closed in the middle of the response (no TLS close_notify)");
        }
    }
}

TEST_P(Tls, ACompleteAnswerNeedsNoCloseNotify) {
    auto options = tls_server();
    options.handler = [](const test_support::Request&) {
        auto reply = test_support::ok();
        reply.then = test_support::Then::drop;
        return reply;
    };
    test_support::TestServer server(options);
    const auto m = run(tls_plan(server, 20, 500ms), GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 10U) << first_message(m);
}

// A proxy that never comes to a tunnel is a plain HTTP server.
TEST_P(Tls, ARefusedTunnelIsAConnectErrorThatNamesTheProxy) {
    struct Case {
        test_support::Reply reply;
        Outcome outcome;
        const char* says;
    };
    for (const auto& c :
         {Case{test_support::status(407, ""), Outcome::connect_error,
               "the proxy http://proxy.test:3128 refused the tunnel: 407 "},
          Case{test_support::raw("no HTTP at all\r\n\r\n"), Outcome::connect_error,
               "the proxy http://proxy.test:3128 answered CONNECT with something that is not HTTP"},
          Case{
              test_support::closed(), Outcome::connect_error,
              "the proxy http://proxy.test:3128 closed the connection instead of opening a tunnel"},
          Case{test_support::endless_headers(), Outcome::connect_error,
               "the proxy http://proxy.test:3128 refused the tunnel: 200"},
          Case{test_support::never(), Outcome::timeout,
               "connected to the proxy, but no tunnel within 300ms"}}) {
        test_support::TestServer proxy([&](const test_support::Request& request) {
            EXPECT_EQ(request.method, "CONNECT");
            EXPECT_EQ(request.target, "api.test:443");
            return c.reply;
        });
        auto plan = open_plan(proxy, 20, 250ms);
        plan.scenario.classes[0].tasks[0].timeouts.connect = 300ms;
        plan.origin.tls = true;
        plan.origin.host = plan.origin.authority = "api.test";
        plan.origin.proxy = "http://proxy.test:3128";
        set_proxy_forms(plan.origin, 443);
        const auto m = run(plan, GetParam());
        EXPECT_EQ(all(m).outcomes[c.outcome], 5U) << c.says << ": " << first_message(m);
        EXPECT_THAT(first_message(m), StartsWith(c.says));
    }
}

TEST_P(Tls, PlainRequestsNameTheirTargetToAProxy) {
    test_support::TestServer proxy([](const test_support::Request& request) {
        EXPECT_EQ(request.target, "http://api.test/");
        EXPECT_THAT(request.headers, HasSubstr("Host: api.test\r\n"));
        EXPECT_THAT(request.headers, HasSubstr("Proxy-Authorization: Basic eDp5\r\n"));
        return test_support::ok();
    });
    auto plan = open_plan(proxy, 20, 250ms);
    plan.origin.host = plan.origin.authority = "api.test";
    plan.origin.proxy = "http://proxy.test:3128";
    plan.origin.proxy_authorization = "Basic eDp5";
    set_proxy_forms(plan.origin, 80);
    const auto m = run(plan, GetParam());
    EXPECT_EQ(all(m).outcomes.ok(), 5U) << first_message(m);
}

INSTANTIATE_TEST_SUITE_P(Loops, Tls, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
