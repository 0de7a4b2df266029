#include "load/transport/sim_loop.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "load/transport/handler_for_test.h"

namespace squadload::transport {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart = MonoTime{} + 1000s;

// A server whose answer to the k-th call is a function.
class ScriptedServer final : public SimServer {
  public:
    std::function<Accept(SimConnection&)> accept = [](SimConnection&) { return Accept{}; };
    std::function<void(SimConnection&, std::string)> bytes = [](SimConnection&, std::string) {};
    std::vector<std::uint64_t> closed;

    Accept on_connect(SimConnection& connection) override { return accept(connection); }
    void on_bytes(SimConnection& connection, std::span<const char> data) override {
        bytes(connection, std::string(data.begin(), data.end()));
    }
    void on_close(SimConnection& connection) override { closed.push_back(connection.id()); }
};

struct SimFixture : testing::Test {
    ScriptedServer server;
    std::unique_ptr<SimLoop> loop = SimLoop::make(server);
    Recorder client{*loop};

    void connect_now() {
        client.connect(Address{});
        loop->run_once(loop->now());
        ASSERT_TRUE(client.connected);
    }
};
using SimLoopTest = SimFixture;

TEST_F(SimLoopTest, StartsAtAThousandSecondsAndJumpsToTheLimit) {
    EXPECT_EQ(loop->name(), "simulated");
    EXPECT_EQ(loop->now(), kStart);
    loop->run_once(kStart + 600s);
    EXPECT_EQ(loop->now(), kStart + 600s);
    loop->run_once(kStart);
    EXPECT_EQ(loop->now(), kStart + 600s) << "time never runs backwards";
}

TEST_F(SimLoopTest, DeliversAtTheScriptedTime) {
    server.accept = [](SimConnection&) { return SimServer::Accept{0, 3ms}; };
    server.bytes = [&](SimConnection& c, const std::string& text) {
        EXPECT_EQ(loop->now(), kStart + 3ms);
        c.reply(7ms, "re:" + text);
        c.close(8ms);
    };
    client.on_open = [&] { client.send("hello"); };
    client.connect(Address{});
    loop->run_once(kStart + 10s);
    EXPECT_TRUE(client.connected);
    EXPECT_EQ(loop->now(), kStart + 3ms);
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.sent, 1) << "told in the next turn, at the same time";
    EXPECT_EQ(loop->now(), kStart + 3ms);
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.received, "re:hello");
    EXPECT_EQ(loop->now(), kStart + 10ms);
    EXPECT_EQ(loop->batch_time(), kStart + 10ms);
    EXPECT_EQ(loop->batch_earliest(), kStart + 10ms);
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.end, 0);
    EXPECT_EQ(loop->now(), kStart + 11ms);
}

TEST_F(SimLoopTest, OrdersByTimeThenByCall) {
    server.bytes = [](SimConnection& c, const std::string&) {
        c.reply(5ms, "c");
        c.reply(5ms, "d");
        c.reply(1ms, "a");
        c.reply(1ms, "b");
        c.reply(0ms, "0");
        c.reply(0ms, "");
    };
    connect_now();
    client.send("x");
    while (loop->now() < kStart + 1s) loop->run_once(kStart + 1s);
    EXPECT_EQ(client.received, "0abcd");
    EXPECT_EQ(client.log.substr(0, 14), "connected sent");
}

TEST_F(SimLoopTest, AGreetingFollowsTheConnection) {
    server.accept = [](SimConnection& c) {
        c.reply(0ms, "early ");
        c.reply(20ms, "late");
        return SimServer::Accept{0, 10ms};
    };
    client.connect(Address{});
    loop->run_once(kStart + 10s);
    EXPECT_EQ(loop->now(), kStart + 10ms);
    EXPECT_EQ(client.log, "connected received(early ) ");
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.received, "early late");
}

TEST_F(SimLoopTest, AStallDeliversLateInOneBatch) {
    server.bytes = [](SimConnection& c, const std::string&) {
        c.reply(10ms, "a");
        c.reply(900ms, "b");
        c.reply(1500ms, "c");
    };
    connect_now();
    client.send("x");
    loop->run_once(loop->now());  // sent
    loop->run_once(kStart + 5ms);
    loop->stall(1s);
    EXPECT_EQ(loop->now(), kStart + 1005ms);
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.received, "ab");
    EXPECT_EQ(loop->now(), kStart + 1005ms);
    EXPECT_EQ(loop->batch_time(), kStart + 1005ms);
    EXPECT_EQ(loop->batch_earliest(), kStart + 5ms);
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.received, "abc");
    EXPECT_EQ(loop->batch_time(), kStart + 1500ms);
    EXPECT_EQ(loop->batch_earliest(), kStart + 1500ms) << "slept for this one";
}

