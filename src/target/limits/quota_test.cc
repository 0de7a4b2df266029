#include "target/limits/quota.h"

#include <gtest/gtest.h>

#include <limits>

#include "target/limits/oracles_for_tests.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;
using oracle::Calls;

QuotaSettings requests_per_minute(std::int64_t requests, std::int64_t burst = 0,
                                  Algorithm algorithm = Algorithm::sliding_log) {
    QuotaSettings settings;
    settings.requests = requests;
    settings.burst = burst;
    settings.algorithm = algorithm;
    return settings;
}

TEST(QuotaTest, ZeroIsNoLimit) {
    Quota quota({}, at(0s));
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(quota.admit(kMaxAmount, at(0s)).admitted);
    const QuotaState state = quota.state(at(0s));
    EXPECT_FALSE(state.requests || state.burst || state.requests_day || state.tokens);
    EXPECT_FALSE(state.concurrency);
    EXPECT_EQ(state.in_flight, 10'000);
}

TEST(QuotaTest, SaysWhichLimitRefusesAndForHowLong) {
    QuotaSettings settings = requests_per_minute(4, 2);
    settings.requests_day = 6;
    settings.tokens = 1000;
    settings.concurrency = 5;
    Quota quota(settings, at(0s));
    const auto expect = [&](std::int64_t tokens, Nanos now, Limit refused_by, Nanos wait) {
        EXPECT_EQ(quota.wait_for(tokens, at(now)), wait);
        const Admission admission = quota.admit(tokens, at(now));
        EXPECT_EQ(admission.admitted, refused_by == Limit::none);
        EXPECT_EQ(admission.ticket.id != 0, admission.admitted);
        EXPECT_EQ(name_of(admission.refused_by), name_of(refused_by));
        EXPECT_EQ(admission.wait, wait);
    };
    expect(1001, 0s, Limit::too_large, Nanos::max());
    expect(400, 0s, Limit::none, 0s);
    expect(400, 1s, Limit::none, 0s);
    expect(10, 2s, Limit::burst, 13s);  // 2 / 15 of a token is there
    expect(300, 15s, Limit::tokens, 45s);
    expect(10, 20s, Limit::none, 0s);
    expect(10, 31s, Limit::none, 0s);
    expect(10, 50s, Limit::requests, 10s);
    expect(10, 60s, Limit::none, 0s);
    expect(10, 70s, Limit::concurrency, 0s);
    quota.finish(Ticket{std::uint64_t{1} << 32U}, 3, at(70s));  // the first one
    expect(10, 70s, Limit::none, 0s);
    expect(10, 200s, Limit::requests_day, 24h - 200s);
}

TEST(QuotaTest, NamesAreTheArrivalLogs) {
    EXPECT_EQ(name_of(Limit::none), "");
    EXPECT_EQ(name_of(Limit::requests), "requests");
    EXPECT_EQ(name_of(Limit::burst), "burst");
    EXPECT_EQ(name_of(Limit::requests_day), "requests_day");
    EXPECT_EQ(name_of(Limit::tokens), "tokens");
    EXPECT_EQ(name_of(Limit::concurrency), "concurrency");
    EXPECT_EQ(name_of(Limit::too_large), "too_large");
    EXPECT_EQ(name_of(Limit::throttle), "throttle");
}

TEST(QuotaTest, ARefusalUsesUpNothingOfTheOtherLimits) {
    QuotaSettings settings = requests_per_minute(100, 10);
    settings.requests_day = 1000;
    settings.tokens = 100;
    settings.concurrency = 50;
    Quota quota(settings, at(0s));
    ASSERT_TRUE(quota.admit(100, at(0s)).admitted);
    const QuotaState before = quota.state(at(1s));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(quota.admit(1, at(1s)).refused_by, Limit::tokens);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(quota.admit(101, at(1s)).refused_by, Limit::too_large);
    const QuotaState after = quota.state(at(1s));
    EXPECT_EQ(*before.requests, *after.requests);
    EXPECT_EQ(*before.burst, *after.burst);
    EXPECT_EQ(*before.requests_day, *after.requests_day);
    EXPECT_EQ(*before.tokens, *after.tokens);
    EXPECT_EQ(*before.concurrency, *after.concurrency);

    // And the other way round: a burst refusal leaks no slot of the window.
    Quota burst(requests_per_minute(100, 1), at(0s));
    ASSERT_TRUE(burst.admit(0, at(0s)).admitted);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(burst.admit(0, at(0s)).refused_by, Limit::burst);
    EXPECT_EQ(burst.state(at(0s)).requests->used, 1);
}

TEST(QuotaTest, WithoutABurstTheWindowLetsAllThroughAtOnceWithOneItDoesNot) {
    const auto at_once = [](const QuotaSettings& settings) {
        Quota quota(settings, at(0s));
        int admitted = 0;
        for (int i = 0; i < 1000; ++i) admitted += quota.admit(0, at(0s)).admitted ? 1 : 0;
        return admitted;
    };
    EXPECT_EQ(at_once(requests_per_minute(60)), 60);
    EXPECT_EQ(at_once(requests_per_minute(60, 2)), 2);
    EXPECT_EQ(at_once(requests_per_minute(60, 2, Algorithm::fixed_window)), 2);
    EXPECT_EQ(at_once(requests_per_minute(60, 2, Algorithm::token_bucket)), 2);
    EXPECT_EQ(at_once(requests_per_minute(60, 0, Algorithm::token_bucket)), 60);
}

TEST(QuotaTest, ABurstAsLargeAsTheWindowsLimitIsLeftOutOnlyWhereItCouldRefuseNothing) {
    EXPECT_FALSE(Quota(requests_per_minute(60, 60), at(0s)).state(at(0s)).burst);
    EXPECT_TRUE(Quota(requests_per_minute(60, 59), at(0s)).state(at(0s)).burst);
    // Fixed windows let 2 L through around an edge; there the bucket matters.
    Quota fixed(requests_per_minute(60, 60, Algorithm::fixed_window), at(0s));
    ASSERT_TRUE(fixed.admit(0, at(0s)).admitted);
    for (int i = 0; i < 59; ++i) ASSERT_TRUE(fixed.admit(0, at(59s)).admitted);
    int admitted = 0;
    for (int i = 0; i < 60; ++i) admitted += fixed.admit(0, at(60s)).admitted ? 1 : 0;
    EXPECT_EQ(admitted, 2);
    // The claim about the log, by brute force: its calls never break the bucket.
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Random random = oracle::random(seed);
        Quota log(requests_per_minute(30), at(0s));
        Calls calls;
        for (Nanos now{}; now < 400s; now += Nanos{random.between(0, 2'000'000'000)}) {
            for (auto n = random.below(20); n > 0; --n) {
                if (log.admit(0, at(now)).admitted) calls.push_back({at(now), 1});
            }
        }
        EXPECT_TRUE(oracle::bucket_holds(calls, {30, 60s}, 30));
    }
}

TEST(QuotaTest, WaitsKeepTheirFractionOfASecond) {
    QuotaSettings settings;
    settings.tokens = 12'000;
    settings.algorithm = Algorithm::token_bucket;
    Quota quota(settings, at(0s));
    ASSERT_TRUE(quota.admit(11'468, at(0s)).admitted);
    EXPECT_EQ(quota.wait_for(2'064, at(0s)), 7'660ms);  // the 532 left and 200 per second
    EXPECT_FALSE(quota.admit(2'064, at(7'660ms - 1ns)).admitted);
    EXPECT_TRUE(quota.admit(2'064, at(7'660ms)).admitted);
}

TEST(QuotaTest, ReservedTokensStayChargedSettledOnesAreReplacedByUsage) {
    QuotaSettings settings;
    settings.tokens = 1000;
    Quota reserve(settings, at(0s));
    settings.tokens_accounting = TokenAccounting::settle;
    Quota settle(settings, at(0s));
    const Ticket reserved = reserve.admit(900, at(0s)).ticket;
    const Ticket settled = settle.admit(900, at(0s)).ticket;
    reserve.finish(reserved, 100, at(5s));
    settle.finish(settled, 100, at(5s));
    EXPECT_EQ(reserve.state(at(5s)).tokens->used, 900);
    EXPECT_EQ(settle.state(at(5s)).tokens->used, 100);
    EXPECT_TRUE(settle.admit(900, at(5s)).admitted);
    EXPECT_EQ(settle.state(at(60s)).tokens->used, 900);  // counted at admission
    const Ticket unknown = settle.admit(50, at(60s)).ticket;
    settle.finish(unknown, std::nullopt, at(61s));
    EXPECT_EQ(settle.state(at(61s)).tokens->used, 950);
    const Ticket more = settle.admit(50, at(61s)).ticket;
    settle.finish(more, 300, at(62s));  // above the reservation
    EXPECT_EQ(settle.state(at(62s)).tokens->used, 1250);
    EXPECT_EQ(settle.state(at(62s)).tokens->remaining, 0);
    EXPECT_EQ(settle.wait_for(1, at(62s)), 3s);
}

TEST(QuotaTest, OnlyTheFirstFinishOrCancelOfATicketCounts) {
    QuotaSettings settings = requests_per_minute(10);
    settings.tokens = 1000;
    settings.tokens_accounting = TokenAccounting::settle;
    settings.concurrency = 2;
    Quota quota(settings, at(0s));
    const Ticket first = quota.admit(100, at(0s)).ticket;
    const Ticket second = quota.admit(100, at(0s)).ticket;
    quota.finish(first, 40, at(1s));
    quota.finish(first, 0, at(1s));
    quota.cancel(first, at(1s));
    EXPECT_EQ(quota.state(at(1s)).in_flight, 1);
    EXPECT_EQ(quota.state(at(1s)).tokens->used, 140);
    EXPECT_EQ(quota.state(at(1s)).requests->used, 2);
    const Ticket third = quota.admit(100, at(1s)).ticket;  // takes the first one's place
    EXPECT_NE(first, third);
    quota.finish(first, 0, at(1s));
    EXPECT_EQ(quota.state(at(1s)).in_flight, 2);
    quota.cancel(third, at(1s));
    quota.finish(second, 100, at(1s));
    for (const Ticket ticket : {Ticket{}, Ticket{7}, Ticket{~std::uint64_t{0}}}) {
        quota.finish(ticket, 0, at(1s));
        quota.cancel(ticket, at(1s));
    }
    EXPECT_EQ(quota.state(at(1s)).in_flight, 0);
    EXPECT_EQ(quota.state(at(1s)).tokens->used, 140);
    EXPECT_EQ(quota.state(at(1s)).requests->used, 2);
}

TEST(QuotaTest, ACancelledCallLeavesNoTrace) {
    for (const Algorithm algorithm :
         {Algorithm::sliding_log, Algorithm::fixed_window, Algorithm::token_bucket}) {
        QuotaSettings settings = requests_per_minute(10, 5, algorithm);
        settings.requests_day = 100;
        settings.tokens = 1000;
        settings.concurrency = 3;
        Quota quota(settings, at(0s));
        quota.cancel(quota.admit(700, at(0s)).ticket, at(1ms));
        const QuotaState state = quota.state(at(1ms));
        for (const auto& level :
             {state.requests, state.burst, state.requests_day, state.tokens, state.concurrency}) {
            EXPECT_EQ(level.value_or(Level{}).used, 0);
        }
        EXPECT_EQ(state.in_flight, 0);
        EXPECT_TRUE(quota.admit(1000, at(1ms)).admitted);
    }
}

TEST(QuotaTest, StateForRateLimitHeaders) {
    QuotaSettings settings = requests_per_minute(30, 0, Algorithm::token_bucket);
    settings.requests_day = 1000;
    settings.tokens = 6000;
    settings.tokens_algorithm = Algorithm::sliding_log;
    settings.concurrency = 4;
    Quota quota(settings, at(0s));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(quota.admit(500, at(i * 1s)).admitted);
    const QuotaState state = quota.state(at(2s));
    EXPECT_EQ(*state.requests, (Level{30, 2, 28, 0s, 4s}));
    EXPECT_FALSE(state.burst);
    EXPECT_EQ(*state.requests_day, (Level{1000, 3, 997, 0s, 24h - 2s}));
    EXPECT_EQ(*state.tokens, (Level{6000, 1500, 4500, 0s, 60s}));
    EXPECT_EQ(*state.concurrency, (Level{4, 3, 1, 0s, 0s}));
    EXPECT_EQ(state.factor, 1);
}

TEST(QuotaTest, ACutCountsWhatWasAndARestoreTooWhateverTheAlgorithm) {
    for (const Algorithm algorithm :
         {Algorithm::sliding_log, Algorithm::fixed_window, Algorithm::token_bucket}) {
        Quota quota(requests_per_minute(60, 0, algorithm), at(0s));
        const auto flood = [&](Nanos now) {
            int admitted = 0;
            while (quota.admit(0, at(now)).admitted) ++admitted;
            return admitted;
        };
        EXPECT_EQ(flood(0s), 60);
        quota.change(requests_per_minute(30, 0, algorithm), at(1s));
        EXPECT_LE(flood(1s), algorithm == Algorithm::token_bucket ? 1 : 0);
        quota.change(requests_per_minute(60, 0, algorithm), at(2s));
        EXPECT_LE(flood(2s), algorithm == Algorithm::token_bucket ? 1 : 0);
        EXPECT_GE(flood(62s), 59);
    }
}

TEST(QuotaTest, AnotherAlgorithmGoesOnFromWhatWasUsed) {
    const Algorithm all[] = {Algorithm::sliding_log, Algorithm::fixed_window,
                             Algorithm::token_bucket};
    for (const Algorithm from : all) {
        for (const Algorithm to : all) {
            QuotaSettings settings = requests_per_minute(60, 0, from);
            settings.tokens = 100;
            settings.tokens_accounting = TokenAccounting::settle;
            Quota quota(settings, at(0s));
            const Ticket open = quota.admit(90, at(0s)).ticket;
            for (int i = 0; i < 39; ++i) ASSERT_TRUE(quota.admit(0, at(0s)).admitted);
            settings.algorithm = to;
            quota.change(settings, at(0s));
            EXPECT_EQ(quota.state(at(0s)).requests->used, 40);
            EXPECT_EQ(quota.state(at(0s)).tokens->used, 90);
            // A ticket of before frees its slot; its tokens stay where they cannot be found.
            quota.finish(open, 10, at(0s));
            EXPECT_EQ(quota.state(at(0s)).in_flight, 39);
            EXPECT_EQ(quota.state(at(0s)).tokens->used, from == to ? 10 : 90);
        }
    }
}

TEST(QuotaTest, AlignedWindowsMayMove) {
    QuotaSettings settings = requests_per_minute(10, 0, Algorithm::fixed_window);
    Quota quota(settings, at(0s));
    for (int i = 0; i < 7; ++i) ASSERT_TRUE(quota.admit(0, at(50s)).admitted);
    settings.align = Align::multiples;
    settings.origin = at(5s);
    quota.change(settings, at(60s));
    EXPECT_EQ(*quota.state(at(60s)).requests, (Level{10, 7, 3, 0s, 5s}));
}

TEST(QuotaTest, ALimitTakenAwayAndBroughtBackIgnoresOldTickets) {
    QuotaSettings settings;
    settings.tokens = 1000;
    settings.tokens_accounting = TokenAccounting::settle;
    Quota quota(settings, at(0s));
    const Ticket old = quota.admit(900, at(0s)).ticket;
    quota.change({}, at(1s));
    quota.change(settings, at(2s));
    EXPECT_EQ(quota.state(at(2s)).tokens->used, 0);
    ASSERT_TRUE(quota.admit(800, at(2s)).admitted);
    quota.finish(old, 0, at(3s));
    EXPECT_EQ(quota.state(at(3s)).tokens->used, 800);
}

TEST(QuotaTest, AFactorPacesAtOnceAndLeavesTheWindowAlone) {
    QuotaSettings settings = requests_per_minute(1560, 52);
    settings.concurrency = 100;
    Quota quota(settings, at(0s));
    const auto flood = [&](Nanos from, Nanos to) {
        int admitted = 0;
        for (Nanos now = from; now < to; now += 1ms) {
            const Admission admission = quota.admit(0, at(now));
            if (admission.admitted) {
                ++admitted;
                quota.finish(admission.ticket, 0, at(now));
            }
        }
        return admitted;
    };
    EXPECT_NEAR(flood(0s, 30s), 52 + 30 * 26, 1);
    quota.set_factor(0.5, at(30s));
    EXPECT_EQ(quota.check(0, at(30s)).refused_by, Limit::throttle);
    EXPECT_NEAR(flood(30s, 40s), 10 * 13, 1);
    EXPECT_EQ(quota.state(at(40s)).concurrency->limit, 50);
    EXPECT_EQ(quota.state(at(40s)).requests->limit, 1560);
    quota.set_factor(0.001, at(40s));
    EXPECT_EQ(quota.state(at(40s)).concurrency->limit, 1);
    quota.set_factor(-3, at(40s));
    EXPECT_EQ(quota.factor(), 0.001);
    quota.set_factor(1, at(41s));
    EXPECT_EQ(quota.state(at(41s)).concurrency->limit, 100);
    EXPECT_TRUE(quota.admit(0, at(41s)).admitted);
    EXPECT_NEAR(flood(41s, 51s), 51 + 10 * 26, 2);
}

TEST(QuotaTest, TheLargestAndSillyValuesDoNotOverflow) {
    constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
    for (const Algorithm algorithm :
         {Algorithm::sliding_log, Algorithm::fixed_window, Algorithm::token_bucket}) {
        QuotaSettings settings;
        settings.requests = settings.burst = settings.requests_day = kLargest;
        settings.tokens = settings.concurrency = kLargest;
        settings.algorithm = algorithm;
        settings.window = settings.day = settings.guard = Nanos::max();
        Quota quota(settings, at(0s));
        EXPECT_EQ(quota.admit(kLargest, at(0s)).refused_by, Limit::too_large);
        const Ticket ticket = quota.admit(1, at(0s)).ticket;
        EXPECT_TRUE(quota.admit(std::numeric_limits<std::int64_t>::min(), at(1s)).admitted);
        quota.set_factor(0.001, MonoTime::max());
        quota.finish(ticket, kLargest, MonoTime::max());
        static_cast<void>(quota.state(MonoTime::max()));
        static_cast<void>(quota.admit(kMaxAmount, MonoTime::max()));

        settings = {};
        settings.requests = settings.burst = settings.requests_day = -1;
        settings.tokens = settings.concurrency = -1;
        settings.window = settings.day = settings.guard = Nanos{-5};
        quota.change(settings, MonoTime::max());
        EXPECT_TRUE(quota.admit(kLargest, MonoTime::max()).admitted);
    }
}

}  // namespace
}  // namespace squadload::limits
