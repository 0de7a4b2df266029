#include "target/service/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/redirect_error.hpp>
#include <vector>

#include "support/test_server.h"
#include "target/service/service_support.h"

namespace squadload::service {
namespace {

using namespace std::chrono_literals;
using test_support::TestServer;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Origin origin_of(const TestServer& server) {
    return {server.url().starts_with("https"), server.host(), server.port()};
}

ClientRequest request_to(const Origin& origin, std::string target = "/", std::string method = "GET",
                         std::string body = "") {
    ClientRequest request;
    request.origin = origin;
    request.target = std::move(target);
    request.method = std::move(method);
    request.body = std::move(body);
    return request;
}

std::string outcome(const Answer& answer) {
    return answer.ok() ? std::to_string(answer.status) : name_of(answer.failure->kind);
}

TEST(ClientTest, SendsAndKeepsTheConnection) {
    Served served(echo_router());
    TestLoop loop;
    const auto client = loop.client();
    for (int i = 0; i < 5; ++i) {
        auto request = request_to(served.origin(), "/a?b", "POST", "body " + std::to_string(i));
        request.headers.add("x-correlation-id", "7");
        const auto answer = loop.send(*client, std::move(request));
        ASSERT_TRUE(answer.ok()) << answer.failure->sentence;
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "body " + std::to_string(i));
        EXPECT_EQ(answer.headers.get("X-METHOD"), "POST");
        EXPECT_EQ(answer.reused, i > 0);
        EXPECT_FALSE(answer.retried);
        const auto& t = answer.timings;
        EXPECT_LE(t.started, t.connected_at);
        EXPECT_LE(t.connected_at, t.sent);
        EXPECT_LE(t.sent, t.first_byte);
        EXPECT_LE(t.first_byte, t.done);
        EXPECT_NE(t.started, MonoTime{});
    }
    EXPECT_EQ(served.counters().connections, 1U);
    EXPECT_EQ(client->counters().connections_opened, 1U);
    EXPECT_EQ(client->counters().idle_now, 1U);
    client->close();
    EXPECT_EQ(client->counters().connections_now, 0U);
    EXPECT_TRUE(loop.send(*client, request_to(served.origin())).ok());
    EXPECT_EQ(client->counters().connections_now, 0U) << "none is kept any more";
}

TEST(ClientTest, ReadsEveryKindOfAnswer) {
    TestServer server([](const test_support::Request& request) {
        if (request.target == "/chunked") return test_support::chunked({"one ", "two"});
        if (request.target == "/close") return test_support::until_close("until the end");
        if (request.target == "/slow") return test_support::dribbled(test_support::ok("slow"), 1ms);
        if (request.method == "HEAD")
            return test_support::raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
        return test_support::raw("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No\r\n\r\n");
    });
    TestLoop loop;
    const auto client = loop.client();
    const auto origin = origin_of(server);
    EXPECT_EQ(loop.send(*client, request_to(origin, "/chunked")).body, "one two");
    EXPECT_EQ(loop.send(*client, request_to(origin, "/slow")).body, "slow");
    EXPECT_EQ(outcome(loop.send(*client, request_to(origin, "/", "HEAD"))), "200");
    EXPECT_EQ(outcome(loop.send(*client, request_to(origin))), "204");
    EXPECT_EQ(client->counters().connections_opened, 1U);
    EXPECT_EQ(loop.send(*client, request_to(origin, "/close")).body, "until the end");
    EXPECT_EQ(client->counters().idle_now, 0U) << "that one is closed";
}

TEST(ClientTest, EveryEndingHasItsFailure) {
    Router router;
    for (const auto& [path, ending] :
         {std::pair{"/truncate", Ending::truncate}, std::pair{"/reset", Ending::reset},
          std::pair{"/close", Ending::close}})
        router.add_quick("POST", path, [how = ending](const Request&) {
            auto reply = text_reply(200, "0123456789");
            reply.ending = how;
            return reply;
        });
    Served served(std::move(router));
    TestLoop loop;
    const auto client = loop.client();
    struct Case {
        const char* path;
        const char* says;
    };
    for (const auto& [path, says] : {Case{"/truncate", " closed the connection in the middle"},
                                     Case{"/reset", " broke before it answered: Connection reset"},
                                     Case{"/close", " closed the connection before it answered"}}) {
        const auto answer = loop.send(*client, request_to(served.origin(), path, "POST"));
        EXPECT_EQ(outcome(answer), "closed") << path;
        EXPECT_THAT(answer.failure->sentence, HasSubstr(says));
        EXPECT_EQ(answer.status, 0);
        EXPECT_EQ(answer.body, "");
        EXPECT_NE(answer.timings.done, MonoTime{});
    }
    EXPECT_EQ(client->counters().connections_now, 0U);
}

TEST(ClientTest, WhatIsNoAnswerIsAProtocolFailureOrTooLarge) {
    TestServer server([](const test_support::Request& request) {
        if (request.target == "/garbage") return test_support::garbage(3);
        if (request.target == "/headers") return test_support::endless_headers();
        if (request.target == "/interim") return test_support::endless_interim();
        if (request.target == "/extension") return test_support::endless_chunk_extension();
        if (request.target == "/body") return test_support::endless_body();
        return test_support::endless_body(1'000'000'000);
    });
    TestLoop loop;
    ClientOptions options;
    options.max_body_bytes = 100'000;
    const auto client = loop.client(options);
    const auto ask = [&](const char* target) {
        return outcome(loop.send(*client, request_to(origin_of(server), target)));
    };
    EXPECT_EQ(ask("/garbage"), "protocol");
    EXPECT_EQ(ask("/headers"), "too_large");
    EXPECT_EQ(ask("/interim"), "protocol");
    EXPECT_EQ(ask("/extension"), "too_large");
    EXPECT_EQ(ask("/body"), "too_large");
    EXPECT_EQ(ask("/announced"), "too_large");
    EXPECT_EQ(outcome(loop.send(*client, request_to(origin_of(server), "/a b"))), "protocol");
    EXPECT_EQ(client->counters().connections_now, 0U);
}

TEST(ClientTest, UnaskedBytesEndTheConnection) {
    TestServer server([](const test_support::Request&) {
        return test_support::raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK");
    });
    TestLoop loop;
    const auto client = loop.client();
    for (int i = 0; i < 3; ++i) {
        const auto answer = loop.send(*client, request_to(origin_of(server)));
        EXPECT_EQ(answer.body, "ok");
        EXPECT_FALSE(answer.reused) << "what follows would be taken for the next answer";
    }
}

TEST(ClientTest, NobodyThere) {
    std::uint16_t port = 0;
    {
        TestServer server;
        port = server.port();
    }
    TestLoop loop;
    const auto client = loop.client();
    const auto refused = loop.send(*client, request_to({false, "127.0.0.1", port}));
    EXPECT_EQ(outcome(refused), "connect");
    EXPECT_EQ(refused.failure->sentence, "connecting to http://127.0.0.1:" + std::to_string(port) +
                                             " failed: Connection refused");
    const auto nameless = loop.send(*client, request_to({false, "..", port}));
    EXPECT_EQ(outcome(nameless), "resolve");
    EXPECT_THAT(nameless.failure->sentence, StartsWith("looking up .. failed: "));
    EXPECT_EQ(client->counters().connections_now, 0U);
}

TEST(ClientTest, NamesAreLookedUp) {
    TestServer server;
    TestLoop loop;
    const auto client = loop.client();
    for (int i = 0; i < 2; ++i) {
        const auto answer = loop.send(*client, request_to({false, "localhost", server.port()}));
        EXPECT_EQ(outcome(answer), "200") << answer.failure->sentence;
    }
    // Several at once, of which only one looks the name up; the other addresses are tried as well.
    std::size_t answered = 0;
    const auto other = loop.client();
    for (int i = 0; i < 20; ++i)
        asio::co_spawn(
            loop.io(),
            other->send(request_to({false, "localhost", server.port()}), mono_now() + kPatience),
            [&](const std::exception_ptr&, const Answer& answer) {
                answered += answer.ok() ? 1U : 0U;
            });
    loop.until([&] { return answered == 20; });
}

// A listening socket that accepts nobody, its backlog full: connecting to it takes for ever.
class FullBacklog {
  public:
    FullBacklog() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener_, generic, size), 0);
        EXPECT_EQ(::listen(listener_, 0), 0);
        EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
        port_ = ntohs(address.sin_port);
        for (auto& filler : fillers_) {
            filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
            ::connect(filler, generic, size);
        }
    }
    ~FullBacklog() {
        for (const int filler : fillers_) ::close(filler);
        ::close(listener_);
    }
    FullBacklog(const FullBacklog&) = delete;
    FullBacklog& operator=(const FullBacklog&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    int listener_;
    std::uint16_t port_ = 0;
    int fillers_[8] = {};
};

