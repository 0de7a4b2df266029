#include "target/llm/limit_headers.h"

#include <chrono>

#include "target/llm/decimal.h"
#include "target/llm/go_duration.h"

namespace squadload::llm {
namespace {

struct Names {
    std::string_view limit;
    std::string_view remaining;
    std::string_view reset;
};
constexpr Names kRequests{"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
                          "x-ratelimit-reset-requests"};
constexpr Names kTokens{"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
                        "x-ratelimit-reset-tokens"};
constexpr Names kRequestsMinute{"x-ratelimit-limit-requests-minute",
                                "x-ratelimit-remaining-requests-minute",
                                "x-ratelimit-reset-requests-minute"};
constexpr Names kRequestsDay{"x-ratelimit-limit-requests-day", "x-ratelimit-remaining-requests-day",
                             "x-ratelimit-reset-requests-day"};
constexpr Names kTokensMinute{"x-ratelimit-limit-tokens-minute",
                              "x-ratelimit-remaining-tokens-minute",
                              "x-ratelimit-reset-tokens-minute"};
constexpr Names kTokensDay{"x-ratelimit-limit-tokens-day", "x-ratelimit-remaining-tokens-day",
                           "x-ratelimit-reset-tokens-day"};

std::string go_reset(Nanos time) {
    return format_go_duration(round_up(time, std::chrono::milliseconds{1}));
}

std::string seconds_reset(Nanos time) {
    std::string text;
    append_seconds(text, time, 6, Zeros::keep);
    return text;
}

void add(Headers& to, const Names& names, const std::optional<LimitGauge>& gauge,
         std::string (*reset)(Nanos)) {
    if (!gauge) return;
    to.push_back({names.limit, std::to_string(gauge->limit)});
    to.push_back({names.remaining, std::to_string(gauge->remaining)});
    to.push_back({names.reset, reset(gauge->reset_after)});
}

}  // namespace

Headers limit_headers(Dialect dialect, const LimitState& state, WallTime) {
    Headers out;
    out.reserve(12);
    switch (dialect) {
        case Dialect::openai:
            add(out, kRequests, state.requests_minute, go_reset);
            add(out, kTokens, state.tokens_minute, go_reset);
            break;
        case Dialect::groq:
            add(out, kRequests, state.requests_day, go_reset);
            add(out, kTokens, state.tokens_minute, go_reset);
            break;
        case Dialect::cerebras:
            add(out, kRequestsMinute, state.requests_minute, seconds_reset);
            add(out, kRequestsDay, state.requests_day, seconds_reset);
            add(out, kTokensMinute, state.tokens_minute, seconds_reset);
            add(out, kTokensDay, state.tokens_day, seconds_reset);
            break;
        case Dialect::gemini:
        case Dialect::gemini_openai:
        case Dialect::openrouter:
            break;
    }
    return out;
}

}  // namespace squadload::llm
