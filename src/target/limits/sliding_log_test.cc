#include "target/limits/sliding_log.h"

#include <gtest/gtest.h>

#include <limits>

#include "target/limits/oracles_for_tests.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;
using oracle::Calls;

TEST(SlidingLogTest, DecidesAsTheDefinitionSaysAtEveryCall) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Random random = oracle::random(seed);
        const std::int64_t limit = random.between(0, 40);
        const Nanos window{random.between(1, 1000) * 8};
        // Half of the schedules on a grid, so that the window's edge is hit exactly.
        const std::int64_t grid = seed % 2 == 0 ? window.count() / 8 : 1;
        SlidingLog log(limit, window);
        Calls calls;
        std::vector<Mark> marks;
        Nanos now{};
        for (int i = 0; i < 400; ++i) {
            if (random.below(3) == 0)
                now += Nanos{random.between(0, window.count() / 4 / grid) * grid};
            if (!calls.empty() && random.below(4) == 0) {  // settle one of the last, up or down
                const auto back = random.below(std::min<std::uint64_t>(20, calls.size()));
                const auto which = calls.size() - 1 - static_cast<std::size_t>(back);
                const std::int64_t to = random.between(0, 4);
                log.amend(marks[which], calls[which].weight, to, at(now));
                calls[which].weight = to;
            }
            const std::int64_t used = oracle::weight_in(calls, at(now), window);
            ASSERT_EQ(log.used(at(now)), used) << seed << " " << i;
            const std::int64_t n = random.between(0, 3);
            const bool may = used + n <= limit;
            ASSERT_EQ(log.wait_for(n, at(now)) == Nanos::zero(), may) << seed << " " << i;
            const std::optional<Mark> mark = log.take(n, at(now));
            ASSERT_EQ(mark.has_value(), may) << seed << " " << i;
            if (!may) continue;
            calls.push_back({at(now), n});
            marks.push_back(*mark);
        }
    }
}

TEST(SlidingLogTest, TheWaitIsExactAndTheLimitUsedUp) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Random random = oracle::random(seed);
        const std::int64_t limit = random.between(1, 50);
        SlidingLog log(limit, 60s);
        Calls calls;
        Nanos now{};
        for (int i = 0; i < 500; ++i) {  // always backlogged
            const std::int64_t n = random.between(1, limit);
            const Nanos wait = log.wait_for(n, at(now));
            if (wait > 0s) {
                ASSERT_FALSE(log.take(n, at(now + wait - 1ns)));
            }
            now += wait;
            ASSERT_TRUE(log.take(n, at(now))) << seed;
            calls.push_back({at(now), n});
        }
        EXPECT_LE(oracle::most_in_window(calls, 60s), limit);
    }
}

TEST(SlidingLogTest, TheWindowIsHalfOpen) {
    SlidingLog log(2, 60s);
    ASSERT_TRUE(log.take(1, at(0s)));
    ASSERT_TRUE(log.take(1, at(30s)));
    EXPECT_EQ(log.wait_for(1, at(40s)), 20s);
    EXPECT_FALSE(log.take(1, at(60s) - 1ns));
    EXPECT_TRUE(log.take(1, at(60s)));
    EXPECT_EQ(log.report(at(61s)), (Level{2, 2, 0, 29s, 59s}));
    EXPECT_EQ(log.report(at(90s)), (Level{2, 1, 1, 0s, 30s}));
    EXPECT_EQ(log.report(at(200s)), (Level{2, 0, 2, 0s, 0s}));
}

TEST(SlidingLogTest, TheWholeLimitMayGoAtOnceAndAFloodGetsNoMore) {
    SlidingLog log(60, 60s);
    Calls calls;
    for (Nanos t{}; t < 200s; t += 100ms) {
        for (int i = 0; i < 10; ++i) {
            if (log.take(1, at(t))) calls.push_back({at(t), 1});
        }
    }
    EXPECT_EQ(oracle::weight_in(calls, at(500ms), 60s), 60);
    EXPECT_EQ(oracle::most_in_window(calls, 60s), 60);
    EXPECT_EQ(calls.size(), 240U);
}

TEST(SlidingLogTest, RefusedCallsLeaveNothingBehind) {
    SlidingLog log(100, 60s);
    for (int i = 0; i < 1'000'000; ++i) static_cast<void>(log.take(1, at(i * 1ms)));
    EXPECT_LE(log.entries(), 100U);
    EXPECT_EQ(log.used(at(1000s)), 100);
}

