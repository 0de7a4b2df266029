#include "target/llm/limit_headers.h"

#include <chrono>

#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;

LimitState full_state() {
    LimitState state;
    state.requests_minute = LimitGauge{30, 29, 2s};
    state.requests_day = LimitGauge{14'400, 14'370, 179560ms};
    state.tokens_minute = LimitGauge{18'000, 17'997, 7660ms};
    state.tokens_day = LimitGauge{500'000, 499'000, 90'000s};
    return state;
}

TEST(LimitHeadersTest, Groq) {
    const Headers expected = {
        {"x-ratelimit-limit-requests", "14400"},    {"x-ratelimit-remaining-requests", "14370"},
        {"x-ratelimit-reset-requests", "2m59.56s"}, {"x-ratelimit-limit-tokens", "18000"},
        {"x-ratelimit-remaining-tokens", "17997"},  {"x-ratelimit-reset-tokens", "7.66s"}};
    EXPECT_EQ(limit_headers(Dialect::groq, full_state(), kNow), expected);
}

TEST(LimitHeadersTest, OpenAi) {
    LimitState state = full_state();
    state.requests_minute = LimitGauge{60, 0, 1s};
    state.tokens_minute = LimitGauge{150'000, 149'984, 6min};
    const Headers expected = {
        {"x-ratelimit-limit-requests", "60"},       {"x-ratelimit-remaining-requests", "0"},
        {"x-ratelimit-reset-requests", "1s"},       {"x-ratelimit-limit-tokens", "150000"},
        {"x-ratelimit-remaining-tokens", "149984"}, {"x-ratelimit-reset-tokens", "6m0s"}};
    EXPECT_EQ(limit_headers(Dialect::openai, state, kNow), expected);
}

TEST(LimitHeadersTest, Cerebras) {
    LimitState state;
    state.requests_day = LimitGauge{14'400, 14'399, 33011382867us};
    state.tokens_minute = LimitGauge{60'000, 59'000, 11380ms};
    const Headers expected = {{"x-ratelimit-limit-requests-day", "14400"},
                              {"x-ratelimit-remaining-requests-day", "14399"},
                              {"x-ratelimit-reset-requests-day", "33011.382867"},
                              {"x-ratelimit-limit-tokens-minute", "60000"},
                              {"x-ratelimit-remaining-tokens-minute", "59000"},
                              {"x-ratelimit-reset-tokens-minute", "11.380000"}};
    EXPECT_EQ(limit_headers(Dialect::cerebras, state, kNow), expected);
    const Headers all = limit_headers(Dialect::cerebras, full_state(), kNow);
    EXPECT_EQ(header_value(all, "x-ratelimit-reset-requests-minute"), "2.000000");
    EXPECT_EQ(header_value(all, "x-ratelimit-remaining-tokens-day"), "499000");
}

TEST(LimitHeadersTest, TheOthersHaveNone) {
    for (const Dialect d : {Dialect::gemini, Dialect::gemini_openai, Dialect::openrouter})
        EXPECT_TRUE(limit_headers(d, full_state(), kNow).empty());
    SQUADLOAD_EACH_DIALECT(d) {
        EXPECT_TRUE(limit_headers(d, {}, kNow).empty());
    }
}

TEST(LimitHeadersTest, ResetsAreNeverToldTooEarly) {
    LimitState state;
    state.tokens_minute = LimitGauge{10, 0, 1s + 1ns};
    EXPECT_EQ(header_value(limit_headers(Dialect::groq, state, kNow), "x-ratelimit-reset-tokens"),
              "1.001s");
    EXPECT_EQ(header_value(limit_headers(Dialect::cerebras, state, kNow),
                           "x-ratelimit-reset-tokens-minute"),
              "1.000001");
    state.tokens_minute->reset_after = -5s;
    EXPECT_EQ(header_value(limit_headers(Dialect::groq, state, kNow), "x-ratelimit-reset-tokens"),
              "0s");
    state.tokens_minute->reset_after = Nanos::max();
    EXPECT_EQ(header_value(limit_headers(Dialect::groq, state, kNow), "x-ratelimit-reset-tokens"),
              "2562047h47m16.854775807s");
}

}  // namespace
}  // namespace squadload::llm
