#include "target/limits/token_bucket.h"

#include <gtest/gtest.h>

#include <limits>

#include "target/limits/oracles_for_tests.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;
using oracle::Calls;

// A rate that is no whole number of nanoseconds per token, half of the time.
Rate some_rate(Random& random) {
    return {random.between(1, 200), Nanos{random.between(1, 3'000'000'000)}};
}

TEST(TokenBucketTest, DecidesAsTheDefinitionSaysAtEveryCall) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Random random = oracle::random(seed);
        const Rate rate = some_rate(random);
        const std::int64_t depth = random.between(1, 30);
        const std::int64_t gap = 2 * rate.per.count() / rate.amount + 1;
        TokenBucket bucket(rate, depth, at(0s));
        Calls taken;
        Nanos now{};
        for (int i = 0; i < 300; ++i) {
            // Often several at the same instant, sometimes a long pause.
            if (random.below(3) != 0) now += Nanos{random.between(0, gap)};
            if (random.below(50) == 0) now += depth * Nanos{gap};
            const std::int64_t n = random.between(1, std::min<std::int64_t>(depth + 1, 4));
            Calls with = taken;
            with.push_back({at(now), n});
            const bool may = n <= depth && bucket_holds_at(with, with.size() - 1, rate, depth);
            ASSERT_EQ(bucket.wait_for(n, at(now)) == Nanos::zero(), may) << seed << " " << i;
            ASSERT_EQ(bucket.take(n, at(now)).has_value(), may) << seed << " " << i;
            if (may) taken = with;
        }
        ASSERT_TRUE(oracle::bucket_holds(taken, rate, depth)) << seed;
    }
}

TEST(TokenBucketTest, TheWaitIsExactToTheNanosecond) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Random random = oracle::random(seed);
        const std::int64_t depth = random.between(1, 30);
        TokenBucket bucket(some_rate(random), depth, at(0s));
        Nanos now{};
        for (int i = 0; i < 100; ++i) {
            const std::int64_t n = random.between(1, depth);
            const Nanos wait = bucket.wait_for(n, at(now));
            if (wait > Nanos::zero()) {
                EXPECT_FALSE(bucket.take(n, at(now + wait - 1ns)));
            }
            now += wait;
            ASSERT_TRUE(bucket.take(n, at(now))) << seed;
        }
    }
}

