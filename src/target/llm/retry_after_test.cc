#include "target/llm/retry_after.h"

#include <chrono>
#include <limits>

#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;

struct HintCase {
    std::string what;
    std::map<std::string, std::string, std::less<>> headers;
    std::string body;
    std::optional<Nanos> hint;
    Dialect dialect = Dialect::openai;
};

std::string with_message(const std::string& message) {
    return R"({"error":{"message":")" + message + R"(","type":"tokens"}})";
}

std::string with_retry_info(const std::string& delay) {
    return R"({"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[)"
           R"({"@type":"type.googleapis.com/google.rpc.Help"},)"
           R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" +
           delay + R"("}]}})";
}

std::string with_reset(const std::string& reset) {
    return R"({"error":{"message":"Rate limit exceeded: free-models-per-min.","code":429,)"
           R"("metadata":{"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0",)"
           R"("X-RateLimit-Reset":)" +
           reset + R"(}}}})";
}

void expect_hints(const std::vector<HintCase>& cases) {
    for (const HintCase& c : cases) {
        const HeaderMap headers{c.headers};
        EXPECT_EQ(find_retry_after(c.dialect, headers, c.body, kNow), c.hint) << c.what;
    }
}

TEST(RetryAfterTest, HeaderDialects) {
    expect_hints({
        {"seconds", {{"retry-after", "2"}}, "", 2s},
        {"zero", {{"retry-after", "0"}}, "", 0s},
        {"fractional seconds", {{"retry-after", "7.66"}}, "", 7660ms},
        {"blanks around", {{"retry-after", " \t7.66 "}}, "", 7660ms},
        {"Go duration", {{"retry-after", "1m2.5s"}}, "", 62500ms},
        {"Go milliseconds", {{"retry-after", "644ms"}}, "", 644ms},
        {"Go minutes", {{"retry-after", "2m59.56s"}}, "", 179560ms},
        {"Go hours", {{"retry-after", "1h2m"}}, "", 62min},
        {"Go microseconds", {{"retry-after", "120\xc2\xb5s"}}, "", 120us},
        {"HTTP-date", {{"retry-after", "Wed, 25 Nov 2026 03:00:30 GMT"}}, "", 29750ms},
        {"HTTP-date of RFC 850",
         {{"retry-after", "Wednesday, 25-Nov-26 03:00:30 GMT"}},
         "",
         29750ms},
        {"HTTP-date of asctime", {{"retry-after", "Wed Nov 25 03:00:30 2026"}}, "", 29750ms},
        {"milliseconds", {{"retry-after-ms", "1250"}}, "", 1250ms},
        {"fractional milliseconds", {{"retry-after-ms", "0.5"}}, "", 500us},
        {"milliseconds before seconds",
         {{"retry-after-ms", "1250"}, {"retry-after", "2"}},
         "",
         1250ms},
        {"seconds when milliseconds are nonsense",
         {{"retry-after-ms", "soon"}, {"retry-after", "2"}},
         "",
         2s},
    });
}

TEST(RetryAfterTest, BodyDialects) {
    expect_hints({
        {"RetryInfo", {}, with_retry_info("26s"), 26s},
        {"RetryInfo with a fraction", {}, with_retry_info("26.3s"), 26300ms},
        {"RetryInfo below a second", {}, with_retry_info("0.5s"), 500ms},
        {"RetryInfo in an array", {}, "[" + with_retry_info("26s") + "]", 26s},
        {"RetryInfo in a text in a text",
         {},
         R"({"error":{"message":"{\n \"error\": {\n \"details\": [{\"retryDelay\": )"
         R"(\"26.3s\"}]}}"}})",
         26300ms},
        {"RetryInfo in what is no JSON", {}, R"(data: {"retryDelay": "26s")", 26s},
        {"epoch milliseconds", {}, with_reset("\"1795575630000\""), 29750ms},
        {"epoch milliseconds as a number", {}, with_reset("1795575630000"), 29750ms},
        {"epoch milliseconds in the past", {}, with_reset("\"1795575600000\""), std::nullopt},
        {"Retry-After in the metadata",
         {},
         R"({"error":{"metadata":{"headers":{"Retry-After":"9"}}}})",
         9s},
        {"header before body", {{"retry-after", "3"}}, with_retry_info("26s"), 3s},
    });
}

