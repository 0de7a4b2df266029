#include "target/squad_api/wait_queue.h"

#include <gtest/gtest.h>

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;

const MonoTime kNoon = MonoTime{} + 12h;

WaitQueue::WaiterPtr waiter_of(std::uint64_t order, std::size_t chain) {
    auto waiter = std::make_shared<WaitQueue::Waiter>();
    waiter->order = order;
    waiter->chain = chain;
    return waiter;
}

// Who is asked for what in a pass in which every provider refuses.
std::vector<std::pair<std::uint64_t, std::size_t>> refuse_all(WaitQueue& queue, MonoTime now,
                                                              MonoTime until,
                                                              bool or_kick = false) {
    std::vector<std::pair<std::uint64_t, std::size_t>> asked;
    auto pass = queue.begin(now);
    while (const auto next = queue.next(pass)) {
        asked.emplace_back(next->waiter->order, next->provider);
        queue.refused(pass, next->provider, until, or_kick);
    }
    return asked;
}

TEST(WaitQueueTest, TheOldestIsAskedForItsChainInOrder) {
    WaitQueue queue(10);
    const std::size_t both = queue.add_chain({3, 1});
    ASSERT_TRUE(queue.enter(waiter_of(2, both)));
    ASSERT_TRUE(queue.enter(waiter_of(1, both)));
    EXPECT_EQ(queue.length(both), 2U);
    using Asked = std::vector<std::pair<std::uint64_t, std::size_t>>;
    EXPECT_EQ(refuse_all(queue, kNoon, kNoon + 1s), (Asked{{1, 3}, {1, 1}}));
    EXPECT_EQ(queue.wake_at(), kNoon + 1s);
    // Nobody is asked again before that, also not the younger one.
    EXPECT_TRUE(refuse_all(queue, kNoon + 999ms, kNoon + 2s).empty());
    EXPECT_EQ(refuse_all(queue, kNoon + 1s, kNoon + 2s), (Asked{{1, 3}, {1, 1}}));
}

TEST(WaitQueueTest, GrantsGoByArrivalAcrossChains) {
    WaitQueue queue(10);
    const std::size_t a = queue.add_chain({0, 1});
    const std::size_t b = queue.add_chain({1});
    ASSERT_TRUE(queue.enter(waiter_of(1, b)));
    ASSERT_TRUE(queue.enter(waiter_of(2, a)));
    ASSERT_TRUE(queue.enter(waiter_of(3, b)));
    auto pass = queue.begin(kNoon);
    std::vector<std::pair<std::uint64_t, std::size_t>> granted;
    while (const auto next = queue.next(pass)) {
        if (next->provider == 0) {
            queue.refused(pass, 0, kNoon + 1s);
            continue;
        }
        granted.emplace_back(next->waiter->order, next->provider);
        queue.granted(next->waiter);
    }
    EXPECT_EQ(granted, (decltype(granted){{1, 1}, {2, 1}, {3, 1}}));
    EXPECT_EQ(queue.length(), 0U);
    EXPECT_EQ(queue.wake_at(), MonoTime::max());
}

TEST(WaitQueueTest, NewcomersDoNotOvertake) {
    WaitQueue queue(10);
    const std::size_t a = queue.add_chain({0, 1});
    static_cast<void>(queue.add_chain({2}));
    const auto waiter = waiter_of(5, a);
    EXPECT_FALSE(queue.older_waits_for(0, 6));
    ASSERT_TRUE(queue.enter(waiter));
    EXPECT_TRUE(queue.older_waits_for(0, 6));
    EXPECT_TRUE(queue.older_waits_for(1, 6));
    EXPECT_FALSE(queue.older_waits_for(2, 6));
    EXPECT_FALSE(queue.older_waits_for(0, 4));  // that one came before
    queue.leave(waiter);
    queue.leave(waiter);
    EXPECT_FALSE(queue.older_waits_for(0, 6));
    EXPECT_EQ(queue.length(), 0U);
}

TEST(WaitQueueTest, WhatIsNoMatterOfTimeIsAskedAgainAfterAKickOrAWhile) {
    WaitQueue queue(10);
    const std::size_t a = queue.add_chain({0});
    ASSERT_TRUE(queue.enter(waiter_of(1, a)));
    EXPECT_EQ(refuse_all(queue, kNoon, kNoon + 1h, true).size(), 1U);
    EXPECT_EQ(queue.wake_at(), kNoon + 1h);
    EXPECT_TRUE(refuse_all(queue, kNoon + 1min, kNoon + 2h).empty());
    EXPECT_FALSE(queue.kick(1));
    EXPECT_TRUE(queue.kick(0));
    EXPECT_EQ(refuse_all(queue, kNoon + 1min, kNoon + 2h).size(), 1U);
    // A wait that is a matter of time is not cut short.
    EXPECT_TRUE(queue.kick(0));
    EXPECT_EQ(queue.wake_at(), kNoon + 2h);
}

