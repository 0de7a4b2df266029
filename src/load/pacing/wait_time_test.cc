#include "load/pacing/wait_time.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace squadload::pacing {
namespace {

using namespace std::chrono_literals;
using Kind = WaitTime::Kind;

TEST(WaitTimeTest, EachKindMeansWhatLocustMeans) {
    struct Case {
        WaitTime wait;
        Nanos started, ended, next;
    };
    const Case cases[] = {
        {{}, 10s, 12s, 12s},
        {{Kind::constant, 3s, 0s, 0}, 10s, 12s, 15s},
        {{Kind::constant, 0s, 0s, 0}, 10s, 12s, 12s},
        {{Kind::constant_pacing, 5s, 0s, 0}, 10s, 12s, 15s},
        {{Kind::constant_pacing, 5s, 0s, 0}, 10s, 15s, 15s},
        {{Kind::constant_pacing, 5s, 0s, 0}, 10s, 27s, 27s},  // overrun: at once, no catching up
        {{Kind::constant_throughput, 0s, 0s, 0.5}, 10s, 11s, 12s},
        {{Kind::constant_throughput, 0s, 0s, 3}, 10s, 10s, 10'333'333'333ns},
        {{Kind::constant_throughput, 0s, 0s, 2}, 10s, 13s, 13s},
        {{Kind::between, 2s, 2s, 0}, 10s, 12s, 14s},
    };
    Random random(1, RandomStream::test, 0);
    for (const Case& c : cases) {
        EXPECT_EQ(next_start(c.wait, c.started, c.ended, random), c.next)
            << static_cast<int>(c.wait.kind) << " ended " << c.ended.count();
    }
    EXPECT_GT(next_start({Kind::constant_throughput, 0s, 0s, 1e-300}, 0s, 1s, random), 100'000h);
}

TEST(WaitTimeTest, PacingKeepsThePeriodOverManyTasks) {
    Random random(1, RandomStream::test, 0);
    const WaitTime pacing{Kind::constant_pacing, 1s, 0s, 0};
    Nanos start{0};
    for (int i = 0; i < 1000; ++i) {
        const Nanos took{random.between(0, 999'999'999)};
        start = next_start(pacing, start, start + took, random);
    }
    EXPECT_EQ(start, 1000s);
}

TEST(WaitTimeTest, BetweenIsUniformFromEndToEnd) {
    Random random(9, RandomStream::wait, 0);
    const WaitTime wait{Kind::between, 1s, 3s, 0};
    constexpr int kDraws = 10'000;
    int tenths[20] = {};
    for (int i = 0; i < kDraws; ++i) {
        const Nanos waited = next_start(wait, 5s, 10s, random) - 10s;
        ASSERT_GE(waited, 1s);
        ASSERT_LE(waited, 3s);
        ++tenths[std::min<std::int64_t>((waited - 1s) / 100ms, 19)];
    }
    double chi_square = 0;
    for (const int n : tenths) chi_square += (n - 500.0) * (n - 500.0) / 500;
    EXPECT_LT(chi_square, 43.8);  // 19 degrees of freedom, p = 0.001
}

TEST(WaitTimeTest, OnlyBetweenDraws) {
    Random used(4, RandomStream::wait, 0);
    Random fresh(4, RandomStream::wait, 0);
    for (const Kind kind :
         {Kind::none, Kind::constant, Kind::constant_pacing, Kind::constant_throughput}) {
        static_cast<void>(next_start({kind, 1s, 2s, 1}, 0s, 1s, used));
    }
    EXPECT_EQ(used.next(), fresh.next());
}

TEST(SpawnOffsetTest, UsersAppearAtTheRate) {
    EXPECT_EQ(spawn_offset(0, 10), 0s);
    EXPECT_EQ(spawn_offset(29, 10), 2900ms);
    EXPECT_EQ(spawn_offset(1, 3), 333'333'333ns);
    EXPECT_EQ(spawn_offset(2, 3), 666'666'667ns);
    EXPECT_EQ(spawn_offset(3, 3), 1s);
    EXPECT_EQ(spawn_offset(1, 0.1), 10s);
    EXPECT_EQ(spawn_offset(1'000'000, 0), 0s);
    EXPECT_GT(spawn_offset(1, 1e-300), 100'000h);
    EXPECT_EQ(spawn_offset(0, 1e-300), 0s);
}

}  // namespace
}  // namespace squadload::pacing
