#include "load/pacing/active_share.h"

#include <gtest/gtest.h>

namespace squadload::pacing {
namespace {

using namespace std::chrono_literals;

MonoTime at(Nanos t) {
    return MonoTime{} + 100s + t;
}

TEST(ActiveShare, ThreeWithinTenSecondsHalveIt) {
    ActiveShare share(1);
    share.rate_limited(at(0s));
    share.rate_limited(at(5s));
    EXPECT_EQ(share.share(), 1);
    share.rate_limited(at(10s));
    EXPECT_EQ(share.share(), 0.5);
    EXPECT_EQ(share.of(50), 25U);
}

TEST(ActiveShare, ThreeThatAreFurtherApartDoNothing) {
    ActiveShare share(1);
    for (int i = 0; i < 20; ++i) {
        share.rate_limited(at(i * 5001ms));
        EXPECT_EQ(share.share(), 1) << i;
    }
}

TEST(ActiveShare, ABurstIsOneStepAndNeverBelowTheFloor) {
    ActiveShare share(1);
    for (int i = 0; i < 100; ++i) share.rate_limited(at(i * 9ms));
    EXPECT_EQ(share.share(), 0.5) << "what came within a second of the step does not count";
    for (int i = 0; i < 2000; ++i) share.rate_limited(at(2s + i * 10ms));
    EXPECT_EQ(share.share(), ActiveShare::kFloor);
    EXPECT_EQ(share.of(50), 5U);
    EXPECT_EQ(share.of(3), 1U);
}

TEST(ActiveShare, ItGrowsInTheCalmAndA429PutsThatOff) {
    ActiveShare share(1);
    for (int i = 0; i < 3; ++i) share.rate_limited(at(0s));
    EXPECT_EQ(share.next_growth(), at(3s));
    share.advance(at(2999ms));
    EXPECT_EQ(share.share(), 0.5);
    share.advance(at(3s));
    EXPECT_DOUBLE_EQ(share.share(), 0.6);
    share.rate_limited(at(5s));
    EXPECT_EQ(share.next_growth(), at(8s));
    share.advance(at(60s));
    EXPECT_EQ(share.share(), 1);
    EXPECT_FALSE(share.next_growth());
}

TEST(ActiveShare, TimesAreScaled) {
    ActiveShare share(10);
    for (int i = 0; i < 3; ++i) share.rate_limited(at(i * 400ms));
    EXPECT_EQ(share.share(), 0.5);
    EXPECT_EQ(share.next_growth(), at(800ms + 300ms));
}

}  // namespace
}  // namespace squadload::pacing