TEST(WaitQueueTest, WhoIsTooLargeForAProviderHoldsUpNobodyThere) {
    WaitQueue queue(10);
    const std::size_t a = queue.add_chain({0, 1});
    const auto large = waiter_of(1, a);
    large->never = 1;  // provider 0
    ASSERT_TRUE(queue.enter(large));
    ASSERT_TRUE(queue.enter(waiter_of(2, a)));
    EXPECT_EQ(queue.length(a), 2U);
    // A newcomer does not pass the second one, who waits for provider 0.
    EXPECT_TRUE(queue.older_waits_for(0, 3));
    auto pass = queue.begin(kNoon);
    auto asked = queue.next(pass);
    ASSERT_TRUE(asked);
    EXPECT_EQ(std::pair(asked->waiter->order, asked->provider), std::pair(1UL, 1UL));
    queue.refused(pass, 1, kNoon + 9s);
    asked = queue.next(pass);
    ASSERT_TRUE(asked);
    EXPECT_EQ(std::pair(asked->waiter->order, asked->provider), std::pair(2UL, 0UL));
    queue.refused(pass, 0, kNoon + 1s);
    EXPECT_FALSE(queue.next(pass));
    EXPECT_EQ(queue.wake_at(), kNoon + 1s);
}

TEST(WaitQueueTest, WhoLearnsThatNothingFitsIsToldSo) {
    WaitQueue queue(10);
    const std::size_t a = queue.add_chain({0, 1});
    const auto large = waiter_of(1, a);
    large->tokens = 500;
    ASSERT_TRUE(queue.enter(large));
    ASSERT_TRUE(queue.enter(waiter_of(2, a)));
    EXPECT_EQ(queue.tokens(a), 500);
    EXPECT_TRUE(queue.never(large, 0));
    EXPECT_FALSE(queue.never(large, 1));
    EXPECT_FALSE(queue.never(large, 1));
    auto pass = queue.begin(kNoon);
    const auto asked = queue.next(pass);
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->waiter->order, 2U);
    queue.leave(large);
    EXPECT_EQ(queue.tokens(a), 0);
    EXPECT_EQ(queue.length(), 1U);
}

TEST(WaitQueueTest, AProviderThatNeverFitsIsNotWaitedFor) {
    WaitQueue queue(10);
    const std::size_t a = queue.add_chain({0, 1});
    const auto large = waiter_of(1, a);
    large->never = 1;  // provider 0
    ASSERT_TRUE(queue.enter(large));
    EXPECT_FALSE(queue.older_waits_for(0, 2));
    EXPECT_TRUE(queue.older_waits_for(1, 2));
    EXPECT_FALSE(queue.never(large, 1));
    EXPECT_FALSE(queue.older_waits_for(1, 2));
    EXPECT_TRUE(refuse_all(queue, kNoon, kNoon + 1s).empty());
    EXPECT_EQ(queue.wake_at(), MonoTime::max());
    queue.leave(large);
    EXPECT_FALSE(queue.kick(0));
    EXPECT_FALSE(queue.kick(1));
}

TEST(WaitQueueTest, TheLengthIsBounded) {
    WaitQueue queue(2);
    const std::size_t a = queue.add_chain({0});
    const std::size_t b = queue.add_chain({1});
    const auto first = waiter_of(1, a);
    EXPECT_TRUE(queue.enter(first));
    EXPECT_TRUE(queue.enter(waiter_of(2, b)));
    EXPECT_FALSE(queue.enter(waiter_of(3, a)));
    queue.leave(first);
    EXPECT_TRUE(queue.enter(waiter_of(3, a)));
}

TEST(WaitQueueTest, AWaiterMayLeaveDuringAPass) {
    WaitQueue queue(10);
    const std::size_t a = queue.add_chain({0});
    const auto first = waiter_of(1, a);
    ASSERT_TRUE(queue.enter(first));
    ASSERT_TRUE(queue.enter(waiter_of(2, a)));
    auto pass = queue.begin(kNoon);
    const auto asked = queue.next(pass);
    ASSERT_TRUE(asked);
    queue.leave(first);
    EXPECT_FALSE(asked->waiter->waiting);
    const auto next = queue.next(pass);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->waiter->order, 2U);
}

}  // namespace
}  // namespace squadload::squad_api
