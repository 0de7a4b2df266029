#include "target/providers/fault.h"

#include <gtest/gtest.h>

#include <cmath>

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kFaultStart{1'000s};

FaultSpec fault_of(FaultKind kind) {
    FaultSpec spec;
    spec.kind = kind;
    return spec;
}

TEST(FaultTest, NamesGoBothWays) {
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        const auto kind = static_cast<FaultKind>(i);
        EXPECT_EQ(fault_kind(name_of(kind)), kind);
    }
    EXPECT_EQ(fault_kind("storms"), std::nullopt);
    EXPECT_EQ(name_of(FaultKind::slow_down), "slow_down");
}

TEST(FaultTest, BeginsAndEndsByTheClock) {
    FaultBoard board(1);
    FaultSpec spec = fault_of(FaultKind::outage);
    spec.after = 10s;
    spec.lasts = 20s;
    ASSERT_TRUE(board.add(1, spec, kFaultStart));
    const auto down = [&](Nanos at) {
        return board.plan("m", 1, kFaultStart + at).outage != nullptr;
    };
    EXPECT_FALSE(down(0s));
    EXPECT_FALSE(down(10s - 1ns));
    EXPECT_TRUE(down(10s));
    EXPECT_TRUE(down(30s - 1ns));
    EXPECT_EQ(board.list(kFaultStart + 30s - 1ns).size(), 1u);
    EXPECT_FALSE(down(30s));
    EXPECT_TRUE(board.list(kFaultStart + 30s).empty());
}

TEST(FaultTest, WithoutAnEndItLastsUntilRemoved) {
    FaultBoard board(1);
    ASSERT_TRUE(board.add(4, fault_of(FaultKind::hang), kFaultStart));
    EXPECT_NE(board.plan("m", 1, kFaultStart + 1'000h).fault, nullptr);
    EXPECT_FALSE(board.remove(5));
    EXPECT_TRUE(board.remove(4));
    EXPECT_EQ(board.plan("m", 1, kFaultStart).fault, nullptr);
}

TEST(FaultTest, StrikesItsShareAndTheSameCallsEachTime) {
    FaultSpec spec = fault_of(FaultKind::error_rate);
    spec.share = 0.3;
    FaultBoard board(9);
    FaultBoard again(9);
    FaultBoard other(10);
    ASSERT_TRUE(board.add(1, spec, kFaultStart));
    ASSERT_TRUE(again.add(1, spec, kFaultStart));
    ASSERT_TRUE(other.add(1, spec, kFaultStart));
    constexpr int kCalls = 20'000;
    int struck = 0;
    int differs = 0;
    for (std::uint64_t number = 1; number <= kCalls; ++number) {
        const bool hit = board.plan("m", number, kFaultStart).fault != nullptr;
        struck += hit ? 1 : 0;
        EXPECT_EQ(hit, again.plan("m", number, kFaultStart).fault != nullptr);
        differs += hit != (other.plan("m", number, kFaultStart).fault != nullptr) ? 1 : 0;
    }
    EXPECT_NEAR(struck, 0.3 * kCalls, 4 * std::sqrt(kCalls * 0.3 * 0.7));
    EXPECT_NEAR(differs, 0.42 * kCalls, 4 * std::sqrt(kCalls * 0.42 * 0.58));
}

TEST(FaultTest, FaultsOfOneBoardDrawIndependently) {
    FaultSpec spec = fault_of(FaultKind::error_rate);
    spec.share = 0.5;
    FaultBoard board(1);
    ASSERT_TRUE(board.add(1, spec, kFaultStart));
    ASSERT_TRUE(board.add(2, spec, kFaultStart));
    constexpr int kCalls = 20'000;
    int struck = 0;
    for (std::uint64_t number = 1; number <= kCalls; ++number) {
        struck += board.plan("m", number, kFaultStart).fault != nullptr ? 1 : 0;
    }
    EXPECT_NEAR(struck, 0.75 * kCalls, 4 * std::sqrt(kCalls * 0.75 * 0.25));
}

TEST(FaultTest, PrecedenceAndProducts) {
    FaultBoard board(1);
    FaultSpec slow = fault_of(FaultKind::slow_down);
    slow.factor = 3;
    ASSERT_TRUE(board.add(1, slow, kFaultStart));
    slow.factor = 2;
    ASSERT_TRUE(board.add(2, slow, kFaultStart));
    ASSERT_TRUE(board.add(3, fault_of(FaultKind::malformed), kFaultStart));
    ASSERT_TRUE(board.add(4, fault_of(FaultKind::storm), kFaultStart));
    ASSERT_TRUE(board.add(5, fault_of(FaultKind::outage), kFaultStart));
    FaultPlan plan = board.plan("m", 1, kFaultStart);
    EXPECT_EQ(plan.factor, 6);
    ASSERT_NE(plan.fault, nullptr);
    EXPECT_EQ(plan.fault->spec.kind, FaultKind::storm);
    ASSERT_NE(plan.outage, nullptr);
    EXPECT_EQ(plan.outage->id, 5u);
    ASSERT_TRUE(board.remove(4));
    ASSERT_TRUE(board.remove(5));
    plan = board.plan("m", 1, kFaultStart);
    EXPECT_EQ(plan.fault->spec.kind, FaultKind::malformed);
    EXPECT_EQ(plan.outage, nullptr);
}

TEST(FaultTest, OfOneModelOnly) {
    FaultBoard board(1);
    FaultSpec spec = fault_of(FaultKind::reset);
    spec.model = "small";
    ASSERT_TRUE(board.add(1, spec, kFaultStart));
    EXPECT_NE(board.plan("small", 1, kFaultStart).fault, nullptr);
    EXPECT_EQ(board.plan("large", 1, kFaultStart).fault, nullptr);
}

TEST(FaultTest, CountsWhatWasStruckAndIsBounded) {
    FaultBoard board(1);
    for (std::uint64_t id = 1; id <= FaultBoard::kMost; ++id) {
        ASSERT_TRUE(board.add(id, fault_of(FaultKind::reset), kFaultStart));
    }
    EXPECT_FALSE(board.add(1'000, fault_of(FaultKind::reset), kFaultStart));
    board.count(2);
    board.count(2);
    EXPECT_EQ(board.list(kFaultStart)[1].struck, 2u);
    EXPECT_EQ(board.list(kFaultStart)[0].struck, 0u);
    EXPECT_EQ(board.clear(), FaultBoard::kMost);
    EXPECT_TRUE(board.list(kFaultStart).empty());
}

}  // namespace
}  // namespace squadload::providers
