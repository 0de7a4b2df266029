#include "run/side_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/test_server.h"

namespace squadload::run {
namespace {

using namespace std::chrono_literals;
using test_support::Reply;
using test_support::Request;
using test_support::TestServer;
using ::testing::HasSubstr;

std::unique_ptr<SideClient> client_of(const TestServer& server) {
    auto client = SideClient::make(server.url(), system_network());
    EXPECT_TRUE(client) << client.error().text();
    return std::move(*client);
}

TEST(SideClient, AsksAndIsAnswered) {
    std::string seen;
    test_support::ServerOptions options;
    options.handler = [&seen](const Request& r) {
        seen = r.method + " " + r.target + " " + r.body;
        return test_support::ok("answer " + std::to_string(r.number));
    };
    TestServer server(options);
    const auto client = client_of(server);
    auto answer = client->send("POST", "/control/faults?x=1", R"({"kind":"outage"})", 5s);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "answer 0");
    EXPECT_EQ(seen, R"(POST /control/faults?x=1 {"kind":"outage"})");
    answer = client->send("GET", "/arrivals?since=5", "", 5s);
    ASSERT_TRUE(answer);
    EXPECT_EQ(seen, "GET /arrivals?since=5 ");
}

TEST(SideClient, WhatIsAskedAgainKeepsItsConnection) {
    std::vector<std::uint64_t> connections;
    test_support::ServerOptions options;
    options.handler = [&](const Request& r) {
        connections.push_back(r.connection);
        return test_support::ok("x");
    };
    TestServer server(options);
    const auto client = client_of(server);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(client->send("GET", "/health", "", 5s));
    ASSERT_EQ(connections.size(), 3U);
    EXPECT_EQ(connections[0], connections[2]);
}

TEST(SideClient, AnyStatusIsAnAnswer) {
    test_support::ServerOptions options;
    options.handler = [](const Request& r) {
        return test_support::status(r.target == "/a" ? 429 : 503, "no");
    };
    TestServer server(options);
    const auto client = client_of(server);
    EXPECT_EQ(client->send("GET", "/a", "", 5s)->status, 429);
    EXPECT_EQ(client->send("GET", "/b", "", 5s)->status, 503);
    EXPECT_EQ(client->send("GET", "/b", "", 5s)->body, "no");
}

TEST(SideClient, NoAnswerIsASentence) {
    test_support::ServerOptions options;
    options.handler = [](const Request&) { return test_support::never(); };
    TestServer server(options);
    const auto client = client_of(server);
    const auto late = client->send("GET", "/health", "", 50ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::unreachable);
    EXPECT_THAT(late.error().message, HasSubstr("/health: no complete answer within 50ms"));
}

TEST(SideClient, ABodyBeyondItsBoundIsNone) {
    test_support::ServerOptions options;
    options.handler = [](const Request&) { return test_support::ok(std::string(5000, 'x')); };
    TestServer server(options);
    const auto client = client_of(server);
    EXPECT_EQ(client->send("GET", "/a", "", 5s)->body.size(), 5000U);
    EXPECT_FALSE(client->send("GET", "/b", "", 5s, 4999));
}

TEST(SideClient, NobodyThereIsToldAtOnce) {
    std::string url;
    {
        TestServer server(test_support::ServerOptions{});
        url = server.url();
    }
    const auto client = SideClient::make(url, system_network());
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().kind, ErrorKind::unreachable);
}

}  // namespace
}  // namespace squadload::run
