// When to come back, in every dialect providers say it in. A hint is a floor: the caller does not
// try again before it. All forms are tried whatever the dialect, since gateways stand between:
//   header retry-after-ms                       milliseconds (OpenAI, Azure)
//   header retry-after                          seconds, also fractional; HTTP-date (RFC 9110
//                                               §10.2.3); Go duration "1m2.5s"
//   body google.rpc.RetryInfo.retryDelay        "26s", "26.3s" (Gemini; also inside an array)
//   body error.metadata.headers                 Retry-After, X-RateLimit-Reset in epoch
//                                               milliseconds (OpenRouter)
//   message "Please try again in 11.455s", "Please retry in 58.82s.", "retry after 6 seconds"
//   headers x-ratelimit-reset[-requests|-tokens][-minute|-day]   when nothing else is there
// In that order; a whole number of seconds may have been rounded down, so a message that says up to
// a second more is believed. Negative, not finite, overflowing or meaningless: no hint. Never more
// than 24 h. Pure; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "target/llm/dialect.h"
#include "target/llm/wire.h"

namespace squadload::llm {

inline constexpr Nanos kLongestHint = std::chrono::hours{24};

// The value of a Retry-After header.
[[nodiscard]] std::optional<Nanos> parse_retry_after(std::string_view value, WallTime now);
// The value of a reset header: Go duration, seconds, epoch seconds or epoch milliseconds.
[[nodiscard]] std::optional<Nanos> parse_reset(std::string_view value, WallTime now);
// "… try again in 11.455s. Need more tokens? …"
[[nodiscard]] std::optional<Nanos> find_wait_in_message(std::string_view message);

// The hint of a whole answer.
[[nodiscard]] std::optional<Nanos> find_retry_after(Dialect dialect, HeaderLookup headers,
                                                    std::string_view body, WallTime now);

}  // namespace squadload::llm
