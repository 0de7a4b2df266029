// What only loops over real sockets can show: a real clock, other threads and signals, the peer's
// view. A new loop joins by one line in kSocketLoops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "load/transport/epoll_loop.h"
#include "load/transport/handler_for_test.h"
#include "load/transport/held_for_test.h"
#include "load/transport/server_for_test.h"
#include "load/transport/uring_loop.h"

namespace squadload::transport {
namespace {

using namespace std::chrono_literals;

struct SocketLoop {
    const char* name;
    Result<std::unique_ptr<Loop>> (*make)();
};

void PrintTo(const SocketLoop& made, std::ostream* out) {
    *out << made.name;
}

constexpr SocketLoop kSocketLoops[] = {
    {"epoll", [] { return make_epoll_loop(); }},
    {"io_uring", [] { return make_uring_loop(); }},
};

struct SocketLoopTest : testing::TestWithParam<SocketLoop> {
    void SetUp() override {
        auto made = GetParam().make();
        if (!made) GTEST_SKIP() << made.error().text();
        loop = std::move(*made);
    }
    std::unique_ptr<Loop> loop;
};

INSTANTIATE_TEST_SUITE_P(Loops, SocketLoopTest, testing::ValuesIn(kSocketLoops),
                         [](const auto& made) { return std::string(made.param.name); });

TEST_P(SocketLoopTest, HasItsName) {
    EXPECT_EQ(loop->name(), GetParam().name);
}

TEST_P(SocketLoopTest, WhatArrivedWhileBusyMayBeAsOldAsTheLastQuestion) {
    const Held held(*loop);
    loop->run_once(loop->now());
    const MonoTime before = loop->now();
    held.arrive("x");
    const MonoTime after = loop->now();
    loop->run_once(loop->now() + 10s);
    EXPECT_EQ(held.client.received, "x");
    EXPECT_LE(loop->batch_earliest(), before);
    EXPECT_GE(loop->batch_time(), after);
}

// 192.0.2.0/24 belongs to nobody (RFC 5737); nothing is sent.
TEST_P(SocketLoopTest, SaysAtOnceThatTheSourceIsNotLocal) {
    const LoopbackSocket listener(8);
    const Address source = Address::parse("192.0.2.1", 0).value();
    Recorder client(*loop);
    EXPECT_EQ(client.connect(listener.address(), &source), EADDRNOTAVAIL);
    const Address ipv6 = Address::parse("::1", 0).value();
    EXPECT_NE(client.connect(listener.address(), &ipv6), 0);
    EXPECT_EQ(client.connect(listener.address()), 0);
    client.close();
    const MonoTime deadline = loop->now() + 20s;
    while (!client.closed && loop->now() < deadline) loop->run_once(deadline);
}

TEST_P(SocketLoopTest, WhatEndsASleepIsNew) {
    const Held held(*loop);
    loop->run_once(loop->now());
    MonoTime acted{};
    {
        WhileAsleep other([&] {
            acted = mono_now();
            held.arrive("x");
        });
        other.about_to_sleep();
        loop->run_once(MonoTime::max());
    }
    EXPECT_EQ(held.client.received, "x");
    EXPECT_EQ(loop->batch_earliest(), loop->batch_time());
    EXPECT_GE(loop->batch_time(), acted);
}

// An answer can come while the batch is delivered in which its request was sent.
TEST_P(SocketLoopTest, NoAnswerIsEarlierThanItsRequest) {
    Held first(*loop);
    Held second(*loop);
    MonoTime asked = MonoTime::max();
    first.client.on_bytes = [&] {
        second.client.send("question");
        asked = loop->now();
        second.arrive("answer");
    };
    const std::string all = "rest of before, answer";
    second.client.on_bytes = [&] {
        if (second.client.received == all) {
            EXPECT_GE(loop->batch_time(), asked);
        }
    };
    first.arrive("x");
    second.arrive("rest of before, ");
    second.turn_until([&] { return second.client.received.size() >= all.size(); });
    EXPECT_EQ(second.client.received, all);
}

TEST_P(SocketLoopTest, NoAnswerIsEarlierThanItsRequestOnTheSameSocket) {
    Held held(*loop);
    MonoTime asked{};
    held.client.on_bytes = [&] {
        EXPECT_GE(loop->batch_time(), asked);
        if (held.client.received.size() != 65536) return;
        held.client.send("question");
        asked = loop->now();
        held.arrive("answer");
    };
    held.arrive(std::string(65536, 'x'));
    held.turn_until([&] { return held.client.received.size() > 65536; });
}

TEST_P(SocketLoopTest, WakeFromAnotherThreadEndsASleep) {
    for (int i = 0; i < 20; ++i) {
        WhileAsleep other([&] { loop->wake(); });
        other.about_to_sleep();
        loop->run_once(MonoTime::max());
    }
}

TEST_P(SocketLoopTest, WakesInAnyNumberAreHarmless) {
    std::atomic<int> left = 20'000;
    std::thread other([&] {
        while (left.fetch_sub(1) > 1) loop->wake();
        loop->wake();
    });
    while (left.load() > 0) loop->run_once(MonoTime::max());
    other.join();
    const MonoTime limit = loop->now() + 20ms;
    int turns = 0;
    for (; loop->now() < limit; ++turns) loop->run_once(limit);
    EXPECT_LT(turns, 100) << "spins on wakes of the past";
}

Loop* g_signalled = nullptr;

TEST_P(SocketLoopTest, WakeWorksInASignalHandler) {
    g_signalled = loop.get();
    struct sigaction action{};
    struct sigaction before{};
    action.sa_handler = [](int) { g_signalled->wake(); };
    ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
    ASSERT_EQ(::raise(SIGUSR1), 0);
    loop->run_once(MonoTime::max());
    const pthread_t self = ::pthread_self();
    {
        WhileAsleep other([&] { ::pthread_kill(self, SIGUSR1); });
        other.about_to_sleep();
        loop->run_once(MonoTime::max());
    }
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(SocketLoopTest, ContinuesASendThatDoesNotFit) {
    Held held(*loop);
    const std::string big = pattern(kBlast);
    held.client.send(big);
    for (int i = 0; i < 5; ++i) loop->run_once(loop->now());
    EXPECT_EQ(held.client.sent, 0) << "nobody reads, so it cannot be with the kernel";
    std::size_t arrived = 0;
    while (arrived < big.size()) {
        const ssize_t n = held.read();
        ASSERT_GT(n, 0);
        arrived += static_cast<std::size_t>(n);
        loop->run_once(loop->now());
    }
    held.turn_until([&] { return held.client.sent == 1; });
    EXPECT_EQ(held.client.send_error, 0);
}

TEST_P(SocketLoopTest, AResetEndsAWaitingSend) {
    Held held(*loop);
    held.client.send(pattern(kBlast));
    loop->run_once(loop->now());
    const linger discard{1, 0};
    ::setsockopt(held.peer, SOL_SOCKET, SO_LINGER, &discard, sizeof discard);
    ::close(std::exchange(held.peer, -1));
    held.turn_until([&] { return held.client.sent == 1 && held.client.end != -1; });
    EXPECT_NE(held.client.send_error, 0);
    EXPECT_EQ(held.client.end, ECONNRESET);
}

// A send can take the error off the socket, so that the read after it sees a plain end.
TEST_P(SocketLoopTest, AResetFoundBySendingIsStillAReset) {
    Held held(*loop);
    const linger discard{1, 0};
    ::setsockopt(held.peer, SOL_SOCKET, SO_LINGER, &discard, sizeof discard);
    ::close(std::exchange(held.peer, -1));
    held.client.send("x");
    held.turn_until([&] { return held.client.sent == 1 && held.client.end != -1; });
    EXPECT_EQ(held.client.end, ECONNRESET);
}

TEST_P(SocketLoopTest, AnAnswerBeforeAResetIsDelivered) {
    Held held(*loop);
    held.arrive("too large");
    held.client.send(pattern(kBlast));
    ::close(std::exchange(held.peer, -1));  // with unread bytes: the kernel resets
    held.turn_until([&] { return held.client.sent == 1 && held.client.end != -1; });
    EXPECT_EQ(held.client.received, "too large");
    EXPECT_NE(held.client.send_error, 0);
}

TEST_P(SocketLoopTest, ClosesWithFinOrReset) {
    Held fin(*loop);
    fin.client.close();
    fin.turn_until([&] { return fin.client.closed; });
    EXPECT_EQ(fin.read(), 0);
    Held reset(*loop);
    reset.client.close(true);
    reset.turn_until([&] { return reset.client.closed; });
    EXPECT_EQ(reset.read(), -ECONNRESET);
}

TEST_P(SocketLoopTest, AFastSenderDoesNotStarveOthers) {
    Held fast(*loop);
    Held slow(*loop);
    const std::string chunk(65536, 'x');
    std::size_t sent = 0;
    std::size_t before_turn = 0;  // received by then
    bool feeding = true;
    const auto feed = [&] {
        while (feeding && sent < fast.client.received.size() + (std::size_t{4} << 20)) {
            const ssize_t n = ::send(fast.peer, chunk.data(), chunk.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            sent += static_cast<std::size_t>(n);
        }
    };
    fast.client.on_bytes = feed;
    feed();
    slow.arrive("y");
    for (int turn = 0; turn < 50; ++turn) {
        before_turn = fast.client.received.size();
        loop->run_once(loop->now());
        EXPECT_LE(fast.client.received.size() - before_turn, std::size_t{2} << 20);
        if (turn == 1) {
            EXPECT_EQ(slow.client.received, "y");
        }
    }
    feeding = false;
    fast.turn_until([&] { return fast.client.received.size() == sent; });
    EXPECT_GT(sent, std::size_t{20} * 65536);
}

TEST_P(SocketLoopTest, TellsImmediateFailures) {
    Recorder client(*loop);
    EXPECT_EQ(client.connect(Address{}), EAFNOSUPPORT);

    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{3, before.rlim_max};
    const LoopbackSocket listener(8);
    // UBSan looks up a class of fmt's through a pipe, the first time it is met.
    EXPECT_EQ(listener.address().text().find("127.0.0.1:"), 0U);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const int error = client.connect(listener.address());
    const auto other_loop = GetParam().make();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(error, EMFILE);
    ASSERT_FALSE(other_loop);
    EXPECT_EQ(other_loop.error().kind, ErrorKind::resources);
    EXPECT_EQ(other_loop.error().message, "cannot make an event loop: too many open files");
}

// To an address refused by the routing of every host, without a packet: told at once or later.
void expect_no_route(Loop& loop) {
    Recorder client(loop);
    int error = client.connect(Address::parse("224.0.0.1", 80).value());
    if (error == 0) {
        const MonoTime deadline = mono_now() + 20s;
        while (client.connect_error == 0 && mono_now() < deadline) loop.run_once(deadline);
        error = client.connect_error;
        client.close();
        while (!client.closed && mono_now() < deadline) loop.run_once(deadline);
    }
    EXPECT_EQ(error, ENETUNREACH);
}

TEST_P(SocketLoopTest, TellsThatThereIsNoRoute) {
    expect_no_route(*loop);
}

TEST_P(SocketLoopTest, ConnectsByIpv6) {
    const LoopbackSocket listener(8, "::1");
    if (!listener.usable()) GTEST_SKIP() << "no IPv6 loopback here";
    Recorder client(*loop);
    ASSERT_EQ(client.connect(listener.address()), 0);
    const MonoTime deadline = mono_now() + 20s;
    while (!client.connected && mono_now() < deadline) loop->run_once(deadline);
    EXPECT_TRUE(client.connected);
}

std::ptrdiff_t open_descriptors() {
    const std::filesystem::directory_iterator list("/proc/self/fd");
    return std::distance(begin(list), end(list));
}

TEST_P(SocketLoopTest, LeavesNoDescriptorBehind) {
    const std::ptrdiff_t before = open_descriptors();
    {
        const SocketServer server;
        const auto another = GetParam().make().value();
        std::vector<std::unique_ptr<Recorder>> clients;
        for (int i = 0; i < 30; ++i) {
            clients.push_back(std::make_unique<Recorder>(*another));
            ASSERT_EQ(clients.back()->connect(server.address()), 0);
            if (i % 3 == 0) clients.back()->close(i % 2 == 0);
            expect_no_route(*another);
        }
    }
    EXPECT_EQ(open_descriptors(), before);
}

using SocketLoopDeathTest = SocketLoopTest;

INSTANTIATE_TEST_SUITE_P(Loops, SocketLoopDeathTest, testing::ValuesIn(kSocketLoops),
                         [](const auto& made) { return std::string(made.param.name); });

TEST_P(SocketLoopDeathTest, MisuseEndsTheProgram) {
    Recorder client(*loop);
    EXPECT_DEATH(loop->close(7), "does not hold");
    EXPECT_DEATH(loop->send(7, {}), "does not hold");
    const LoopbackSocket listener(8);
    ASSERT_EQ(client.connect(listener.address()), 0);
    EXPECT_DEATH(loop->send(client.id(), "early"), "does not hold");
}

}  // namespace
}  // namespace squadload::transport
