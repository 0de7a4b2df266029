#include "load/engine/free_time.h"

#include <gtest/gtest.h>

namespace squadload::engine {
namespace {

using namespace std::chrono_literals;

MonoTime at(Nanos t) {
    return MonoTime{} + 1000s + t;
}

TEST(FreeTime, CountsThePartOfEachEarlierPeriodThatLiesAfterTheIntendedStart) {
    FreeTime free;
    free.begin(at(0s));
    EXPECT_EQ(free.earlier(at(0s)), 0s);
    free.filled(at(2s));
    free.freed(at(5s));
    free.filled(at(6s));
    free.freed(at(9s));
    EXPECT_EQ(free.free_since(), at(9s)) << "the present period is not an earlier one";
    EXPECT_EQ(free.earlier(at(0s)), 3s);
    EXPECT_EQ(free.earlier(at(1500ms)), 1500ms);
    EXPECT_EQ(free.earlier(at(3s)), 1s);
    EXPECT_EQ(free.earlier(at(5500ms)), 500ms);
    EXPECT_EQ(free.earlier(at(5800ms)), 0s) << "200 ms of 3.2 s are forgiven";
    EXPECT_EQ(free.earlier(at(7s)), 0s);
}

// Slots that are free for `idle` in every 10 ms, for 100 s.
FreeTime turning(Nanos idle) {
    FreeTime free;
    free.begin(at(0s));
    free.filled(at(0s));
    for (int i = 1; i <= 10'000; ++i) {
        free.freed(at(i * 10ms));
        free.filled(at(i * 10ms) + idle);
    }
    free.freed(at(100s + 10ms));
    return free;
}

TEST(FreeTime, TurningSlotsAroundIsForgivenUntilItIsAMatterOfTheWait) {
    EXPECT_EQ(turning(50us).earlier(at(0s)), 0s);
    EXPECT_EQ(turning(50us).earlier(at(99s)), 0s);
    EXPECT_EQ(turning(900us).earlier(at(0s)), 0s);
    EXPECT_NEAR(to_seconds(turning(5ms).earlier(at(0s))), 50, 0.01);
    EXPECT_NEAR(to_seconds(turning(5ms).earlier(at(90s))), 5, 0.01);
}

TEST(FreeTime, NoMomentCountsTwice) {
    FreeTime free;
    free.begin(at(0s));
    free.filled(at(2s));
    free.freed(at(1s));  // as seen by a loop that cannot tell when
    EXPECT_EQ(free.free_since(), at(2s));
}

TEST(FreeTime, IsBoundedAndStaysTrueOverADay) {
    FreeTime free;
    free.begin(at(0s));
    for (int i = 0; i < 8'640'000; ++i) {
        free.freed(at(i * 10ms));
        free.filled(at(i * 10ms + 2ms));
    }
    free.freed(at(86'400s));
    EXPECT_NEAR(to_seconds(free.earlier(at(0s))), 17'280, 1);
    EXPECT_NEAR(to_seconds(free.earlier(at(43'200s))), 8'640, 10);
    EXPECT_NEAR(to_seconds(free.earlier(at(86'000s))), 80, 1);
}

}  // namespace
}  // namespace squadload::engine