TEST(ClientTest, TheDeadlineStrikesAtEveryStage) {
    const FullBacklog full;
    test_support::ServerOptions mute;
    mute.on_accept = [](std::uint64_t) { return test_support::OnAccept::ignore; };
    const TestServer deaf(mute);
    const TestServer server([](const test_support::Request& request) {
        if (request.target == "/never") return test_support::never();
        if (request.target == "/header") return test_support::raw("HTTP/1.1 200 OK\r\nX");
        return test_support::wrong_length(100, 50);
    });
    TestLoop loop;
    const auto client = loop.client();
    struct Case {
        ClientRequest request;
        const char* says;
    };
    const std::string large(50'000'000, 'x');
    const Origin shy{true, "127.0.0.1", deaf.port()};
    for (const auto& [request, says] :
         {Case{request_to({false, "127.0.0.1", full.port()}), "too long to connect"},
          Case{request_to(shy), "too long to agree on TLS"},
          Case{request_to(origin_of(deaf), "/", "POST", large), "too long while the request"},
          Case{request_to(origin_of(server), "/never"), "too long before it answered"},
          Case{request_to(origin_of(server), "/header"), "too long in the middle of the answer"},
          Case{request_to(origin_of(server), "/body"), "too long in the middle of the answer"}}) {
        const auto answer = loop.send(*client, request, 50ms);
        EXPECT_EQ(outcome(answer), "timeout") << says;
        EXPECT_THAT(answer.failure->sentence, HasSubstr(says));
        EXPECT_GE(answer.timings.done - answer.timings.started, 49ms);
        EXPECT_EQ(client->counters().connections_now, 0U) << says;
    }
}

