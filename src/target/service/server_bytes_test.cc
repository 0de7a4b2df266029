// The server at the level of bytes: whatever a socket may bring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "target/service/service_support.h"

namespace squadload::service {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kGet = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kPostAbc = "POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";

TEST(ServerBytes, ARequestIsAnsweredHoweverItIsCut) {
    Served served(echo_router());
    RawClient client(served.port());
    for (std::size_t at = 1; at < kPostAbc.size(); ++at) {
        client.send(kPostAbc.substr(0, at));
        client.send(kPostAbc.substr(at));
        ASSERT_THAT(client.answer(), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\nabc")))
            << at;
    }
    for (const char c : kPostAbc) client.send(std::string(1, c));
    EXPECT_THAT(client.answer(), EndsWith("\r\nabc"));
    const auto counters = served.counters();
    EXPECT_EQ(counters.connections, 1U);
    EXPECT_EQ(counters.requests, kPostAbc.size());
    EXPECT_EQ(counters.bad_requests, 0U);
}

TEST(ServerBytes, PipelinedRequestsAreAnsweredInOrder) {
    auto router = echo_router();
    router.add("GET", "/slow", [](Request) { return reply_later(20ms, "slow"); });
    Served served(std::move(router));
    RawClient client(served.port());
    const std::string slow = "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n";
    client.send(slow + kGet + kPostAbc + slow + kGet);
    for (const char* body : {"slow", "/hello", "abc", "slow", "/hello"})
        EXPECT_THAT(client.answer(), EndsWith("\r\n\r\n" + std::string(body)));
}

TEST(ServerBytes, AThousandPipelinedRequestsAreAnswered) {
    Served served(echo_router());
    RawClient client(served.port());
    std::string many;
    for (int i = 0; i < 1000; ++i) many += kGet;
    client.send(many);
    for (int i = 0; i < 1000; ++i) ASSERT_THAT(client.answer(), EndsWith("/hello"));
}

// Pipelined behind a slow request, more than the server reads ahead.
TEST(ServerBytes, WhatIsPipelinedFarAheadIsHeldBackAndAnswered) {
    auto router = echo_router();
    router.add("GET", "/slow", [](Request) { return reply_later(20ms, "slow"); });
    Served served(std::move(router));
    RawClient client(served.port());
    client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string body(100'000, 'x');
    const auto post = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + body;
    client.send(post + post);
    EXPECT_THAT(client.answer(), EndsWith("slow"));
    EXPECT_THAT(client.answer(), EndsWith("\r\n\r\n" + body));
    EXPECT_THAT(client.answer(), EndsWith("\r\n\r\n" + body));
}

TEST(ServerBytes, HeadersAreThoseOfAGoodServer) {
    Served served(echo_router());
    RawClient client(served.port());
    client.send(kGet);
    EXPECT_THAT(client.answer(),
                ::testing::MatchesRegex(
                    "HTTP/1.1 200 OK\r\nDate: [A-Z][a-z][a-z], [0-9]+ [A-Z][a-z][a-z] [0-9]+ "
                    "[0-9:]+ GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Length: 6\r\nx-method: GET\r\n\r\n/hello"));
    client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(client.answer(true),
                AllOf(HasSubstr("Content-Length: 6\r\n"), EndsWith("\r\n\r\n")));
    client.send("HEAD /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.rest(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Connection: close"),
                                     EndsWith("\r\n\r\n")));
}

TEST(ServerBytes, OldClientsAreServed) {
    Served served(echo_router());
    {
        RawClient client(served.port());
        client.send("GET /old HTTP/1.0\r\n\r\n");
        EXPECT_THAT(client.rest(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("/old")));
    }
    RawClient client(served.port());
    client.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_THAT(client.answer(), HasSubstr("Connection: keep-alive\r\n"));
    client.send(kGet);
    EXPECT_THAT(client.answer(), EndsWith("/hello"));
}

TEST(ServerBytes, AClientThatEndsItsSideIsStillAnswered) {
    Served served(echo_router());
    RawClient client(served.port());
    client.send(kGet + kPostAbc);
    client.end();
    EXPECT_THAT(client.rest(), AllOf(HasSubstr("/hello"), EndsWith("abc")));
    EXPECT_TRUE(served.comes_true([](const auto& c) { return c.connections_now == 0; }));
}

TEST(ServerBytes, TheBodyIsAskedForWhenTheClientWaits) {
    Served served(echo_router());
    RawClient client(served.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(client.answer(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    EXPECT_THAT(client.answer(), AllOf(StartsWith("HTTP/1.1 200"), EndsWith("abc")));
    client.send(
        "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nxyz");
    EXPECT_THAT(client.answer(), StartsWith("HTTP/1.1 200")) << "it is there already";
}

struct Refusal {
    std::string bytes;
    int status;
};

std::vector<Refusal> refusals() {
    const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
    return {
        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},  // a TLS ClientHello
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400},
        {post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kGet, 400},
        {post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + kGet, 400},
        {post + "Content-Length: 3\r\nContent-Length: 30\r\n\r\nabc" + kGet, 400},
        {post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + kGet, 400},
        {post + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + kGet, 400},
        {post + "Transfer-Encoding: chunked\r\n\r\nx\r\n" + kGet, 400},
        {post + "Content-Length : 3\r\n\r\nabc" + kGet, 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", 431},
        {std::string(20'000, 'x'), 431},
        {post + "Content-Length: 1048577\r\n\r\n", 413},
        {post + "Transfer-Encoding: chunked\r\n\r\n100001\r\n", 413},
    };
}

TEST(ServerBytes, RefusedMessagesAreAnsweredOnceAndTheConnectionEnds) {
    Served served(echo_router());
    for (const auto& [bytes, status] : refusals()) {
        RawClient client(served.port());
        client.send(bytes);
        const auto answer = client.rest();
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(status))) << bytes;
        EXPECT_THAT(answer, AllOf(HasSubstr("Connection: close\r\n"), HasSubstr("{\"error\":{")));
        EXPECT_THAT(answer, Not(HasSubstr("/hello"))) << "a smuggled request was answered";
        EXPECT_FALSE(client.was_reset()) << "the answer could have been lost";
    }
    const auto counters = served.counters();
    EXPECT_EQ(counters.requests, 0U);
    EXPECT_EQ(counters.bad_requests, 10U);
    EXPECT_EQ(counters.too_large, 4U);
}

// 413 must reach a client that goes on sending its body, instead of a reset.
TEST(ServerBytes, ALargeBodyIsRefusedWhileItIsStillSent) {
    Served served(echo_router());
    RawClient client(served.port());
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n");
    client.send(std::string(2'000'000, 'x'));
    client.end();
    EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 413 "));
}

TEST(ServerBytes, SlowHeadersAndBodiesTimeOut) {
    ServerOptions options;
    options.header_timeout = 30ms;
    options.body_timeout = 30ms;
    Served served(echo_router(), options);
    for (const char* start : {"GET / HT", "GET / HTTP/1.1\r\nHost: h\r\nX", "\r",
                              "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc"}) {
        RawClient client(served.port());
        client.send(start);
        EXPECT_THAT(client.rest(), AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("request_timeout")))
            << start;
    }
    EXPECT_EQ(served.counters().timeouts, 4U);
}

TEST(ServerBytes, IdleConnectionsAreClosedSilently) {
    ServerOptions options;
    options.idle_timeout = 30ms;
    Served served(echo_router(), options);
    RawClient fresh(served.port());
    EXPECT_EQ(fresh.rest(), "");
    RawClient used(served.port());
    used.send(kGet);
    EXPECT_THAT(used.answer(), EndsWith("/hello"));
    EXPECT_EQ(used.rest(), "");
    EXPECT_FALSE(used.was_reset());
    EXPECT_EQ(served.counters().timeouts, 0U);
}

TEST(ServerBytes, ARequestUnderWayIsNotIdle) {
    ServerOptions options;
    options.idle_timeout = 20ms;
    options.header_timeout = 20ms;
    options.body_timeout = 20ms;
    options.write_timeout = 20ms;
    Router router;
    router.add("GET", "/slow", [](Request) { return reply_later(200ms, "slow"); });
    Served served(std::move(router), options);
    RawClient client(served.port());
    client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(client.answer(), EndsWith("slow"));
}

TEST(ServerBytes, AClientThatDoesNotReadIsCutOff) {
    ServerOptions options;
    options.write_timeout = 50ms;
    Router router;
    router.add_quick("GET", "/large",
                     [](const Request&) { return text_reply(200, std::string(50'000'000, 'x')); });
    Served served(std::move(router), options);
    RawClient client(served.port());
    client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(served.comes_true([](const auto& c) { return c.timeouts == 1; }));
    EXPECT_TRUE(served.comes_true([](const auto& c) { return c.connections_now == 0; }));
}

TEST(ServerBytes, ALargeAnswerArrivesWhole) {
    Router router;
    router.add_quick("GET", "/large", [](const Request&) {
        return text_reply(200, std::string(20'000'000, 'x') + "end");
    });
    Served served(std::move(router));
    RawClient client(served.port());
    client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 2; ++i) {
        const auto answer = client.answer();
        EXPECT_GT(answer.size(), 20'000'000U);
        EXPECT_THAT(answer.substr(answer.size() - 4), "xend");
    }
}

TEST(ServerBytes, NoBytesBreakTheServer) {
    ServerOptions options;
    options.header_timeout = 1s;
    options.body_timeout = 1s;
    Served served(echo_router(), options);
    for (std::uint64_t round = 0; round < 300; ++round) {
        Random random(11, RandomStream::test, round);
        std::string bytes = round % 2 == 0 ? kGet + kPostAbc : std::string();
        for (auto n = random.below(200); n > 0; --n)
            bytes.insert(random.below(bytes.size() + 1), 1, static_cast<char>(random.below(256)));
        RawClient client(served.port());
        client.send(bytes);
        if (random.below(2) == 0)
            client.reset();
        else
            client.end();
    }
    EXPECT_TRUE(served.comes_true([](const auto& c) { return c.connections_now == 0; }));
    RawClient client(served.port());
    client.send(kGet);
    EXPECT_THAT(client.answer(), EndsWith("/hello"));
}

}  // namespace
}  // namespace squadload::service
