#include "worker/cores.h"

#include <gtest/gtest.h>

namespace squadload::worker {
namespace {

TEST(Cores, AQuotaIsItsShareOfThePeriod) {
    EXPECT_EQ(quota_of("200000 100000"), 2);
    EXPECT_EQ(quota_of("150000 100000"), 1.5);
    for (const char* none : {"max 100000", "", "0 100000", "100000 0", "100000", "x y"})
        EXPECT_EQ(quota_of(none), 0) << none;
}

TEST(Cores, ThereIsOneAtLeast) {
    EXPECT_GE(cores(), 1U);
}

TEST(Cores, UseIsAShareOfTheCores) {
    CpuMeter meter(1);
    const MonoTime begin = mono_now();
    while (mono_now() - begin < std::chrono::milliseconds{300}) {
    }
    const double busy = meter.percent();
    EXPECT_GT(busy, 0);
    EXPECT_LE(busy, 100);
    EXPECT_EQ(meter.percent(), busy) << "too soon for another";
}

TEST(Cores, MemoryIsKnown) {
    EXPECT_GT(resident_bytes(), 1'000'000U);
}

}  // namespace
}  // namespace squadload::worker
