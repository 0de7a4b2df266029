#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.h"
#include "support/test_server.h"
#include "target/service/service_support.h"

namespace squadload::service {
namespace {

using namespace std::chrono_literals;
using test_support::ServerCertificate;
using test_support::TestServer;
using ::testing::HasSubstr;

class ClientTls : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { certificates_ = new test_support::Certificates; }
    static void TearDownTestSuite() { delete std::exchange(certificates_, nullptr); }

    static test_support::ServerOptions serving(ServerCertificate kind = ServerCertificate::good) {
        test_support::ServerOptions options;
        options.tls.emplace();
        options.tls->certificate = certificates_->server(kind);
        options.handler = [](const test_support::Request& request) {
            return test_support::ok(request.body.empty() ? request.target : request.body);
        };
        return options;
    }
    std::unique_ptr<Client> trusting() {
        ClientOptions options;
        options.ca_file = certificates_->authority();
        return loop_.client(options);
    }
    Answer ask(Client& client, const TestServer& server, std::string body = "",
               const char* host = "127.0.0.1", Nanos within = kPatience) {
        ClientRequest request;
        request.origin = {true, host, server.port()};
        request.target = "/over-tls";
        request.method = "POST";
        request.body = std::move(body);
        return loop_.send(client, std::move(request), within);
    }

    TestLoop loop_;
    static test_support::Certificates* certificates_;
};

test_support::Certificates* ClientTls::certificates_ = nullptr;

TEST_F(ClientTls, AnswersComeOverAKeptConnection) {
    const TestServer server(serving());
    const auto client = trusting();
    for (int i = 0; i < 3; ++i) {
        const auto answer = ask(*client, server);
        ASSERT_TRUE(answer.ok()) << answer.failure->sentence;
        EXPECT_EQ(answer.body, "/over-tls");
        EXPECT_EQ(answer.reused, i > 0);
    }
    EXPECT_EQ(server.connections(), 1U);
    const auto named = ask(*client, server, "", "localhost");
    EXPECT_TRUE(named.ok()) << named.failure->sentence;
}

TEST_F(ClientTls, LargeBodiesGoBothWays) {
    const TestServer server(serving());
    const auto client = trusting();
    const std::string large(3'000'000, 'x');
    const auto answer = ask(*client, server, large);
    ASSERT_TRUE(answer.ok()) << answer.failure->sentence;
    EXPECT_EQ(answer.body.size(), large.size());
    EXPECT_EQ(answer.body, large);
}

TEST_F(ClientTls, ABadCertificateIsRefused) {
    struct Case {
        ServerCertificate certificate;
        const char* says;
    };
    for (const auto& [certificate, says] : {Case{ServerCertificate::expired, "expired"},
                                            Case{ServerCertificate::wrong_name, "mismatch"},
                                            Case{ServerCertificate::self_signed, "self-signed"},
                                            Case{ServerCertificate::unknown_authority, "issuer"},
                                            Case{ServerCertificate::missing_intermediate, "issuer"},
                                            Case{ServerCertificate::client_only, "purpose"}}) {
        const TestServer server(serving(certificate));
        const auto client = trusting();
        const auto answer = ask(*client, server);
        ASSERT_FALSE(answer.ok()) << says;
        EXPECT_EQ(answer.failure->kind, FailureKind::tls) << answer.failure->sentence;
        EXPECT_THAT(answer.failure->sentence, HasSubstr(says));
        EXPECT_THAT(answer.failure->sentence, HasSubstr("TLS with 127.0.0.1:"));
        EXPECT_EQ(server.requests(), 0U) << "nothing is said to a stranger";
    }
}

TEST_F(ClientTls, TheSystemsAuthoritiesAreTrustedByDefaultOnly) {
    const TestServer server(serving());
    const auto client = loop_.client();
    EXPECT_EQ(ask(*client, server).failure->kind, FailureKind::tls);
    ClientOptions options;
    options.verify = false;
    const auto careless = loop_.client(options);
    EXPECT_TRUE(ask(*careless, server).ok());
}

TEST_F(ClientTls, AMissingCaFileIsAnErrorAtOnce) {
    ClientOptions options;
    options.ca_file = "/nonexistent/ca.pem";
    const auto client = Client::create(loop_.io(), options);
    ASSERT_FALSE(client);
    EXPECT_THAT(client.error().text(), HasSubstr("/nonexistent/ca.pem"));
}

TEST_F(ClientTls, AServerWithoutTlsIsATlsFailure) {
    Served served(echo_router());
    const auto client = trusting();
    ClientRequest request;
    request.origin = {true, "127.0.0.1", served.port()};
    EXPECT_EQ(loop_.send(*client, std::move(request)).failure->kind, FailureKind::tls);
    EXPECT_EQ(client->counters().connections_now, 0U);
}

// Whoever cuts the connection must not pass off half a body as a whole one.
TEST_F(ClientTls, AnEndWithoutCloseNotifyIsNoEndOfABody) {
    auto options = serving();
    options.handler = [](const test_support::Request& request) {
        auto reply = test_support::until_close("half");
        if (request.number == 0) reply.then = test_support::Then::drop;
        return reply;
    };
    const TestServer server(options);
    const auto client = trusting();
    EXPECT_EQ(ask(*client, server).failure->kind, FailureKind::closed);
    const auto whole = ask(*client, server);
    ASSERT_TRUE(whole.ok()) << whole.failure->sentence;
    EXPECT_EQ(whole.body, "half");
}

TEST_F(ClientTls, DeadlinesStrike) {
    auto options = serving();
    options.handler = [](const test_support::Request&) { return test_support::never(); };
    const TestServer server(options);
    const auto client = trusting();
    EXPECT_EQ(ask(*client, server, "", "127.0.0.1", 100ms).failure->kind, FailureKind::timeout);
    EXPECT_EQ(client->counters().connections_now, 0U);
}

TEST_F(ClientTls, AClosedConnectionIsNotUsedAgain) {
    TestServer server(serving());
    const auto client = trusting();
    EXPECT_TRUE(ask(*client, server).ok());
    server.close_idle();
    server.settle();
    const auto answer = ask(*client, server);
    EXPECT_TRUE(answer.ok()) << answer.failure->sentence;
    EXPECT_FALSE(answer.reused);
    EXPECT_EQ(server.requests(), 2U);
}

}  // namespace
}  // namespace squadload::service
