// What only the io_uring loop can show; what it shares with others is in loop_suite_test.cc and
// socket_loop_test.cc.
#include "load/transport/uring_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "load/transport/handler_for_test.h"
#include "load/transport/held_for_test.h"
#include "load/transport/server_for_test.h"

namespace squadload::transport {
namespace {

struct UringLoopTest : testing::Test {
    void SetUp() override {
        if (const auto made = make_uring_loop(); !made) GTEST_SKIP() << made.error().text();
    }
    template <class Done>
    [[nodiscard]] static bool turn_until(Loop& loop, Done done) {
        const MonoTime deadline = loop.now() + 20s;
        while (!done() && loop.now() < deadline) loop.run_once(deadline);
        return done();
    }
};

std::vector<std::unique_ptr<Held>> hold(Loop& loop, int count) {
    std::vector<std::unique_ptr<Held>> all;
    for (int i = 0; i < count; ++i) all.push_back(std::make_unique<Held>(loop));
    return all;
}

// Bytes for more sockets at once than there are buffers, and more of them than all buffers hold.
TEST_F(UringLoopTest, DeliversEverythingWhenBuffersRunOut) {
    const auto loop = make_uring_loop({.buffers = 2, .most_buffers = 4}).value();
    const std::string bytes = pattern(50'000);
    const auto all = hold(*loop, 20);
    for (int round = 0; round < 3; ++round) {
        for (const auto& held : all) held->arrive(bytes);
        for (const auto& held : all) {
            ASSERT_TRUE(
                turn_until(*loop, [&] { return held->client.received.size() >= bytes.size(); }));
            EXPECT_TRUE(held->client.received == bytes);
            held->client.received.clear();
        }
    }
    for (const auto& held : all) EXPECT_EQ(held->client.end, -1);
}

TEST_F(UringLoopTest, WhatWaitedForABufferMayBeAsOldAsTheLastQuestion) {
    const auto loop = make_uring_loop({.buffers = 1, .most_buffers = 1}).value();
    const auto all = hold(*loop, 8);
    loop->run_once(loop->now());
    const MonoTime before = loop->now();
    for (const auto& held : all) held->arrive("x");
    std::size_t told = 0;
    for (const auto& held : all) {
        held->client.on_bytes = [&] {
            ++told;
            EXPECT_LE(loop->batch_earliest(), before);
        };
    }
    ASSERT_TRUE(turn_until(*loop, [&] { return told == all.size(); }));
}

// Completions that do not fit among those posted wait in the kernel, and none is lost.
TEST_F(UringLoopTest, LosesNoCompletionWhenTheyDoNotFit) {
    const auto loop = make_uring_loop({.submissions = 2, .completions = 4}).value();
    const auto all = hold(*loop, 40);
    for (int round = 0; round < 3; ++round) {
        for (const auto& held : all) {
            held->client.send("question");
            held->arrive("answer");
        }
        for (const auto& held : all) {
            ASSERT_TRUE(turn_until(*loop, [&] {
                return held->client.received == "answer" && held->client.sent == round + 1;
            }));
            EXPECT_EQ(held->client.send_error, 0);
            EXPECT_EQ(held->read(), 8);
            held->client.received.clear();
        }
    }
    for (const auto& held : all) held->client.close();
    for (const auto& held : all) {
        ASSERT_TRUE(turn_until(*loop, [&] { return held->client.closed; }));
        EXPECT_EQ(held->read(), 0);
    }
}

// A send that is tried once and does not fit says how far it came, and goes on from there.
TEST_F(UringLoopTest, ContinuesSmallSendsThatDoNotFit) {
    const auto loop = make_uring_loop().value();
    const Held held(*loop);
    auto& client = const_cast<Recorder&>(held.client);
    const std::string chunk = pattern(50'000);
    std::size_t arrived = 0;
    int sends = 0;
    // Until one hangs: the peer does not read.
    for (int idle = 0; idle < 3; ++idle) {
        if (!client.sending()) {
            client.send(chunk);
            ++sends;
            idle = 0;
        }
        loop->run_once(loop->now());
    }
    EXPECT_EQ(client.sent, sends - 1);
    std::string all;
    while (arrived < static_cast<std::size_t>(sends) * chunk.size()) {
        std::array<char, 65536> buffer{};
        const ssize_t n = ::recv(held.peer, buffer.data(), buffer.size(), 0);
        loop->run_once(loop->now());
        if (n < 0) continue;
        ASSERT_GT(n, 0);
        all.append(buffer.data(), static_cast<std::size_t>(n));
        arrived += static_cast<std::size_t>(n);
    }
    ASSERT_TRUE(turn_until(*loop, [&] { return client.sent == sends; }));
    EXPECT_EQ(client.send_error, 0);
    for (std::size_t i = 0; i < all.size(); i += chunk.size()) {
        EXPECT_EQ(all.compare(i, chunk.size(), chunk), 0) << "at " << i;
    }
}

// The kernel must not read a buffer after on_closed, nor write to one after the loop is gone.
TEST_F(UringLoopTest, AClosedSocketsBufferIsFree) {
    const auto loop = make_uring_loop().value();
    for (const std::size_t size : {std::size_t{50'000}, kBlast}) {
        const Held held(*loop);
        auto& client = const_cast<Recorder&>(held.client);
        std::string bytes(size, 'a');
        client.send(bytes);
        if (size == kBlast) loop->run_once(loop->now());
        client.close();
        ASSERT_TRUE(turn_until(*loop, [&] { return client.closed; }));
        // The recorder has given its copy away; whatever still comes was taken before.
        ssize_t n = 0;
        do {
            std::array<char, 65536> buffer{};
            n = ::recv(held.peer, buffer.data(), buffer.size(), 0);
            for (ssize_t i = 0; i < n; ++i) ASSERT_EQ(buffer[static_cast<std::size_t>(i)], 'a');
        } while (n > 0);
        EXPECT_EQ(n, 0) << "the peer sees the end";
    }
}

TEST_F(UringLoopTest, DescriptorsAboutToBeClosedCanBeUsedAgain) {
    const auto loop = make_uring_loop().value();
    Held held(*loop);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = ::dup(0);
    ::close(next);
    const rlimit none_left{static_cast<rlim_t>(next), before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
    Recorder another(*loop);
    const int refused = another.connect(held.listener.address());
    held.client.close();
    const int accepted = another.connect(held.listener.address());
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(refused, EMFILE);
    EXPECT_EQ(accepted, 0);
    ASSERT_TRUE(turn_until(*loop, [&] { return another.connected && held.client.closed; }));
}

// Makes the kernel answer io_uring_setup with `error` on the calling thread, for good.
bool forbid_io_uring(unsigned error) {
    std::array<sock_filter, 4> rules{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),  // seccomp_data::nr
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{rules.size(), rules.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(UringUnavailable, IsAnErrorThatNamesTheLikelyCause) {
    struct Case {
        unsigned error;
        const char* words;
    };
    const std::string lead = "io_uring is not available: ";
    for (const Case& c : {Case{EPERM, "seccomp"}, Case{ENOSYS, "built without it"},
                          Case{EINVAL, "older than Linux 6.1"}, Case{ENOMEM, "ulimit -l"}}) {
        SCOPED_TRACE(c.words);
        bool forbidden = false;
        Result<std::unique_ptr<Loop>> made = fail(ErrorKind::internal, "");
        std::thread([&] {
            forbidden = forbid_io_uring(c.error);
            if (forbidden) made = make_uring_loop();
        }).join();
        if (!forbidden) GTEST_SKIP() << "no seccomp filters here";
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().kind, ErrorKind::resources);
        EXPECT_THAT(made.error().message, testing::StartsWith(lead));
        if (c.error != EPERM) {
            EXPECT_THAT(made.error().message, testing::HasSubstr(c.words));
        } else {  // by the sysctl, where it is set
            EXPECT_THAT(made.error().message,
                        testing::AnyOf(testing::HasSubstr(c.words),
                                       testing::HasSubstr("kernel.io_uring_disabled is ")));
        }
    }
}

}  // namespace
}  // namespace squadload::transport