TEST(ClientTest, ConnectingHasABoundOfItsOwn) {
    const FullBacklog full;
    TestLoop loop;
    ClientOptions options;
    options.connect_timeout = 20ms;
    const auto client = loop.client(options);
    const auto answer = loop.send(*client, request_to({false, "127.0.0.1", full.port()}));
    EXPECT_EQ(outcome(answer), "timeout");
}

TEST(ClientTest, ADeadlineThatWasMetDoesNotStrikeTheNextRequest) {
    TestServer server([](const test_support::Request& request) {
        return request.number == 0 ? test_support::ok()
                                   : test_support::delayed(test_support::ok(), 150ms);
    });
    TestLoop loop;
    const auto client = loop.client();
    EXPECT_EQ(outcome(loop.send(*client, request_to(origin_of(server)), 50ms)), "200");
    const auto second = loop.send(*client, request_to(origin_of(server)));
    EXPECT_EQ(outcome(second), "200");
    EXPECT_TRUE(second.reused);
    EXPECT_EQ(outcome(loop.send(*client, request_to(origin_of(server)), 50ms)), "timeout")
        << "a nearer deadline after a far one";
}

TEST(ClientTest, ThePoolHasABoundAndAnOrder) {
    std::vector<std::string> order;
    TestServer server([&order](const test_support::Request& request) {
        order.push_back(request.target);
        return test_support::delayed(test_support::ok(), 2ms);
    });
    TestLoop loop;
    ClientOptions options;
    options.max_connections_per_origin = 1;
    const auto client = loop.client(options);
    std::vector<std::string> expected;
    std::size_t answered = 0;
    for (int i = 0; i < 20; ++i) {
        expected.push_back("/" + std::to_string(i));
        asio::co_spawn(
            loop.io(),
            client->send(request_to(origin_of(server), expected.back()), mono_now() + kPatience),
            [&](const std::exception_ptr&, const Answer& answer) {
                EXPECT_TRUE(answer.ok());
                EXPECT_EQ(client->counters().connections_now, 1U);
                ++answered;
            });
    }
    loop.until([&] { return client->counters().waiting_now == 19; });
    loop.until([&] { return answered == 20; });
    server.settle();
    EXPECT_EQ(order, expected);
    EXPECT_EQ(server.connections(), 1U);
    EXPECT_EQ(client->counters().waiting_now, 0U);
}