TEST(SlidingLogTest, AMillionInAWindowNeedLittleMemoryAndKeepTheBound) {
    constexpr std::int64_t kLimit = 1'000'000;
    SlidingLog log(kLimit, 1s);
    std::vector<std::int64_t> times;
    std::size_t most_entries = 0;
    // Some 3 million calls per second, which is more than fits, bunched and thinned out by turns.
    Random random = oracle::random(1);
    std::int64_t gap = 300;
    for (Nanos now{}; now < 4s;) {
        if (log.take(1, at(now))) {
            times.push_back(now.count());
            most_entries = std::max(most_entries, log.entries());
            if (random.below(1000) == 0) gap = random.between(0, 600);
            now += Nanos{gap};
        } else {
            now += log.wait_for(1, at(now));
        }
    }
    EXPECT_LE(most_entries, 16'385U);
    std::size_t first = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        while (times[i] - times[first] >= 1'000'000'000) ++first;
        ASSERT_LE(i - first + 1, static_cast<std::size_t>(kLimit));
    }
    // 4 windows of backlog.
    EXPECT_GE(static_cast<double>(times.size()), 0.999 * 4 * kLimit);
}

TEST(SlidingLogTest, JoinedEntriesCanStillBeAmended) {
    SlidingLog log(1'000'000, 1s);
    std::vector<Mark> marks;
    for (int i = 0; i < 100'000; ++i) marks.push_back(log.take(10, at(i * 1us)).value());
    EXPECT_LT(log.entries(), 10'000U);
    EXPECT_EQ(log.used(at(100ms)), 1'000'000);
    for (const Mark mark : marks) log.amend(mark, 10, 3, at(100ms));
    EXPECT_EQ(log.used(at(100ms)), 300'000);
    for (const Mark mark : marks) log.undo(mark, 3, at(100ms));
    EXPECT_EQ(log.report(at(100ms)), (Level{1'000'000, 0, 1'000'000, 0s, 0s}));
    log.amend(marks[0], 3, 1000, at(2s));  // long gone
    EXPECT_EQ(log.used(at(2s)), 0);
}

TEST(SlidingLogTest, ACutAndARestoreKeepTheHistory) {
    SlidingLog log(100, 60s);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(log.take(1, at(i * 100ms)));
    log.change(50, 60s, at(20s));
    EXPECT_EQ(log.report(at(20s)), (Level{50, 100, 0, 45s, 49'900ms}));
    EXPECT_FALSE(log.take(1, at(65s) - 1ns));
    EXPECT_TRUE(log.take(1, at(65s)));
    log.change(100, 60s, at(65s));
    EXPECT_EQ(log.used(at(65s)), 50);
    EXPECT_TRUE(log.take(50, at(65s)));
    EXPECT_FALSE(log.take(1, at(65s)));
    log.change(100, 10s, at(74s));  // a shorter window forgets
    EXPECT_EQ(log.used(at(74s)), 51);
    EXPECT_EQ(log.used(at(75s)), 0);
}

TEST(SlidingLogTest, TimeJumpsAndTheLargestValues) {
    SlidingLog log(std::numeric_limits<std::int64_t>::max(), Nanos::max());
    EXPECT_EQ(log.limit(), kMaxAmount);
    EXPECT_TRUE(log.take(kMaxAmount, at(5s)));
    EXPECT_FALSE(log.take(1, at(0s)));  // back: stands still
    EXPECT_EQ(log.wait_for(1, at(0s)), Nanos::max());
    EXPECT_EQ(log.wait_for(kMaxAmount + 1, at(0s)), Nanos::max());
    EXPECT_FALSE(log.take(std::numeric_limits<std::int64_t>::max(), at(5s)));
    EXPECT_EQ(log.used(at(Nanos::max())), kMaxAmount);

    SlidingLog counts(1, Nanos::max());
    for (int i = 0; i < 100'000; ++i) {
        counts.add(std::numeric_limits<std::int64_t>::max(), MonoTime::max());
    }
    EXPECT_GT(counts.used(MonoTime::max()), kMaxAmount);
    EXPECT_LE(counts.entries(), 16'385U);

    SlidingLog none(0, 1s);
    EXPECT_FALSE(none.take(1, at(0s)));
    EXPECT_TRUE(none.take(-5, at(0s)));  // as 0
}

}  // namespace
}  // namespace squadload::limits
