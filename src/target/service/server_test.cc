#include "target/service/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "target/service/service_support.h"

namespace squadload::service {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kGetSlow = "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kGetEcho = "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n";

// Waits for longer than the test; `sign` comes when it is over, however.
asio::awaitable<Reply> hang(std::shared_ptr<const Hangup> hangup, [[maybe_unused]] EndSign sign,
                            bool* noticed) {
    try {
        co_await pause(std::chrono::hours(1));
    } catch (const std::exception&) {
        *noticed = hangup->happened();
        throw;
    }
    co_return text_reply(200, "too late");
}

struct Hanging {
    std::promise<void> ended;
    std::future<void> end = ended.get_future();
    bool noticed = false;

    [[nodiscard]] Router router() {
        auto routes = echo_router();
        routes.add("GET", "/slow", [this](Request request) {
            return hang(std::move(request.hangup), EndSign(&ended), &noticed);
        });
        return routes;
    }
};

TEST(ServerTest, ListensOnAFreePortOrSaysWhyNot) {
    asio::io_context io;
    ServerOptions options;
    const auto first = Server::listen(io, options, {});
    ASSERT_TRUE(first);
    EXPECT_NE((*first)->port(), 0);
    EXPECT_EQ((*first)->url(), "http://127.0.0.1:" + std::to_string((*first)->port()));
    options.port = (*first)->port();
    const auto second = Server::listen(io, options, {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().text(), "cannot listen on 127.0.0.1:" + std::to_string(options.port) +
                                         ": Address already in use");
    options.address = "nowhere";
    EXPECT_EQ(Server::listen(io, options, {}).error().text(),
              "\"nowhere\" is no address to listen on");
}

TEST(ServerTest, EveryEndingEndsAsItSays) {
    Router router;
    for (const auto& [path, ending] :
         {std::pair{"/truncate", Ending::truncate}, std::pair{"/reset", Ending::reset},
          std::pair{"/close", Ending::close}})
        router.add_quick("GET", path, [how = ending](const Request&) {
            auto reply = text_reply(200, "0123456789");
            reply.ending = how;
            return reply;
        });
    Served served(std::move(router));
    const auto ask = [](const char* path) {
        return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    };
    {
        RawClient client(served.port());
        client.send(ask("/truncate"));
        const auto answer = client.rest();
        EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));
        EXPECT_THAT(answer, EndsWith("\r\n\r\n01234"));
        EXPECT_FALSE(client.was_reset());
    }
    {
        RawClient client(served.port());
        client.send(ask("/reset"));
        EXPECT_EQ(client.rest(), "");
        EXPECT_TRUE(client.was_reset());
    }
    RawClient client(served.port());
    client.send(ask("/close"));
    EXPECT_EQ(client.rest(), "");
    EXPECT_FALSE(client.was_reset());
}

