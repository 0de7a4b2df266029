// What only the epoll loop shows; what it shares with others is in loop_suite_test.cc and
// socket_loop_test.cc.
#include "load/transport/epoll_loop.h"

#include <gtest/gtest.h>

#include "load/transport/handler_for_test.h"
#include "load/transport/held_for_test.h"

namespace squadload::transport {
namespace {

TEST(EpollLoopTest, ReadsNoMoreThanItsBoundPerTurn) {
    const auto loop = make_epoll_loop().value();
    Held fast(*loop);
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
    for (int turn = 0; turn < 50; ++turn) {
        left_over = std::exchange(calls, 0) == 4;
        turn_before = std::exchange(turn_now, loop->now());
        loop->run_once(turn_now);
        EXPECT_LE(calls, 8) << "of the bytes left and of a new event, four reads each";
    }
    feeding = left_over = false;
    fast.turn_until([&] { return fast.client.received.size() == sent; });
    EXPECT_GT(sent, std::size_t{20} * 65536);
}

}  // namespace
}  // namespace squadload::transport
