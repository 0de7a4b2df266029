#include "load/transport/timer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/random.h"

namespace squadload::transport {
namespace {

MonoTime at(std::int64_t ns) {
    return MonoTime{Nanos{ns}};
}

class CallTimer final : public Timer {
  public:
    explicit CallTimer(std::function<void()> call = [] {}) : call_(std::move(call)) {}
    int fired = 0;

  private:
    void on_timer() override {
        ++fired;
        call_();
    }
    std::function<void()> call_;
};

TEST(TimerHeap, FiresWhatIsDueEarliestFirst) {
    TimerHeap heap;
    std::vector<int> order;
    CallTimer a([&] { order.push_back(1); });
    CallTimer b([&] { order.push_back(2); });
    CallTimer c([&] { order.push_back(3); });
    EXPECT_TRUE(heap.empty());
    EXPECT_EQ(heap.next(), MonoTime::max());
    heap.set(c, at(30));
    heap.set(a, at(10));
    heap.set(b, at(20));
    EXPECT_EQ(heap.next(), at(10));
    EXPECT_EQ(a.deadline(), at(10));
    heap.fire(at(9));
    EXPECT_TRUE(order.empty());
    heap.fire(at(20));
    EXPECT_EQ(order, (std::vector{1, 2}));
    EXPECT_FALSE(a.armed());
    EXPECT_TRUE(c.armed());
    heap.fire(at(1000));
    EXPECT_EQ(order, (std::vector{1, 2, 3}));
    EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, MovesBothWaysAndCancels) {
    TimerHeap heap;
    CallTimer a;
    CallTimer b;
    heap.set(a, at(10));
    heap.set(b, at(20));
    heap.set(a, at(30));
    EXPECT_EQ(heap.next(), at(20));
    heap.set(a, at(5));
    EXPECT_EQ(heap.next(), at(5));
    heap.cancel(a);
    heap.cancel(a);
    EXPECT_FALSE(a.armed());
    heap.fire(at(100));
    EXPECT_EQ(a.fired, 0);
    EXPECT_EQ(b.fired, 1);
}

TEST(TimerHeap, SetAgainWhileFiringWaitsForTheNextCall) {
    TimerHeap heap;
    std::unique_ptr<CallTimer> a;
    a = std::make_unique<CallTimer>([&] { heap.set(*a, at(1)); });
    heap.set(*a, at(10));
    heap.fire(at(10));
    EXPECT_EQ(a->fired, 1);
    EXPECT_TRUE(a->armed());
    heap.fire(at(10));
    EXPECT_EQ(a->fired, 2);
    heap.cancel(*a);
}

TEST(TimerHeap, ATimerOfTheSameBatchCanBeCancelledOrMoved) {
    TimerHeap heap;
    CallTimer cancelled;
    CallTimer moved;
    CallTimer fresh;
    CallTimer first([&] {
        EXPECT_TRUE(cancelled.armed());
        heap.cancel(cancelled);
        heap.set(moved, at(50));
        heap.set(fresh, at(2));
    });
    heap.set(first, at(1));
    heap.set(cancelled, at(2));
    heap.set(moved, at(3));
    heap.fire(at(10));
    EXPECT_FALSE(cancelled.armed());
    EXPECT_EQ(cancelled.fired, 0);
    EXPECT_EQ(moved.fired, 0);
    EXPECT_EQ(fresh.fired, 0);
    heap.fire(at(10));
    EXPECT_EQ(fresh.fired, 1);
    EXPECT_EQ(heap.next(), at(50));
    heap.fire(at(50));
    EXPECT_EQ(moved.fired, 1);
}

TEST(TimerHeap, ATimerMayDieInItsOwnCallAndOutliveTheHeap) {
    CallTimer left_over;
    {
        TimerHeap heap;
        std::unique_ptr<CallTimer> dying;
        dying = std::make_unique<CallTimer>([&] { dying.reset(); });
        heap.set(*dying, at(1));
        heap.set(left_over, at(100));
        heap.fire(at(1));
        EXPECT_EQ(dying, nullptr);
    }
    EXPECT_FALSE(left_over.armed());
}

using TimerDeathTest = testing::Test;

TEST(TimerDeathTest, DestroyingAnArmedTimerEndsTheProgram) {
    EXPECT_DEATH(
        {
            TimerHeap heap;
            CallTimer timer;
            heap.set(timer, at(1));
        },
        "does not hold");
}

// Random calls against a sorted map; on_timer itself sets and cancels others.
class TimerModel {
  public:
    explicit TimerModel(std::uint64_t seed) : random_(seed, RandomStream::test, 0) {
        for (std::size_t i = 0; i < kTimers; ++i) {
            timers_.push_back(std::make_unique<CallTimer>([this, i] { on_fire(i); }));
        }
    }

    void step() {
        const std::size_t i = random_.below(kTimers);
        switch (random_.below(4)) {
            case 0:
                cancel(i);
                break;
            case 1:
                fire();
                break;
            default:
                set(i);
                break;
        }
        const auto least = std::min_element(model_.begin(), model_.end(),
                                            [](auto& a, auto& b) { return a.second < b.second; });
        ASSERT_EQ(heap_.next(), least == model_.end() ? MonoTime::max() : least->second);
        for (std::size_t k = 0; k < kTimers; ++k)
            ASSERT_EQ(timers_[k]->armed(), model_.contains(k));
    }

    std::size_t fired = 0;

  private:
    static constexpr std::size_t kTimers = 60;

    void set(std::size_t i) {
        const MonoTime deadline = now_ + Nanos{random_.between(-20, 200)};
        heap_.set(*timers_[i], deadline);
        model_[i] = deadline;
        due_.erase(i);
    }
    void cancel(std::size_t i) {
        heap_.cancel(*timers_[i]);
        model_.erase(i);
        due_.erase(i);
    }
    void fire() {
        now_ += Nanos{random_.between(0, 60)};
        due_.clear();
        for (const auto& [i, deadline] : model_) {
            if (deadline <= now_) due_[i] = deadline;
        }
        last_ = std::nullopt;
        heap_.fire(now_);
        EXPECT_TRUE(due_.empty());
    }
    void on_fire(std::size_t i) {
        ++fired;
        ASSERT_TRUE(due_.contains(i)) << "timer " << i << " was not due";
        ASSERT_TRUE(!last_ || *last_ <= due_[i]) << "out of order";
        last_ = due_[i];
        due_.erase(i);
        model_.erase(i);
        if (random_.below(3) == 0) set(random_.below(kTimers));
        if (random_.below(3) == 0) cancel(random_.below(kTimers));
    }

    Random random_;
    MonoTime now_ = at(1000);
    std::map<std::size_t, MonoTime> model_;  // every armed timer
    std::map<std::size_t, MonoTime> due_;    // what the running fire() still owes
    std::optional<MonoTime> last_;
    std::vector<std::unique_ptr<CallTimer>> timers_;
    TimerHeap heap_;  // dies first
};

TEST(TimerHeap, AgreesWithASortedModel) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        TimerModel model(seed);
        for (int i = 0; i < 2000 && !testing::Test::HasFatalFailure(); ++i) model.step();
        EXPECT_GT(model.fired, 500U);
    }
}

}  // namespace
}  // namespace squadload::transport