// Whoever waits gets the slot of a connection that is not kept, and gives up at its deadline.
TEST(ClientTest, AWaitForAConnectionEnds) {
    TestServer server([](const test_support::Request& request) {
        if (request.target == "/never") return test_support::never();
        return test_support::until_close("x");
    });
    TestLoop loop;
    ClientOptions options;
    options.max_connections_per_origin = 1;
    const auto client = loop.client(options);
    std::vector<std::string> outcomes;
    const auto start = [&](const char* target, Nanos within) {
        asio::co_spawn(loop.io(),
                       client->send(request_to(origin_of(server), target), mono_now() + within),
                       [&](const std::exception_ptr&, const Answer& answer) {
                           outcomes.push_back(answer.ok() ? answer.body : answer.failure->sentence);
                       });
    };
    start("/never", 100ms);
    start("/close", 20ms);
    start("/close", kPatience);
    start("/close", kPatience);
    loop.until([&] { return outcomes.size() == 4; });
    EXPECT_THAT(outcomes[0], HasSubstr("no connection to "));
    EXPECT_THAT(outcomes[0], HasSubstr(" was free in time"));
    EXPECT_THAT(outcomes[1], HasSubstr("too long before it answered"));
    EXPECT_EQ(outcomes[2], "x");
    EXPECT_EQ(outcomes[3], "x");
    EXPECT_EQ(client->counters().connections_now, 0U);
}

TEST(ClientTest, OnlySoManyStayIdleAndNotForEver) {
    TestServer server([](const test_support::Request&) {
        return test_support::delayed(test_support::ok(), 20ms);
    });
    TestLoop loop;
    ClientOptions options;
    options.max_idle_per_origin = 2;
    options.idle_timeout = 50ms;
    const auto client = loop.client(options);
    std::size_t answered = 0;
    for (int i = 0; i < 5; ++i)
        asio::co_spawn(loop.io(),
                       client->send(request_to(origin_of(server)), mono_now() + kPatience),
                       [&](const std::exception_ptr&, const Answer&) { ++answered; });
    loop.until([&] { return answered == 5; });
    EXPECT_EQ(client->counters().connections_opened, 5U);
    EXPECT_EQ(client->counters().idle_now, 2U);
    loop.until([&] { return client->counters().connections_now == 0; });
    EXPECT_EQ(client->counters().idle_now, 0U);
}

TEST(ClientTest, AKeptConnectionThatWasClosedIsNotUsed) {
    TestServer server;
    TestLoop loop;
    const auto client = loop.client();
    for (int i = 0; i < 3; ++i) {
        const auto answer = loop.send(*client, request_to(origin_of(server), "/", "POST", "x"));
        EXPECT_EQ(outcome(answer), "200");
        EXPECT_FALSE(answer.reused);
        EXPECT_FALSE(answer.retried);
        server.close_idle();
        server.settle();
    }
    EXPECT_EQ(server.requests(), 3U);
}

// The second request on the first connection is read and not answered.
TEST(ClientTest, ARequestOnAStaleConnectionIsRepeatedOnlyIfThatIsHarmless) {
    for (const bool by_reset : {false, true})
        for (const char* method : {"GET", "POST"}) {
            TestServer server([by_reset](const test_support::Request& request) {
                if (request.connection > 0 || request.on_connection == 0) return test_support::ok();
                return by_reset ? test_support::reset() : test_support::closed();
            });
            TestLoop loop;
            const auto client = loop.client();
            EXPECT_TRUE(loop.send(*client, request_to(origin_of(server))).ok());
            const auto answer = loop.send(*client, request_to(origin_of(server), "/", method));
            const bool is_get = method == std::string("GET");
            EXPECT_EQ(outcome(answer), is_get ? "200" : "closed");
            EXPECT_EQ(answer.retried, is_get);
            EXPECT_EQ(client->counters().retries, is_get ? 1U : 0U);
            EXPECT_EQ(server.requests(), is_get ? 3U : 2U);
        }
}

TEST(ClientTest, AFreshConnectionThatIsClosedIsNotTriedAgain) {
    TestServer server([](const test_support::Request&) { return test_support::closed(); });
    TestLoop loop;
    const auto client = loop.client();
    EXPECT_EQ(outcome(loop.send(*client, request_to(origin_of(server)))), "closed");
    EXPECT_EQ(server.requests(), 1U);
}