TEST(TokenBucketTest, NoFractionIsLostWhateverTheGapBetweenCalls) {
    // A bucket that rounds its refill down loses up to half of the rate at these gaps.
    for (const Nanos gap : {100ms, 400ms, 667ms, 750ms, 900ms, 999ms}) {
        TokenBucket bucket({60, 60s}, 1, at(0s));
        std::int64_t taken = 0;
        for (Nanos t{}; t < 1h; t += gap) {
            if (bucket.take(1, at(t))) ++taken;
        }
        // A call comes at most one gap after its token; what came meanwhile would not fit a depth
        // of 1, so compare with the definition: each next one at the first call a second later.
        const std::int64_t calls_apart = (1'000'000'000 + gap.count() - 1) / gap.count();
        EXPECT_EQ(taken,
                  (3'600'000'000'000 + calls_apart * gap.count() - 1) / (calls_apart * gap.count()))
            << gap.count();

        TokenBucket deeper({60, 60s}, 2, at(0s));
        taken = 0;
        for (Nanos t{}; t < 1h; t += gap) {
            if (deeper.take(1, at(t))) ++taken;
        }
        EXPECT_GE(taken, 3600) << gap.count();
        EXPECT_LE(taken, 3602) << gap.count();
    }
}

TEST(TokenBucketTest, AskingDoesNotChangeIt) {
    TokenBucket asked({7, 3s}, 5, at(0s));
    TokenBucket left_alone({7, 3s}, 5, at(0s));
    ASSERT_TRUE(asked.take(5, at(0s)));
    ASSERT_TRUE(left_alone.take(5, at(0s)));
    for (Nanos t{}; t < 2s; t += 1us) EXPECT_FALSE(asked.take(6, at(t)));
    EXPECT_EQ(asked.wait_for(5, at(2s)), left_alone.wait_for(5, at(2s)));
    EXPECT_EQ(left_alone.wait_for(5, at(2s)), Nanos{142'857'143});  // 15/7 s - 2 s, rounded up
}

TEST(TokenBucketTest, ReportsWholeTokens) {
    TokenBucket bucket({10, 1s}, 5, at(0s));
    EXPECT_EQ(bucket.report(at(0s)), (Level{5, 0, 5, 0s, 0s}));
    ASSERT_TRUE(bucket.take(4, at(0s)));
    EXPECT_EQ(bucket.report(at(0s)), (Level{5, 4, 1, 0s, 400ms}));
    EXPECT_EQ(bucket.report(at(50ms)), (Level{5, 4, 1, 0s, 350ms}));
    ASSERT_TRUE(bucket.take(1, at(50ms)));
    EXPECT_EQ(bucket.report(at(50ms)), (Level{5, 5, 0, 50ms, 450ms}));
    EXPECT_DOUBLE_EQ(bucket.level(at(50ms)), 0.5);
    EXPECT_EQ(bucket.tokens(at(150ms)), 1);
}

TEST(TokenBucketTest, AChangeKeepsTheLevelWithItsFraction) {
    TokenBucket bucket({10, 1s}, 10, at(0s));
    ASSERT_TRUE(bucket.take(10, at(0s)));
    bucket.change({3, 7s}, 20, at(250ms));  // 2.5 tokens there
    EXPECT_DOUBLE_EQ(bucket.level(at(250ms)), 2.5);
    EXPECT_EQ(bucket.wait_for(3, at(250ms)), Nanos{1'166'666'667});  // half a token at 3/7 per s
    bucket.change({3, 7s}, 2, at(250ms));                            // over the depth
    EXPECT_DOUBLE_EQ(bucket.level(at(250ms)), 2);
    bucket.change({3, 7s}, 20, at(250ms));  // nothing comes from nowhere
    EXPECT_DOUBLE_EQ(bucket.level(at(250ms)), 2);
}

TEST(TokenBucketTest, AChangeRoundsTheFractionDownBelowZeroToo) {
    TokenBucket bucket({1, 3ns}, 10, at(0s));
    bucket.amend(bucket.take(10, at(0s)).value(), 10, 11, at(0s));
    bucket.change({1, 1ns}, 10, at(2ns));  // a third of a token is owed
    EXPECT_EQ(bucket.level(at(2ns)), -1);
    TokenBucket above({1, 3ns}, 10, at(0s));
    ASSERT_TRUE(above.take(10, at(0s)));
    above.change({1, 1ns}, 10, at(2ns));
    EXPECT_EQ(above.level(at(2ns)), 0);
}

TEST(TokenBucketTest, TheBoundHoldsAcrossChanges) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Random random = oracle::random(seed);
        const Rate before = some_rate(random);
        const Rate after = some_rate(random);
        const std::int64_t old_depth = random.between(1, 20);
        const std::int64_t new_depth = random.between(1, 20);
        const std::int64_t gap = before.per.count() / before.amount + 1;
        const Nanos change = Nanos{gap} * random.between(0, 60);
        TokenBucket bucket(before, old_depth, at(0s));
        Calls old_calls;
        Calls new_calls;
        Nanos now{};
        bool changed = false;
        for (int i = 0; i < 200; ++i) {
            now += Nanos{random.between(0, gap)};
            if (!changed && now >= change) {
                bucket.change(after, new_depth, at(change));
                changed = true;
            }
            if (bucket.take(1, at(now))) (changed ? new_calls : old_calls).push_back({at(now), 1});
        }
        EXPECT_TRUE(oracle::bucket_holds(old_calls, before, old_depth)) << seed;
        EXPECT_TRUE(oracle::bucket_holds(new_calls, after, new_depth)) << seed;
        // taken[s, t] <= old depth + old rate (c - s) + new rate (t - c), in 1/(per per) tokens.
        const Wide old_per = before.per.count();
        const Wide new_per = after.per.count();
        for (std::size_t s = 0; s < old_calls.size(); ++s) {
            for (std::size_t t = 0; t < new_calls.size(); ++t) {
                const auto count = static_cast<std::int64_t>(old_calls.size() - s + t + 1);
                const Wide old_part = before.amount * Wide{(at(change) - old_calls[s].at).count()};
                const Wide new_part = after.amount * Wide{(new_calls[t].at - at(change)).count()};
                ASSERT_TRUE((count - old_depth) * old_per * new_per <=
                            old_part * new_per + new_part * old_per)
                    << seed;
            }
        }
    }
}

TEST(TokenBucketTest, AmendingGivesBackOrCharges) {
    TokenBucket bucket({1, 1s}, 100, at(0s));
    const Mark mark = bucket.take(80, at(0s)).value();
    bucket.amend(mark, 80, 30, at(1s));
    EXPECT_EQ(bucket.tokens(at(1s)), 71);
    bucket.amend(mark, 30, 0, at(1s));
    EXPECT_EQ(bucket.tokens(at(1s)), 100);  // not beyond full
    bucket.amend(mark, 0, 150, at(1s));     // usage beyond what was there
    EXPECT_DOUBLE_EQ(bucket.level(at(1s)), -50);
    EXPECT_EQ(bucket.tokens(at(1s)), 0);
    EXPECT_EQ(bucket.report(at(1s)), (Level{100, 150, 0, 51s, 150s}));
    EXPECT_EQ(bucket.wait_for(0, at(1s)), 50s);
    EXPECT_FALSE(bucket.take(0, at(1s)));
    bucket.change({1, 3s}, 100, at(1s) + 1ms);  // below 0 rounds down, too
    EXPECT_EQ(bucket.wait_for(0, at(1s) + 1ms), 149'997ms);
}

TEST(TokenBucketTest, UndoNeverBreaksTheBoundOfWhatWasSent) {
    std::int64_t undone = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Random random = oracle::random(seed);
        const Rate rate = some_rate(random);
        const std::int64_t depth = random.between(1, 10);
        const std::int64_t gap = rate.per.count() / rate.amount + 1;
        TokenBucket bucket(rate, depth, at(0s));
        struct Take {
            Mark mark;
            MonoTime at;
            bool gone;
        };
        std::vector<Take> takes;
        Nanos now{};
        for (int i = 0; i < 200; ++i) {
            if (random.below(2) == 0) now += Nanos{random.between(0, 3 * gap)};
            if (const auto mark = bucket.take(1, at(now))) takes.push_back({*mark, at(now), false});
            if (!takes.empty() && random.below(3) == 0) {
                const auto back = random.below(std::min<std::uint64_t>(3, takes.size()));
                Take& take = takes[takes.size() - 1 - back];
                if (take.gone) continue;
                const double before = bucket.level(at(now));
                bucket.undo(take.mark, 1, at(now));
                take.gone = true;
                if (bucket.level(at(now)) > before) ++undone;
            }
        }
        Calls sent;
        for (const Take& take : takes) {
            if (!take.gone) sent.push_back({take.at, 1});
        }
        ASSERT_TRUE(oracle::bucket_holds(sent, rate, depth)) << seed;
    }
    EXPECT_GT(undone, 1000);
}

TEST(TokenBucketTest, TimeThatGoesBackStandsStill) {
    TokenBucket bucket({1, 1s}, 2, at(10s));
    ASSERT_TRUE(bucket.take(2, at(10s)));
    EXPECT_FALSE(bucket.take(1, at(0s)));
    EXPECT_FALSE(bucket.take(1, at(5s)));  // not 5 s after the last call
    EXPECT_EQ(bucket.wait_for(1, at(3s)), 1s);
    EXPECT_TRUE(bucket.take(1, at(11s)));
    EXPECT_FALSE(bucket.take(1, at(11s)));
    EXPECT_TRUE(bucket.take(2, at(24h * 365 * 200)));  // and may jump far ahead
}

TEST(TokenBucketTest, TheLargestValuesDoNotOverflow) {
    const Nanos eternity = Nanos::max();
    TokenBucket slow({1, eternity}, kMaxAmount, at(0s));
    ASSERT_TRUE(slow.take(kMaxAmount, at(0s)));
    EXPECT_EQ(slow.wait_for(1, at(0s)), Nanos::max());
    EXPECT_EQ(slow.wait_for(kMaxAmount, at(0s)), Nanos::max());
    EXPECT_EQ(slow.tokens(at(eternity)), 1);
    slow.amend(1, 0, kMaxAmount, at(eternity));
    slow.amend(1, 0, kMaxAmount, at(eternity));
    EXPECT_DOUBLE_EQ(slow.level(at(eternity)), -static_cast<double>(kMaxAmount));
    slow.change({kMaxAmount, 1ns}, kMaxAmount, at(eternity));
    EXPECT_EQ(slow.wait_for(1, at(eternity)), 2ns);

    TokenBucket fast({kMaxAmount, 1ns}, kMaxAmount, at(0s));
    ASSERT_TRUE(fast.take(kMaxAmount, at(0s)));
    EXPECT_EQ(fast.tokens(at(eternity)), kMaxAmount);
    EXPECT_EQ(fast.wait_for(kMaxAmount + 1, at(0s)), Nanos::max());
    EXPECT_FALSE(fast.take(std::numeric_limits<std::int64_t>::max(), at(eternity)));
    EXPECT_TRUE(fast.take(std::numeric_limits<std::int64_t>::min(), at(eternity)));  // as 0
    EXPECT_EQ(fast.tokens(at(eternity)), kMaxAmount);

    TokenBucket never({0, 1s}, 1, at(0s));
    ASSERT_TRUE(never.take(1, at(0s)));
    EXPECT_EQ(never.wait_for(1, at(0s)), Nanos::max());
    EXPECT_FALSE(never.take(1, at(eternity)));
}

}  // namespace
}  // namespace squadload::limits
