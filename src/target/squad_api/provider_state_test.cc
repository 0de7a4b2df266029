#include "target/squad_api/provider_state.h"

#include <gtest/gtest.h>

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;

const MonoTime kZero = MonoTime{} + 24h;

void call(ProviderState& state, CallEnd end, MonoTime at, Nanos time = 1ms) {
    const auto pass = state.begin(at);
    ASSERT_TRUE(pass.has_value());
    state.ended(*pass, end, at + time);
}

CallEnd answer(Reason reason, int status, std::optional<Nanos> hint = std::nullopt) {
    return CallEnd{reason, status, hint, false};
}

TEST(ProviderStateTest, AHintIsAFloor) {
    ProviderState state({});
    call(state, answer(Reason::rate_limited, 429, 2s), kZero);
    EXPECT_EQ(state.floor(), kZero + 1ms + 2s);
    const auto closed = state.closed(kZero + 1s);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->reason, Reason::throttle);
    EXPECT_EQ(closed->wait, 1s + 1ms);
    EXPECT_FALSE(state.begin(kZero + 2s));
    EXPECT_TRUE(state.begin(kZero + 2s + 1ms));
}

TEST(ProviderStateTest, AShorterHintDoesNotShortenAFloor) {
    ProviderState state({});
    const auto first = state.begin(kZero);
    const auto second = state.begin(kZero);
    state.ended(*first, answer(Reason::rate_limited, 429, 5s), kZero);
    state.ended(*second, answer(Reason::rate_limited, 429, 1s), kZero + 1ms);
    EXPECT_EQ(state.floor(), kZero + 5s);
}

TEST(ProviderStateTest, FloorsOf5xxHintsAreKeptToo) {
    ProviderState state({});
    call(state, answer(Reason::server_error, 503, 4s), kZero);
    EXPECT_EQ(state.floor(), kZero + 1ms + 4s);
}

TEST(ProviderStateTest, WithoutAHintPausesDoubleOnlyWhenTheyDidNotHelp) {
    ProviderState state({});
    const auto early = state.begin(kZero);
    call(state, answer(Reason::rate_limited, 429), kZero, 0ms);
    EXPECT_EQ(state.floor(), kZero + 100ms);
    // It was under way when the pause began.
    state.ended(*early, answer(Reason::rate_limited, 429), kZero + 50ms);
    EXPECT_EQ(state.floor(), kZero + 100ms);
    MonoTime at = kZero + 100ms;
    for (const Nanos pause : {200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
        call(state, answer(Reason::rate_limited, 429), at, 0ms);
        EXPECT_EQ(state.floor(), at + pause);
        at += pause;
    }
    call(state, answer(Reason::none, 200), at, 0ms);
    call(state, answer(Reason::rate_limited, 429), at, 0ms);
    EXPECT_EQ(state.floor(), at + 100ms);
}

TEST(ProviderStateTest, AnExhaustedQuotaPausesForAMinute) {
    ProviderState state({});
    call(state, answer(Reason::quota, 402), kZero, 0ms);
    EXPECT_EQ(state.floor(), kZero + 60s);
    EXPECT_EQ(state.factor(kZero + 1s), 1);
}

TEST(ProviderStateTest, FailuresOpenTheBreakerAndAProbeClosesIt) {
    ProviderState state({});
    for (int i = 0; i < 5; ++i) call(state, answer(Reason::connect, 0), kZero);
    auto closed = state.closed(kZero + 1s);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->reason, Reason::breaker);
    EXPECT_EQ(closed->wait, 1s + 1ms);
    EXPECT_FALSE(state.begin(kZero + 1s));
    const MonoTime half = kZero + 2s + 1ms;
    const auto probe = state.begin(half);
    ASSERT_TRUE(probe);
    closed = state.closed(half);  // one probe at a time
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->wait, 0s);
    state.ended(*probe, answer(Reason::none, 200), half + 5ms);
    EXPECT_FALSE(state.closed(half + 5ms));
}

TEST(ProviderStateTest, WhatSaysNothingAboutTheProviderIsNoFailure) {
    ProviderState state({});
    for (int i = 0; i < 30; ++i) {
        CallEnd given_up = answer(Reason::timeout, 0);
        given_up.abandoned = true;
        call(state, given_up, kZero + i * 1ms);
        call(state, answer(Reason::rejected, 400), kZero + i * 1ms);
    }
    EXPECT_FALSE(state.closed(kZero + 1s));
    EXPECT_EQ(state.in_flight(), 0);
}

TEST(ProviderStateTest, Several429sSlowItDownAndCalmRestoresIt) {
    ProviderState state({});
    MonoTime at = kZero;
    for (int i = 0; i < 3; ++i) {
        call(state, answer(Reason::rate_limited, 429), at, 0ms);
        at = state.floor();
    }
    EXPECT_EQ(state.factor(at), 0.5);
    EXPECT_EQ(state.factor(at + 5 * 3s + 1s), 1);
}

TEST(RecentMeanTest, OnlyTheLastMinuteCounts) {
    RecentMean mean;
    EXPECT_FALSE(mean.mean(kZero));
    mean.add(10ms, kZero);
    mean.add(20ms, kZero + 1s);
    EXPECT_EQ(mean.mean(kZero + 1s), 15ms);
    EXPECT_EQ(mean.mean(kZero + 60s), 20ms);
    EXPECT_FALSE(mean.mean(kZero + 62s));
}

}  // namespace
}  // namespace squadload::squad_api