TEST(ClientTest, ARefusalReachesAClientThatStillSends) {
    Served served(echo_router());
    TestLoop loop;
    const auto client = loop.client();
    const auto answer =
        loop.send(*client, request_to(served.origin(), "/", "POST", std::string(4'000'000, 'x')));
    EXPECT_EQ(outcome(answer), "413") << answer.failure->sentence;
}

TEST(ClientTest, CancellingClosesTheConnection) {
    Router router;
    router.add("GET", "/", [](Request) { return never_reply(); });
    Served served(std::move(router));
    TestLoop loop;
    ClientOptions options;
    options.max_connections_per_origin = 1;
    const auto client = loop.client(options);
    asio::cancellation_signal cancel;
    asio::cancellation_signal cancel_waiting;
    int ended = 0;
    for (auto* signal : {&cancel, &cancel_waiting})
        asio::co_spawn(
            loop.io(), client->send(request_to(served.origin()), mono_now() + 1h),
            asio::bind_cancellation_slot(
                signal->slot(), [&](const std::exception_ptr&, const Answer&) { ++ended; }));
    loop.until([&] { return served.counters().in_flight_now == 1; });
    cancel_waiting.emit(asio::cancellation_type::terminal);
    loop.until([&] { return ended == 1; });
    EXPECT_EQ(client->counters().waiting_now, 0U);
    EXPECT_EQ(client->counters().connections_now, 1U);
    cancel.emit(asio::cancellation_type::terminal);
    loop.until([&] { return ended == 2; });
    EXPECT_EQ(client->counters().connections_now, 0U);
    EXPECT_TRUE(served.comes_true([](const auto& c) { return c.hangups == 1; }));
}

// Loop, client and coroutines may go in any order.
TEST(ClientTest, RequestsUnderWayGoWithTheLoop) {
    TestServer server([](const test_support::Request&) { return test_support::never(); });
    for (const bool client_first : {false, true}) {
        auto loop = std::make_unique<TestLoop>();
        ClientOptions options;
        options.max_connections_per_origin = 2;
        auto client = loop->client(options);
        for (int i = 0; i < 5; ++i)
            asio::co_spawn(loop->io(), client->send(request_to(origin_of(server)), mono_now() + 1h),
                           [](const std::exception_ptr&, const Answer&) { ADD_FAILURE(); });
        loop->until([&] { return client->counters().waiting_now == 3; });
        if (client_first) client.reset();
        loop->until([&] { return server.requests() % 2 == 0 && server.requests() > 0; });
        client.reset();  // never after the loop
        loop.reset();
    }
}

// ---- many at once

std::size_t many() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    // Both ends of every connection are in this process.
    return std::min<std::size_t>(10'000, (limit.rlim_cur - 500) / 2);
}

asio::awaitable<Reply> reply_when_released(asio::steady_timer* release) {
    boost::system::error_code error;
    co_await release->async_wait(asio::redirect_error(asio::use_awaitable, error));
    co_return text_reply(200, "released");
}

TEST(ClientTest, ThousandsOfCallsAreInFlight) {
    const auto n = many();
    std::unique_ptr<asio::steady_timer> release;
    Router router;
    router.add("GET", "/", [&](Request) { return reply_when_released(release.get()); });
    Served served(std::move(router));
    served.thread().call([&] {
        release = std::make_unique<asio::steady_timer>(served.thread().io());
        release->expires_after(1h);
    });
    TestLoop loop;
    ClientOptions options;
    options.max_connections_per_origin = n;
    options.max_idle_per_origin = n;
    options.connect_timeout = kPatience;
    const auto client = loop.client(options);
    std::size_t answered = 0;
    for (std::size_t i = 0; i < n; ++i)
        asio::co_spawn(loop.io(),
                       client->send(request_to(served.origin()), mono_now() + 4 * kPatience),
                       [&](const std::exception_ptr&, const Answer& answer) {
                           answered += answer.body == "released" ? 1U : 0U;
                       });
    loop.until([&] { return served.counters().in_flight_now == n; });
    EXPECT_EQ(answered, 0U);
    served.thread().call([&] { release->cancel(); });
    loop.until([&] { return answered == n; });
    EXPECT_EQ(served.counters().connections, n);
    client->close();
    EXPECT_TRUE(served.comes_true([](const auto& c) { return c.connections_now == 0; }));
    served.thread().call([&] { release.reset(); });
}

}  // namespace
}  // namespace squadload::service
