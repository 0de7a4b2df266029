#include "load/measure/claims.h"

#include <gtest/gtest.h>

namespace squadload::measure {
namespace {

Claim claim(std::string_view id, std::string_view provider) {
    Claim c;
    c.request_id = id;
    c.provider = provider;
    c.attempts = "groq=429, cerebras=ok";
    c.fallback = Claim::Fallback::yes;
    c.fallback_reason = "rate_limited";
    c.status = 200;
    c.ok = true;
    return c;
}

TEST(Claims, AreKeptAsTheyCame) {
    ClaimLog log(10);
    log.add(claim("a", "groq"));
    log.add(claim("bb", ""));
    ASSERT_EQ(log.size(), 2U);
    EXPECT_EQ(log[0].request_id, "a");
    EXPECT_EQ(log[0].provider, "groq");
    EXPECT_EQ(log[1].request_id, "bb");
    EXPECT_EQ(log[1].provider, "");
    EXPECT_EQ(log[1].attempts, "groq=429, cerebras=ok");
    EXPECT_EQ(log[1].fallback_reason, "rate_limited");
    EXPECT_EQ(log[1].fallback, Claim::Fallback::yes);
    EXPECT_TRUE(log[1].ok);
}

TEST(Claims, WhatHasNoRoomIsCounted) {
    ClaimLog log(1);
    log.add(claim("a", "groq"));
    log.add(claim("b", "groq"));
    EXPECT_EQ(log.size(), 1U);
    EXPECT_EQ(log.lost(), 1U);
}

TEST(Claims, MergingAppendsUpToTheBound) {
    ClaimLog all(3);
    ClaimLog one(3);
    one.add(claim("a", "groq"));
    one.add(claim("b", "cerebras"));
    all.merge(one);
    all.merge(one);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all.lost(), 1U);
    EXPECT_EQ(all[1].provider, "cerebras");
    EXPECT_EQ(all[2].request_id, "a");
    one.clear();
    one.add(claim("c", "gemini"));
    EXPECT_EQ(one[0].provider, "gemini");
}

TEST(Claims, TextBeyondTheBoundIsCut) {
    ClaimLog log(1);
    log.add(claim(std::string(100'000, 'x'), "groq"));
    EXPECT_EQ(log[0].request_id.size(), 65'535U);
    EXPECT_EQ(log[0].provider, "groq");
}

}  // namespace
}  // namespace squadload::measure