TEST(RetryAfterTest, Messages) {
    const std::string groq =
        "Rate limit reached for model `m` in organization `o` on tokens per minute (TPM): Limit "
        "12000, Used 4437, Requested 9854. Please try again in ";
    expect_hints({
        {"groq", {}, with_message(groq + "11.455s. Need more tokens?"), 11455ms},
        {"groq, minutes", {}, with_message(groq + "9m38.016s. Need more"), 578016ms},
        {"openai", {}, with_message("Requested 385. Please try again in 644ms. Visit"), 644ms},
        {"Go duration", {}, with_message("Please try again in 1m2.5s."), 62500ms},
        {"six minutes", {}, with_message("Please try again in 6m0s"), 6min},
        {"gemini", {}, with_message("Quota.\\nPlease retry in 58.82s."), 58820ms},
        {"gemini, milliseconds", {}, with_message("Please retry in 644.123456ms."), 644123456ns},
        {"azure", {}, with_message("Please retry after 6 seconds."), 6s},
        {"words", {}, with_message("Try again in 20 s or later"), 20s},
        {"minutes in words", {}, with_message("please TRY AGAIN IN 2 minutes"), 2min},
        {"a bare number", {}, with_message("Please retry after 6."), 6s},
        {"plain text", {}, "Too many requests, retry after 1.5 seconds", 1500ms},
        {"cerebras' flat body", {}, R"({"message":"Please try again in 3s.","code":"x"})", 3s},
        {"rounded down in RetryInfo",
         {},
         R"({"error":{"message":"Please retry in 26.34s.","details":[{"retryDelay":"26s"}]}})",
         26340ms},
        {"another second than RetryInfo's",
         {},
         R"({"error":{"message":"Please retry in 58.82s.","details":[{"retryDelay":"26s"}]}})",
         26s},
        {"no number", {}, with_message("Please try again in a while."), std::nullopt},
        {"no wait", {}, with_message("Slow down."), std::nullopt},
        {"unknown unit", {}, with_message("Please try again in 3 fortnights."), std::nullopt},
    });
}

TEST(RetryAfterTest, ResetHeadersWhenNothingElseIsThere) {
    const std::string tokens = R"({"message":"x","code":"token_quota_exceeded"})";
    const std::string requests = R"({"message":"x","code":"request_quota_exceeded"})";
    expect_hints({
        {"openai, used up",
         {{"x-ratelimit-reset-requests", "6m0s"},
          {"x-ratelimit-remaining-requests", "0"},
          {"x-ratelimit-reset-tokens", "1s"},
          {"x-ratelimit-remaining-tokens", "100"}},
         "",
         6min},
        {"cerebras, used up",
         {{"x-ratelimit-reset-tokens-minute", "11.38"},
          {"x-ratelimit-remaining-tokens-minute", "0"},
          {"x-ratelimit-reset-requests-day", "33011.382867"},
          {"x-ratelimit-remaining-requests-day", "10"}},
         tokens,
         11380ms,
         Dialect::cerebras},
        {"cerebras, a reservation larger than what is left",
         {{"x-ratelimit-reset-tokens-minute", "11.38"},
          {"x-ratelimit-remaining-tokens-minute", "50"},
          {"x-ratelimit-reset-requests-day", "33011.382867"},
          {"x-ratelimit-remaining-requests-day", "10"}},
         tokens,
         11380ms,
         Dialect::cerebras},
        {"cerebras, the day is used up",
         {{"x-ratelimit-reset-requests-minute", "4.5"},
          {"x-ratelimit-remaining-requests-minute", "0"},
          {"x-ratelimit-reset-requests-day", "33011.382867"},
          {"x-ratelimit-remaining-requests-day", "0"}},
         requests,
         33011382867us,
         Dialect::cerebras},
        {"cerebras, only the day is told",
         {{"x-ratelimit-reset-requests-day", "33011.382867"},
          {"x-ratelimit-remaining-requests-day", "10"}},
         requests,
         std::nullopt,
         Dialect::cerebras},
        {"groq's requests are a day's",
         {{"x-ratelimit-reset-requests", "2m59.56s"}, {"x-ratelimit-remaining-requests", "900"}},
         R"({"error":{"message":"m","type":"requests"}})",
         std::nullopt,
         Dialect::groq},
        {"an ordinary answer's",
         {{"x-ratelimit-reset-tokens", "7.66s"}, {"x-ratelimit-remaining-tokens", "900"}},
         "",
         std::nullopt},
        {"epoch milliseconds", {{"x-ratelimit-reset", "1795575630000"}}, "", 29750ms},
        {"epoch seconds", {{"x-ratelimit-reset", "1795575630"}}, "", 29750ms},
        {"seconds", {{"x-ratelimit-reset", "30"}}, "", 30s},
        {"of the draft", {{"ratelimit-reset", "30"}, {"ratelimit-remaining", "0"}}, "", 30s},
        {"a message is more exact",
         {{"x-ratelimit-reset-tokens", "7.66s"}, {"x-ratelimit-remaining-tokens", "0"}},
         with_message("Please try again in 2s."),
         2s},
    });
}

