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
    EXPECT_EQ(free.earlier(at(5800ms)), 200ms);
    EXPECT_EQ(free.earlier(at(7s)), 0s);
}

TEST(FreeTime, ASlotTurnedAroundWasNotFree) {
    FreeTime free;
    free.begin(at(0s));
    free.filled(at(0s));
    for (int i = 1; i <= 1000; ++i) {
        free.freed(at(i * 1s));
        free.filled(at(i * 1s) + FreeTime::kTurnaround - 1ns);
    }
    EXPECT_EQ(free.earlier(at(0s)), 0s);
}

TEST(FreeTime, NoMomentCountsTwice) {
    FreeTime free;
    free.begin(at(0s));
    free.filled(at(2s));
    free.freed(at(1s));  // as seen by a loop that cannot tell when
    EXPECT_EQ(free.free_since(), at(2s));
}

TEST(FreeTime, KeepsTheSumWhenThereAreTooManyPeriods) {
    FreeTime free;
    free.begin(at(0s));
    const int periods = 3 * static_cast<int>(FreeTime::kMaxPeriods);
    for (int i = 0; i < periods; ++i) {
        free.freed(at(i * 1s));
        free.filled(at(i * 1s + 20ms));
    }
    EXPECT_EQ(free.earlier(at(-1000s)), periods * 20ms);
}

}  // namespace
}  // namespace squadload::engine