TEST_F(SimLoopTest, AStallWithinACallbackIsOneToo) {
    server.bytes = [](SimConnection& c, const std::string&) {
        c.reply(1ms, "a");
        c.reply(2ms, "b");
    };
    connect_now();
    client.send("x");
    loop->run_once(loop->now());
    bool stalled = false;
    client.on_bytes = [&] {
        if (!std::exchange(stalled, true)) loop->stall(50ms);
    };
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.received, "a");
    loop->run_once(kStart + 10s);
    EXPECT_EQ(client.received, "ab");
    EXPECT_EQ(loop->batch_time(), kStart + 51ms);
    EXPECT_EQ(loop->batch_earliest(), kStart + 1ms);
}

TEST_F(SimLoopTest, AStallMakesTimersLate) {
    MonoTime fired{};
    TestTimer timer([&] { fired = loop->now(); });
    loop->set_timer(timer, kStart + 10ms);
    loop->stall(1s);
    loop->run_once(kStart + 10s);
    EXPECT_EQ(fired, kStart + 1s);
}

TEST_F(SimLoopTest, FailsConnectsOnDemand) {
    loop->fail_connects(2, EMFILE);
    EXPECT_EQ(loop->connect(Address{}, client).error, EMFILE);
    EXPECT_EQ(loop->connect(Address{}, client).error, EMFILE);
    connect_now();
    loop->run_once(kStart + 1s);
    EXPECT_EQ(client.log, "connected ");
}

TEST_F(SimLoopTest, ARefusedConnectionEndsWithItsClose) {
    server.accept = [](SimConnection& c) {
        c.reply(0ms, "never seen");
        return SimServer::Accept{ECONNREFUSED, 1ms};
    };
    client.connect(Address{});
    loop->run_once(kStart + 1s);
    client.close();
    loop->run_once(kStart + 1s);
    loop->run_once(kStart + 1s);
    EXPECT_EQ(client.log, "connected(" + std::to_string(ECONNREFUSED) + ") closed ");
    EXPECT_TRUE(server.closed.empty());
}

TEST_F(SimLoopTest, ConnectionsAreCountedAndToldOfTheirClose) {
    std::vector<std::uint64_t> ids;
    server.accept = [&](SimConnection& c) {
        ids.push_back(c.id());
        c.reply(5ms, "lost");
        return SimServer::Accept{};
    };
    Recorder other(*loop);
    connect_now();
    other.connect(Address{});
    client.close();
    EXPECT_EQ(server.closed, (std::vector<std::uint64_t>{0}));
    for (int i = 0; i < 3; ++i) loop->run_once(kStart + 10ms);
    EXPECT_EQ(client.log, "connected closed ");
    client.connect(Address{});  // the slot is used again; nothing of the old connection arrives
    EXPECT_EQ(ids, (std::vector<std::uint64_t>{0, 1, 2}));
    EXPECT_EQ(other.received, "lost");
}

TEST_F(SimLoopTest, AfterAResetSendsFail) {
    server.bytes = [](SimConnection& c, const std::string&) { c.reset(2ms, ECONNRESET); };
    connect_now();
    client.send("x");
    loop->run_once(kStart + 1s);
    loop->run_once(kStart + 1s);
    EXPECT_EQ(client.end, ECONNRESET);
    client.send("y");
    loop->run_once(kStart + 1s);
    EXPECT_EQ(client.send_error, EPIPE);
}

TEST_F(SimLoopTest, TheSameInputGivesTheSameRun) {
    const auto run = [] {
        ScriptedServer echo;
        echo.bytes = [](SimConnection& c, const std::string& text) {
            c.reply(Nanos{static_cast<std::int64_t>(c.id() * 977 % 31)}, text);
        };
        const auto sim = SimLoop::make(echo);
        std::string log;
        std::vector<std::unique_ptr<Recorder>> clients;
        for (int i = 0; i < 50; ++i) {
            clients.push_back(std::make_unique<Recorder>(*sim));
            Recorder& r = *clients.back();
            r.on_open = [&r] { r.send("x"); };
            r.on_bytes = [&r, &log, i] {
                log += std::to_string(i) + " ";
                if (r.received.size() < 5) r.send("x");
            };
            r.connect(Address{});
        }
        while (sim->now() < kStart + 1s) sim->run_once(kStart + 1s);
        return log;
    };
    const std::string first = run();
    EXPECT_GT(first.size(), 500U);
    EXPECT_EQ(first, run());
}

using SimLoopDeathTest = SimFixture;

TEST_F(SimLoopDeathTest, WaitingForNothingEndsTheProgram) {
    EXPECT_DEATH(loop->run_once(MonoTime::max()), "does not hold");
}

}  // namespace
}  // namespace squadload::transport
