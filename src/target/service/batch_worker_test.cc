#include "target/service/batch_worker.h"

#include <gtest/gtest.h>

#include <future>
#include <numeric>
#include <stdexcept>

namespace squadload::service {
namespace {

// A worker that is held at its first batch until it is let go.
struct Held {
    std::promise<void> go;
    std::promise<void> started;
    std::shared_future<void> gone = go.get_future().share();
    bool first = true;

    void operator()(std::vector<int>&) {
        if (std::exchange(first, false)) {
            started.set_value();
            gone.wait();
        }
    }
};

TEST(BatchWorkerTest, WorksInOrderAndFlushesWhenStopped) {
    std::vector<int> seen;
    std::size_t largest = 0;
    BatchWorker<int> worker("test", 1000, 7, [&](std::vector<int>& batch) {
        largest = std::max(largest, batch.size());
        seen.insert(seen.end(), batch.begin(), batch.end());
        batch.clear();  // as if moved from
    });
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(worker.post(i));
    EXPECT_TRUE(worker.stop(Nanos::max()));
    std::vector<int> all(500);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(seen, all);
    EXPECT_LE(largest, 7U);
    const auto counters = worker.counters();
    EXPECT_EQ(counters.posted, 500U);
    EXPECT_EQ(counters.done, 500U);
    EXPECT_EQ(counters.dropped, 0U);
    EXPECT_FALSE(worker.post(1)) << "it has stopped";
    EXPECT_EQ(worker.counters().dropped, 1U);
    EXPECT_TRUE(worker.stop(Nanos::max())) << "a second time nothing happens";
}

TEST(BatchWorkerTest, AFullQueueDropsAndCounts) {
    Held held;
    BatchWorker<int> worker("test", 3, 1, std::ref(held));
    EXPECT_TRUE(worker.post(0));
    held.started.get_future().wait();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(worker.post(i));
    EXPECT_FALSE(worker.post(4));
    EXPECT_FALSE(worker.post(5));
    EXPECT_EQ(worker.counters().queued, 3U);
    held.go.set_value();
    EXPECT_TRUE(worker.stop(Nanos::max()));
    const auto counters = worker.counters();
    EXPECT_EQ(counters.posted, 6U);
    EXPECT_EQ(counters.done, 4U);
    EXPECT_EQ(counters.dropped, 2U);
}

TEST(BatchWorkerTest, AFlushHasABound) {
    Held held;
    BatchWorker<int> worker("test", 10, 1, std::ref(held));
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(worker.post(i));
    held.started.get_future().wait();
    // stop() drops after its bound, then waits for the batch under way: let it go by then.
    auto stopped = std::async(std::launch::async, [&] { return worker.stop(Nanos{0}); });
    while (worker.counters().dropped == 0) std::this_thread::yield();
    held.go.set_value();
    EXPECT_FALSE(stopped.get());
    const auto counters = worker.counters();
    EXPECT_EQ(counters.done, 1U);
    EXPECT_EQ(counters.dropped, 3U);
    EXPECT_EQ(counters.posted, counters.done + counters.dropped);
}

TEST(BatchWorkerTest, AnExceptionIsCountedAndTheNextIsWorkedOn) {
    std::vector<int> seen;
    BatchWorker<int> worker("test", 10, 1, [&](std::vector<int>& batch) {
        if (batch.front() == 1) throw std::runtime_error("disk full");
        seen.push_back(batch.front());
    });
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(worker.post(i));
    EXPECT_TRUE(worker.stop(Nanos::max()));
    EXPECT_EQ(seen, (std::vector<int>{0, 2}));
    EXPECT_EQ(worker.counters().errors, 1U);
    EXPECT_EQ(worker.counters().done, 3U);
}

}  // namespace
}  // namespace squadload::service
