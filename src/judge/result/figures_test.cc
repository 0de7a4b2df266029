#include "judge/result/figures.h"

#include <gtest/gtest.h>

#include <limits>

namespace squadload::result {
namespace {

TEST(Figures, ThousandsAreSeparated) {
    EXPECT_EQ(thousands(0), "0");
    EXPECT_EQ(thousands(999), "999");
    EXPECT_EQ(thousands(7200), "7,200");
    EXPECT_EQ(thousands(1'234'567), "1,234,567");
    EXPECT_EQ(thousands(std::numeric_limits<std::uint64_t>::max()), "18,446,744,073,709,551,615");
}

TEST(Figures, NumbersKeepTheirDecimals) {
    EXPECT_EQ(number(1310.25, 1), "1,310.2");
    EXPECT_EQ(number(-12345.6, 0), "-12,346");
    EXPECT_EQ(number(-0.001, 2), "0.00");
    EXPECT_EQ(number(std::numeric_limits<double>::infinity(), 2), "-");
    EXPECT_EQ(short_number(99.90, 2), "99.9");
    EXPECT_EQ(short_number(100, 2), "100");
    EXPECT_EQ(short_number(1000, 0), "1,000");
}

TEST(Figures, TimesShowThreeDigits) {
    EXPECT_EQ(ms(1310.2), "1,310");
    EXPECT_EQ(ms(441.4), "441");
    EXPECT_EQ(ms(99.96), "100");
    EXPECT_EQ(ms(12.34), "12.3");
    EXPECT_EQ(ms(9.996), "10.0");
    EXPECT_EQ(ms(0.084), "0.08");
    EXPECT_EQ(ms(0), "0.00");
}

TEST(Figures, SharesAndClocks) {
    EXPECT_EQ(percent(0.9979), "99.79 %");
    EXPECT_EQ(percent(1, 0), "100 %");
    EXPECT_EQ(clock(std::chrono::seconds{65}), "01:05");
    EXPECT_EQ(clock(std::chrono::milliseconds{59'999}), "00:59");
    EXPECT_EQ(clock(std::chrono::seconds{3723}), "1:02:03");
    EXPECT_EQ(plural(1, "request"), "1 request");
    EXPECT_EQ(plural(2000, "request"), "2,000 requests");
}

}  // namespace
}  // namespace squadload::result
