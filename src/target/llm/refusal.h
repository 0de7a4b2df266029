// How a provider says no: over a limit, and everything else. Shapes as the providers' documents and
// users' reports show them; each is in refusal_test.cc as a whole. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "target/llm/dialect.h"
#include "target/llm/limit_headers.h"
#include "target/llm/wire.h"

namespace squadload::llm {

enum class RefusedBy {
    requests_minute,
    requests_day,
    tokens_minute,
    tokens_day,
    request_too_large,   // more tokens than a whole minute's limit: 413 at groq
    concurrency,         // too many in flight: queue_exceeded at cerebras, "slow_down" at openai
    upstream,            // openrouter's "Provider returned error"; elsewhere as requests_minute
    insufficient_quota,  // the money is used up: 402 at openrouter, cerebras and gemini
};

// A dialect without a word for a limit uses its nearest one.
struct Refusal {
    RefusedBy by = RefusedBy::requests_minute;
    std::uint64_t limit = 0;
    std::uint64_t used = 0;
    std::uint64_t requested = 0;
    std::optional<Nanos> wait;  // until it would be admitted; rounded up. None: no hint is given
    std::string_view model;
    std::string_view organization = "org_squadload";
    // Where the provider has a Retry-After header: as fractional seconds ("7.66") instead of whole
    // ones rounded up.
    bool fractional_header = false;
    // gemini: "Resource has been exhausted (e.g. check quota).", without any details or hint.
    bool bare = false;
};

// `state` gives the limit headers beside it.
[[nodiscard]] WireReply render_refusal(Dialect dialect, const Refusal& refusal,
                                       const LimitState& state, WallTime now);

struct Failure {
    std::string_view message;  // empty: the provider's own words
    std::string_view model;
};

// 400, 401, 402, 403, 404, 408, 413, 422, 500, 502, 503, 504, 529 and any other status >= 400. The
// status of the reply is the provider's: gemini answers a bad key (401 here) with 400 and
// API_KEY_INVALID. For 429 use render_refusal: here it is the shape without any hint.
[[nodiscard]] WireReply render_error(Dialect dialect, int status, const Failure& failure = {});

}  // namespace squadload::llm
