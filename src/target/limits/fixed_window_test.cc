#include "target/limits/fixed_window.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "target/limits/oracles_for_tests.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;
using oracle::Calls;

TEST(FixedWindowTest, StartsAtTheFirstHit) {
    FixedWindow window(2, 60s);
    EXPECT_EQ(window.report(at(5s)), (Level{2, 0, 2, 0s, 0s}));
    ASSERT_TRUE(window.take(1, at(10s)));
    ASSERT_TRUE(window.take(1, at(69s)));
    EXPECT_EQ(window.report(at(69s)), (Level{2, 2, 0, 1s, 1s}));
    EXPECT_FALSE(window.take(1, at(70s) - 1ns));
    EXPECT_EQ(window.wait_for(1, at(70s)), 0s);  // asking starts no window
    EXPECT_TRUE(window.take(1, at(100s)));
    EXPECT_EQ(window.report(at(100s)), (Level{2, 1, 1, 0s, 60s}));
}

TEST(FixedWindowTest, OrAtMultiples) {
    FixedWindow window(2, 60s, Align::multiples, at(7s));
    ASSERT_TRUE(window.take(2, at(3s)));  // [-53 s, 7 s)
    EXPECT_EQ(window.wait_for(1, at(3s)), 4s);
    EXPECT_FALSE(window.take(1, at(7s) - 1ns));
    ASSERT_TRUE(window.take(2, at(66s)));
    EXPECT_EQ(window.wait_for(1, at(66s)), 1s);
    EXPECT_TRUE(window.take(2, at(67s)));  // 2 L within a second
    EXPECT_EQ(window.report(at(68s)), (Level{2, 2, 0, 59s, 59s}));
    EXPECT_TRUE(window.take(1, at(24h * 400 + 30s)));
}

// The start of the window that `now` lies in, from the admitted calls alone.
Nanos window_start(const Calls& calls, Nanos now, Nanos length, Align align, Nanos origin) {
    if (align == Align::multiples) return now - ((now - origin) % length + length) % length;
    std::optional<MonoTime> start;
    for (const oracle::Call& call : calls) {
        if (!start || call.at - *start >= length) start = call.at;
    }
    return start && at(now) - *start < length ? *start - at(0s) : now;
}

TEST(FixedWindowTest, DecidesAsTheDefinitionSaysAtEveryCall) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Random random = oracle::random(seed);
        const std::int64_t limit = random.between(1, 20);
        const Align align = seed % 2 == 0 ? Align::first_hit : Align::multiples;
        const Nanos length = 1000ns;
        const Nanos origin{random.between(0, 5000)};
        FixedWindow window(limit, length, align, at(origin));
        Calls calls;
        Nanos now{};
        for (int i = 0; i < 500; ++i) {
            now += Nanos{random.between(0, 100)};
            const Nanos start = window_start(calls, now, length, align, origin);
            const std::int64_t used = oracle::weight_in(calls, at(now), now - start + 1ns);
            const std::int64_t n = random.between(1, 3);
            ASSERT_EQ(window.used(at(now)), used) << seed << " " << i;
            ASSERT_EQ(window.take(n, at(now)).has_value(), used + n <= limit) << seed << " " << i;
            if (used + n <= limit) calls.push_back({at(now), n});
        }
        EXPECT_LE(oracle::most_in_window(calls, length),
                  align == Align::multiples ? 2 * limit : std::max(limit, 2 * limit - 1));
    }
}

TEST(FixedWindowTest, AmendsWithinTheWindowAlone) {
    FixedWindow window(10, 60s);
    const Mark first = window.take(8, at(0s)).value();
    window.amend(first, 8, 3, at(1s));
    EXPECT_EQ(window.used(at(1s)), 3);
    window.undo(first, 3, at(2s));
    EXPECT_EQ(window.used(at(2s)), 0);
    ASSERT_TRUE(window.take(10, at(61s)));
    window.undo(first, 8, at(62s));  // of the window before
    window.amend(first, 8, 0, at(62s));
    EXPECT_EQ(window.used(at(62s)), 10);
    window.amend(2, 10, 25, at(62s));
    EXPECT_EQ(window.report(at(62s)), (Level{10, 25, 0, 59s, 59s}));
}

TEST(FixedWindowTest, AWindowWhoseOnlyTakeIsUndoneNeverBegan) {
    FixedWindow window(2, 60s);
    const Mark gone = window.take(2, at(0s)).value();
    window.undo(gone, 2, at(1s));
    window.undo(gone, 2, at(1s));  // a second time: of no window
    ASSERT_TRUE(window.take(2, at(30s)));
    EXPECT_EQ(window.wait_for(1, at(60s)), 30s);

    FixedWindow other(2, 60s);
    const Mark first = other.take(1, at(0s)).value();
    ASSERT_TRUE(other.take(0, at(5s)));  // weighs nothing, but is one
    other.undo(first, 1, at(10s));
    ASSERT_TRUE(other.take(2, at(20s)));
    EXPECT_EQ(other.wait_for(1, at(20s)), 40s);
}

TEST(FixedWindowTest, AChangeKeepsTheCount) {
    FixedWindow window(10, 60s);
    ASSERT_TRUE(window.take(8, at(0s)));
    window.change(5, 60s, at(10s));
    EXPECT_FALSE(window.take(1, at(10s)));
    window.change(10, 90s, at(20s));
    EXPECT_EQ(window.report(at(20s)), (Level{10, 8, 2, 0s, 70s}));
    window.change(10, 15s, at(20s));  // over already
    EXPECT_EQ(window.used(at(20s)), 0);

    FixedWindow grid(10, 60s, Align::multiples);
    ASSERT_TRUE(grid.take(8, at(50s)));
    grid.change(10, 100s, at(55s));
    EXPECT_EQ(grid.report(at(55s)), (Level{10, 8, 2, 0s, 45s}));
}

TEST(FixedWindowTest, TimeJumpsAndTheLargestValues) {
    FixedWindow window(std::numeric_limits<std::int64_t>::max(), Nanos::max());
    ASSERT_TRUE(window.take(kMaxAmount, at(5s)));
    EXPECT_FALSE(window.take(1, at(1s)));
    EXPECT_EQ(window.wait_for(kMaxAmount + 1, at(5s)), Nanos::max());
    EXPECT_EQ(window.wait_for(1, at(5s)), Nanos::max());
    FixedWindow far(1, 1s);
    ASSERT_TRUE(far.take(1, MonoTime::max()));
    EXPECT_EQ(far.wait_for(1, MonoTime::max()), 1s);
}

}  // namespace
}  // namespace squadload::limits
