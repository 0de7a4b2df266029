// What only the epoll loop can show: real sockets, a real clock, other threads and signals.
#include "load/transport/epoll_loop.h"

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

#include "load/transport/handler_for_test.h"
#include "load/transport/server_for_test.h"

namespace squadload::transport {
namespace {

using namespace std::chrono_literals;

template <class Done>
bool eventually(Done done) {
    const MonoTime deadline = mono_now() + 20s;
    while (!done()) {
        if (mono_now() >= deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

// A connection made by the loop whose other end the test holds in its own hands.
struct Held {
    explicit Held(Loop& l) : loop(l), client(l) {
        EXPECT_EQ(client.connect(listener.address()), 0);
        turn_until([&] { return client.connected; });
        peer = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer <
            0) {  // the handshake is over for the client a moment earlier than for the listener
            EXPECT_TRUE(eventually([&] {
                peer = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
                return peer >= 0;
            }));
        }
    }
    ~Held() {
        if (peer >= 0) ::close(peer);
    }
    template <class Done>
    void turn_until(Done done) const {
        const MonoTime deadline = mono_now() + 20s;
        while (!done() && mono_now() < deadline) loop.run_once(deadline);
        EXPECT_TRUE(done());
    }
    // Returns when the bytes are in the client's kernel buffer (they are acknowledged).
    void arrive(const std::string& bytes) const {
        ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
        ASSERT_TRUE(eventually([&] {
            int left = -1;
            return ::ioctl(peer, SIOCOUTQ, &left) == 0 && left == 0;
        }));
    }
    // The peer's next read: a number of bytes, 0 at the end, -errno.
    [[nodiscard]] ssize_t read() const {
        ssize_t n = -1;
        EXPECT_TRUE(eventually([&] {
            std::array<char, 65536> buffer;
            n = ::recv(peer, buffer.data(), buffer.size(), 0);
            if (n < 0) n = -errno;
            return n != -EAGAIN;
        }));
        return n;
    }

    Loop& loop;
    LoopbackSocket listener{8};
    Recorder client;
    int peer = -1;
};

struct EpollLoopTest : testing::Test {
    std::unique_ptr<Loop> loop = make_epoll_loop().value();
};

TEST_F(EpollLoopTest, HasItsName) {
    EXPECT_EQ(loop->name(), "epoll");
}

TEST_F(EpollLoopTest, WhatArrivedWhileBusyMayBeAsOldAsTheLastQuestion) {
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

// Returns when thread `id` of this process sleeps in the kernel.
bool sleeps(int id) {
    std::ifstream stat("/proc/self/task/" + std::to_string(id) + "/stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t name_end = text.rfind(") ");
    return name_end != std::string::npos && text[name_end + 2] == 'S';
}

// Acts from another thread once the loop of this one sleeps. Starts with run().
class WhileAsleep {
  public:
    explicit WhileAsleep(std::function<void()> act)
        : thread_([this, act] {
              EXPECT_TRUE(eventually([&] { return about_to_sleep_.load() && sleeps(sleeper_); }));
              act();
          }) {}
    ~WhileAsleep() { thread_.join(); }
    void about_to_sleep() { about_to_sleep_ = true; }

  private:
    int sleeper_ = ::gettid();
    std::atomic<bool> about_to_sleep_ = false;
    std::thread thread_;
};

TEST_F(EpollLoopTest, WhatEndsASleepIsNew) {
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
TEST_F(EpollLoopTest, NoAnswerIsEarlierThanItsRequest) {
    Held first(*loop);
    Held second(*loop);
    MonoTime asked = MonoTime::max();
    first.client.on_bytes = [&] {
        second.client.send("question");
        asked = loop->now();
        second.arrive("answer");
    };
    second.client.on_bytes = [&] { EXPECT_GE(loop->batch_time(), asked); };
    first.arrive("x");
    second.arrive("rest of before, ");
    second.turn_until([&] { return !second.client.received.empty(); });
    EXPECT_EQ(second.client.received, "rest of before, answer");
}

TEST_F(EpollLoopTest, NoAnswerIsEarlierThanItsRequestOnTheSameSocket) {
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

TEST_F(EpollLoopTest, WakeFromAnotherThreadEndsASleep) {
    for (int i = 0; i < 20; ++i) {
        WhileAsleep other([&] { loop->wake(); });
        other.about_to_sleep();
        loop->run_once(MonoTime::max());
    }
}

TEST_F(EpollLoopTest, WakesInAnyNumberAreHarmless) {
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

TEST_F(EpollLoopTest, WakeWorksInASignalHandler) {
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

TEST_F(EpollLoopTest, ContinuesASendThatDoesNotFit) {
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

TEST_F(EpollLoopTest, AResetEndsAWaitingSend) {
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
TEST_F(EpollLoopTest, AResetFoundBySendingIsStillAReset) {
    Held held(*loop);
    const linger discard{1, 0};
    ::setsockopt(held.peer, SOL_SOCKET, SO_LINGER, &discard, sizeof discard);
    ::close(std::exchange(held.peer, -1));
    held.client.send("x");
    held.turn_until([&] { return held.client.sent == 1 && held.client.end != -1; });
    EXPECT_EQ(held.client.end, ECONNRESET);
}

TEST_F(EpollLoopTest, AnAnswerBeforeAResetIsDelivered) {
    Held held(*loop);
    held.arrive("too large");
    held.client.send(pattern(kBlast));
    ::close(std::exchange(held.peer, -1));  // with unread bytes: the kernel resets
    held.turn_until([&] { return held.client.sent == 1 && held.client.end != -1; });
    EXPECT_EQ(held.client.received, "too large");
    EXPECT_NE(held.client.send_error, 0);
}

TEST_F(EpollLoopTest, ClosesWithFinOrReset) {
    Held fin(*loop);
    fin.client.close();
    EXPECT_EQ(fin.read(), 0);
    Held reset(*loop);
    reset.client.close(true);
    EXPECT_EQ(reset.read(), -ECONNRESET);
    loop->run_once(loop->now());
    EXPECT_TRUE(fin.client.closed && reset.client.closed);
}

TEST_F(EpollLoopTest, AFastSenderDoesNotStarveOthers) {
    Held fast(*loop);
    Held slow(*loop);
    const std::string chunk(65536, 'x');
    std::size_t sent = 0;
    int calls = 0;
    bool feeding = true;
    bool left_over = false;  // the turn before this one used its reads up
    MonoTime turn_before{};  // when it began
    MonoTime turn_now{};
    const auto feed = [&] {
        const ssize_t n = ::send(fast.peer, chunk.data(), chunk.size(), MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
    };
    fast.client.on_bytes = [&] {
        if (++calls == 1 && left_over) {
            EXPECT_LE(loop->batch_earliest(), turn_before) << "left by that turn, so older than it";
        }
        if (feeding) feed();
    };
    feed();
    slow.arrive("y");
    for (int turn = 0; turn < 50; ++turn) {
        left_over = std::exchange(calls, 0) == 4;
        turn_before = std::exchange(turn_now, loop->now());
        loop->run_once(turn_now);
        EXPECT_LE(calls, 8) << "of the bytes left and of a new event, four reads each";
        if (turn == 1) {
            EXPECT_EQ(slow.client.received, "y");
        }
    }
    feeding = left_over = false;
    fast.turn_until([&] { return fast.client.received.size() == sent; });
    EXPECT_GT(sent, std::size_t{20} * 65536);
}

TEST_F(EpollLoopTest, TellsImmediateFailures) {
    Recorder client(*loop);
    // Refused by the routing of every host, without a packet.
    EXPECT_EQ(client.connect(Address::parse("224.0.0.1", 80).value()), ENETUNREACH);
    EXPECT_EQ(client.connect(Address{}), EAFNOSUPPORT);

    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{3, before.rlim_max};
    const LoopbackSocket listener(8);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const int error = client.connect(listener.address());
    const auto other_loop = make_epoll_loop();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(error, EMFILE);
    ASSERT_FALSE(other_loop);
    EXPECT_EQ(other_loop.error().kind, ErrorKind::resources);
    EXPECT_EQ(other_loop.error().message, "cannot make an event loop: too many open files");
}

TEST_F(EpollLoopTest, ConnectsByIpv6) {
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

TEST_F(EpollLoopTest, LeavesNoDescriptorBehind) {
    const std::ptrdiff_t before = open_descriptors();
    {
        const SocketServer server;
        const auto another = make_epoll_loop().value();
        std::vector<std::unique_ptr<Recorder>> clients;
        for (int i = 0; i < 30; ++i) {
            clients.push_back(std::make_unique<Recorder>(*another));
            ASSERT_EQ(clients.back()->connect(server.address()), 0);
            if (i % 3 == 0) clients.back()->close(i % 2 == 0);
            Recorder nowhere(*another);
            ASSERT_EQ(nowhere.connect(Address::parse("224.0.0.1", 80).value()), ENETUNREACH);
            another->run_once(another->now());
        }
    }
    EXPECT_EQ(open_descriptors(), before);
}

using EpollLoopDeathTest = EpollLoopTest;

TEST_F(EpollLoopDeathTest, MisuseEndsTheProgram) {
    Recorder client(*loop);
    EXPECT_DEATH(loop->close(7), "does not hold");
    EXPECT_DEATH(loop->send(7, {}), "does not hold");
    const LoopbackSocket listener(8);
    ASSERT_EQ(client.connect(listener.address()), 0);
    EXPECT_DEATH(loop->send(client.id(), "early"), "does not hold");
}

}  // namespace
}  // namespace squadload::transport
