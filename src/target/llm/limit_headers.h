// The rate-limit headers of an ordinary answer, in each provider's words:
//   openai    x-ratelimit-{limit,remaining,reset}-{requests,tokens}: per minute, resets as Go
//             durations (platform.openai.com/docs/guides/rate-limits)
//   groq      the same names, but requests are per DAY and tokens per minute
//             (console.groq.com/docs/rate-limits)
//   cerebras  …-requests-day, …-tokens-minute (and …-requests-minute, …-tokens-day where limited),
//             resets as seconds with six decimals (inference-docs.cerebras.ai)
//   gemini, gemini_openai, openrouter: none
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/llm/dialect.h"
#include "target/llm/wire.h"

namespace squadload::llm {

struct LimitGauge {
    std::uint64_t limit = 0;
    std::uint64_t remaining = 0;
    Nanos reset_after{};  // until all of it is back; never told shorter than it is
};

// What is not limited is absent, and so are its headers.
struct LimitState {
    std::optional<LimitGauge> requests_minute;
    std::optional<LimitGauge> requests_day;
    std::optional<LimitGauge> tokens_minute;
    std::optional<LimitGauge> tokens_day;
};

// `now` is for dialects that name instants.
[[nodiscard]] Headers limit_headers(Dialect dialect, const LimitState& state, WallTime now);

}  // namespace squadload::llm
