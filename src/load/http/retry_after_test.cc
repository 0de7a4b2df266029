#include "load/http/retry_after.h"

#include <gtest/gtest.h>

namespace squadload::http {
namespace {

using namespace std::chrono_literals;

// Sun, 06 Nov 1994 08:49:37 GMT, the date RFC 9110 writes its examples with.
constexpr WallTime kThen{784'111'777s};

TEST(RetryAfter, SecondsAndDates) {
    EXPECT_EQ(parse_retry_after("2", kThen), 2s);
    EXPECT_EQ(parse_retry_after("0", kThen), 0s);
    EXPECT_EQ(parse_retry_after("0.25", kThen), 250ms);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", kThen), 60s);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", kThen), 0s) << "past";
}

TEST(RetryAfter, NeverMoreThanADay) {
    EXPECT_EQ(parse_retry_after("999999999999", kThen), 24h);
    EXPECT_EQ(parse_retry_after(std::string(400, '9'), kThen), 24h);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2094 08:50:37 GMT", kThen), 24h);
}

TEST(RetryAfter, AnythingElseSaysNothing) {
    for (const char* text : {"", "soon", "-1", "1s", "1e3", ".", "1.", ".5", "1.2.3", "inf", "0x10",
                             "Sun, 99 Nov 1994 08:49:37 GMT"})
        EXPECT_FALSE(parse_retry_after(text, kThen)) << text;
}

}  // namespace
}  // namespace squadload::http