TEST(RetryAfterTest, NonsenseIsNoHintAndNothingIsBeyondADay) {
    for (const std::string value : {"",
                                    " ",
                                    "-1",
                                    "-1s",
                                    "-0.5",
                                    "nan",
                                    "NaN",
                                    "inf",
                                    "infinity",
                                    "1e400",
                                    "1e3",
                                    "0x10",
                                    "99999999999999999999999",
                                    "9223372036854775807",
                                    "soon",
                                    "1,5",
                                    "5, 10",
                                    "+5",
                                    "5 s",
                                    "1s2",
                                    "Wed, 25 Nov 2026 02:59:59 GMT",
                                    "Wed, 99 Nov 2026 03:00:30 GMT",
                                    "\xff\xfe",
                                    "2562048h"}) {
        EXPECT_EQ(parse_retry_after(value, kNow), std::nullopt) << value;
    }
    EXPECT_EQ(parse_retry_after(std::string(100'000, '9'), kNow), std::nullopt);
    EXPECT_EQ(parse_retry_after(std::string(65, '0') + "5", kNow), std::nullopt);
    for (const std::string value :
         {"86400", "86401", "1000000", "25h", "Fri, 27 Nov 2026 03:00:00 GMT"}) {
        EXPECT_EQ(parse_retry_after(value, kNow), 24h) << value;
    }
    for (const std::string value : {"-5", "1e9", "9223372036854775807", "1795575600000000000",
                                    "-9223372036854775808", "999999999999999999999999"}) {
        EXPECT_EQ(parse_reset(value, kNow), std::nullopt) << value;
    }
    EXPECT_EQ(parse_reset("1795999999999", kNow), 24h);
    expect_hints({
        {"negative", {}, with_message("Please try again in -5s."), std::nullopt},
        {"overflow", {}, with_message("Please try again in 99999999999999h."), std::nullopt},
        {"endless",
         {},
         with_message("Please try again in " + std::string(5000, '1') + "s."),
         std::nullopt},
        {"RetryInfo negative", {}, with_retry_info("-26s"), std::nullopt},
        {"RetryInfo of another type",
         {},
         R"({"error":{"details":[{"retryDelay":26}]}})",
         std::nullopt},
        {"two days", {}, with_message("Please try again in 48h0m0s."), 24h},
    });
}

TEST(RetryAfterTest, AnyClockAnyBytes) {
    const std::vector<WallTime> clocks = {WallTime::min(), WallTime{}, kNow, WallTime::max()};
    for (const std::string& text : hostile_texts()) {
        for (const WallTime now : clocks) {
            const HeaderMap headers{{{"retry-after", text}, {"x-ratelimit-reset", text}}};
            for (const auto hint :
                 {parse_retry_after(text, now), parse_reset(text, now), find_wait_in_message(text),
                  find_retry_after(Dialect::gemini, headers, text, now)}) {
                if (hint) {
                    EXPECT_TRUE(*hint >= 0ns && *hint <= kLongestHint);
                }
            }
        }
    }
    EXPECT_EQ(parse_retry_after("Wed, 25 Nov 2026 03:00:30 GMT", WallTime::min()), std::nullopt);
    EXPECT_EQ(parse_retry_after("Wed, 25 Nov 2026 03:00:30 GMT", WallTime{}), std::nullopt);
    for (const WallTime now : clocks) {
        (void)parse_retry_after("Wed, 25 Nov 2026 03:00:30 GMT", now);
        (void)parse_retry_after("Wednesday, 25-Nov-26 03:00:30 GMT", now);
        (void)parse_reset("1795575630000", now);
        (void)parse_reset("9223372036854", now);
    }
}

}  // namespace
}  // namespace squadload::llm
