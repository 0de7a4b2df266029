#include "target/service/service_thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
#include <stdexcept>

#include "target/service/service_support.h"

namespace squadload::service {
namespace {

TEST(ServiceThreadTest, RunsWorkOnItsOwnNamedThread) {
    ServiceThread service("a service with a long name");
    const auto [id, name] = service.call([] {
        char buffer[32] = {};
        pthread_getname_np(pthread_self(), buffer, sizeof buffer);
        return std::pair(std::this_thread::get_id(), std::string(buffer));
    });
    EXPECT_NE(id, std::this_thread::get_id());
    EXPECT_EQ(name, "a service with ");
    std::promise<std::thread::id> where;
    service.post([&] { where.set_value(std::this_thread::get_id()); });
    EXPECT_EQ(where.get_future().get(), id);
}

TEST(ServiceThreadTest, AnExceptionIsLoggedAndTheLoopGoesOn) {
    ServiceThread service("throws");
    service.post([] { throw std::runtime_error("planted by a test"); });
    service.post([] { throw 42; });
    EXPECT_EQ(service.call([] { return 1; }), 1);
    EXPECT_EQ(service.internal_errors(), 2U);
    EXPECT_THROW(service.call([]() -> int { throw std::logic_error("for the caller"); }),
                 std::logic_error);
    EXPECT_EQ(service.internal_errors(), 2U) << "that one was the caller's";
}

TEST(ServiceThreadTest, StopsWithWorkLeft) {
    ServiceThread service("stops");
    service.call([&] {
        asio::co_spawn(service.io(), pause(std::chrono::hours(1)),
                       [](const std::exception_ptr&) { ADD_FAILURE() << "the hour is not over"; });
    });
    service.stop();
    service.stop();
}

asio::awaitable<void> note(bool* drained) {
    co_await pause(std::chrono::milliseconds(1));
    *drained = true;
}

TEST(RunUntilSignal, DrainsAndGivesTheSignal) {
    for (const int signal : {SIGTERM, SIGINT}) {
        asio::io_context io;
        bool drained = false;
        asio::post(io, [signal] { std::raise(signal); });
        EXPECT_EQ(run_until_signal(io, [&] { return note(&drained); }), signal);
        EXPECT_TRUE(drained);
    }
}

TEST(RunUntilSignal, ASecondSignalDoesNotWaitForTheDrain) {
    asio::io_context io;
    asio::post(io, [] { std::raise(SIGTERM); });
    const auto stop = [] {
        std::raise(SIGINT);
        return pause(std::chrono::hours(1));
    };
    EXPECT_EQ(run_until_signal(io, stop), SIGTERM);
}

TEST(RunUntilSignal, ADrainThatFailsEndsItToo) {
    asio::io_context io;
    asio::post(io, [] { std::raise(SIGTERM); });
    const auto stop = []() -> asio::awaitable<void> { throw std::runtime_error("planted"); };
    EXPECT_EQ(run_until_signal(io, stop), SIGTERM);
}

}  // namespace
}  // namespace squadload::service