TEST(ServerTest, AHandlerIsGivenTheRequest) {
    Router router;
    MonoTime arrived;
    router.add("POST", "/v1/agents/{agent}", [&](Request request) {
        arrived = request.arrived;
        return reply_later(1ms, request.method + " " + request.path + " " +
                                    std::string(request.param("agent")) + " " + request.query +
                                    " " + std::string(request.headers.get("x-a")) + " " +
                                    request.body + " " + request.peer.substr(0, 10) +
                                    (request.hangup->happened() ? " gone" : " there"));
    });
    Served served(std::move(router));
    const auto before = mono_now();
    RawClient client(served.port());
    client.send(
        "POST /v1/agents/t%65ch?x=1 HTTP/1.1\r\nHost: h\r\nX-A: a\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(client.answer(), EndsWith("POST /v1/agents/tech tech x=1 a abc 127.0.0.1: there"));
    EXPECT_GE(arrived, before);
    EXPECT_LE(arrived, mono_now());
}

asio::awaitable<Reply> throw_later() {
    co_await pause(1ms);
    throw std::runtime_error("broken later");
}

TEST(ServerTest, AnExceptionIsAnInternalError) {
    Router router;
    router.add("GET", "/later", [](Request) { return throw_later(); });
    router.add("GET", "/before", [](Request) -> asio::awaitable<Reply> {
        throw std::runtime_error("broken before");
    });
    router.add_quick("GET", "/at-once",
                     [](const Request&) -> Reply { throw std::runtime_error("broken at once"); });
    Served served(std::move(router));
    RawClient client(served.port());
    for (const char* path : {"/later", "/before", "/at-once"}) {
        client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
        const auto answer = client.answer();
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 ")) << path;
        EXPECT_THAT(answer, ::testing::Not(HasSubstr("broken"))) << "it is for the log";
    }
    EXPECT_EQ(served.counters().handler_errors, 3U);
    EXPECT_EQ(served.counters().in_flight_now, 0U);
}

// However the client goes, its handler is cancelled and can see why.
TEST(ServerTest, AHangUpCancelsTheHandler) {
    for (const char* how : {"close", "reset", "half-close"}) {
        Hanging hanging;
        Served served(hanging.router());
        RawClient client(served.port());
        client.send(kGetSlow);
        ASSERT_TRUE(served.comes_true([](const auto& c) { return c.in_flight_now == 1; }));
        if (how == std::string("close")) client.close();
        if (how == std::string("reset")) client.reset();
        if (how == std::string("half-close")) client.end();
        EXPECT_TRUE(comes(hanging.end)) << how;
        EXPECT_TRUE(served.comes_true([](const auto& c) { return c.in_flight_now == 0; }));
        EXPECT_TRUE(hanging.noticed) << how;
        EXPECT_EQ(served.counters().hangups, 1U);
        EXPECT_EQ(served.counters().handler_errors, 0U) << "a cancelled handler is not broken";
    }
}

TEST(ServerTest, AServerThatGoesCancelsItsHandlers) {
    Hanging hanging;
    {
        Served served(hanging.router());
        RawClient client(served.port());
        client.send(kGetSlow);
        ASSERT_TRUE(served.comes_true([](const auto& c) { return c.in_flight_now == 1; }));
        served.thread().call([&] { served.server().stop(); });
        EXPECT_EQ(client.rest(), "");
        EXPECT_TRUE(comes(hanging.end));
    }
    // The loop ends with a handler that waits: its frame goes with the loop.
    Hanging left;
    {
        Served served(left.router());
        RawClient client(served.port());
        client.send(kGetSlow);
        ASSERT_TRUE(served.comes_true([](const auto& c) { return c.in_flight_now == 1; }));
        served.stop_loop();
    }
    EXPECT_TRUE(comes(left.end));
}

TEST(ServerTest, TooManyRequestsInFlightAreTurnedAway) {
    Hanging hanging;
    ServerOptions options;
    options.max_requests_in_flight = 1;
    Served served(hanging.router(), options);
    RawClient first(served.port());
    first.send(kGetSlow);
    ASSERT_TRUE(served.comes_true([](const auto& c) { return c.in_flight_now == 1; }));
    RawClient second(served.port());
    second.send(kGetSlow);
    const auto answer = second.answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(answer, HasSubstr("retry-after: 1\r\n"));
    second.send(kGetEcho);
    EXPECT_THAT(second.answer(), EndsWith("/echo")) << "quick handlers are not in flight";
    EXPECT_EQ(served.counters().overloaded, 1U);
    first.close();
    EXPECT_TRUE(comes(hanging.end));
}

TEST(ServerTest, AConnectionBeyondTheBoundWaitsForAnotherToEnd) {
    ServerOptions options;
    options.max_connections = 2;
    Served served(echo_router(), options);
    RawClient first(served.port());
    RawClient second(served.port());
    first.send(kGetEcho);
    second.send(kGetEcho);
    EXPECT_THAT(first.answer(), EndsWith("/echo"));
    EXPECT_THAT(second.answer(), EndsWith("/echo"));
    RawClient third(served.port());  // the kernel's backlog takes it
    third.send(kGetEcho);
    first.send(kGetEcho);
    EXPECT_THAT(first.answer(), EndsWith("/echo"));
    EXPECT_EQ(served.counters().connections, 2U);
    first.close();
    EXPECT_THAT(third.answer(), EndsWith("/echo"));
    EXPECT_EQ(served.counters().connections, 3U);
}

asio::awaitable<void> drain_into(Server* server, Nanos grace, std::promise<bool>* result) {
    const bool clean = co_await server->drain(grace);
    result->set_value(clean);
}

std::future<bool> start_drain(Served& served, Nanos grace, std::promise<bool>* result) {
    served.thread().call([&] {
        asio::co_spawn(served.thread().io(), drain_into(&served.server(), grace, result),
                       [](const std::exception_ptr& error) { EXPECT_FALSE(error); });
    });
    return result->get_future();
}

TEST(ServerTest, ADrainAnswersWhatIsInFlightAndClosesTheRest) {
    auto router = echo_router();
    router.add("GET", "/slow", [](Request) { return reply_later(100ms, "slow"); });
    Served served(std::move(router));
    RawClient idle(served.port());
    idle.send(kGetEcho);
    EXPECT_THAT(idle.answer(), EndsWith("/echo"));
    RawClient half(served.port());
    half.send("GET /echo HTTP/1.1\r\n");
    RawClient busy(served.port());
    busy.send(kGetSlow);
    ASSERT_TRUE(served.comes_true(
        [](const auto& c) { return c.in_flight_now == 1 && c.connections == 3; }));
    std::promise<bool> result;
    auto drained = start_drain(served, kPatience, &result);
    EXPECT_EQ(idle.rest(), "");
    EXPECT_TRUE(served.server().draining());
    half.send("Host: h\r\n\r\n");
    for (auto* client : {&busy, &half}) {
        const auto answer = client->rest();
        EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
        EXPECT_THAT(answer, ::testing::AnyOf(EndsWith("slow"), EndsWith("/echo")));
    }
    ASSERT_EQ(drained.wait_for(kPatience), std::future_status::ready);
    EXPECT_TRUE(drained.get());
    EXPECT_EQ(served.counters().connections_now, 0U);
}

TEST(ServerTest, ADrainIsBounded) {
    Hanging hanging;
    Served served(hanging.router());
    RawClient client(served.port());
    client.send(kGetSlow);
    ASSERT_TRUE(served.comes_true([](const auto& c) { return c.in_flight_now == 1; }));
    std::promise<bool> result;
    auto drained = start_drain(served, 20ms, &result);
    ASSERT_EQ(drained.wait_for(kPatience), std::future_status::ready);
    EXPECT_FALSE(drained.get());
    EXPECT_TRUE(comes(hanging.end));
    EXPECT_EQ(client.rest(), "");
}

TEST(ServerTest, ADrainOfNothingIsOverAtOnce) {
    Served served(echo_router());
    std::promise<bool> first;
    std::promise<bool> second;
    auto one = start_drain(served, std::chrono::hours(1), &first);
    auto two = start_drain(served, std::chrono::hours(1), &second);
    ASSERT_EQ(one.wait_for(kPatience), std::future_status::ready);
    ASSERT_EQ(two.wait_for(kPatience), std::future_status::ready);
    EXPECT_TRUE(one.get());
    EXPECT_TRUE(two.get());
}

// The connection ends inside the completion of a coroutine that never waited.
TEST(ServerTest, HandlersThatNeverWaitMayEndTheConnection) {
    Router router;
    router.add("GET", "/{how}", [](Request request) -> asio::awaitable<Reply> {
        auto reply = text_reply(200, "0123456789");
        if (request.param("how") == "reset") reply.ending = Ending::reset;
        if (request.param("how") == "close") reply.ending = Ending::close;
        co_return reply;
    });
    Served served(std::move(router));
    for (int i = 0; i < 20; ++i)
        for (const char* how : {"reset", "close", "stay"}) {
            RawClient client(served.port());
            const auto get = "GET /" + std::string(how) + " HTTP/1.1\r\nHost: h\r\n";
            client.send(get + "\r\n" + get + "Connection: close\r\n\r\n");
            EXPECT_EQ(client.rest().empty(), how != std::string("stay"));
        }
    EXPECT_TRUE(served.comes_true([](const auto& c) { return c.connections_now == 0; }));
    EXPECT_EQ(served.counters().in_flight_now, 0U);
}

}  // namespace
}  // namespace squadload::service
