// What a provider's failed answer means. Bodies differ by dialect (OpenAI's {"error":{…}},
// Cerebras' flat object, Google's {"error":{code,status,details}} and the array around it); every
// reader here takes any bytes and never throws. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "target/llm/dialect.h"
#include "target/llm/wire.h"

namespace squadload::llm {

enum class ProviderErrorKind {
    rate_limited,     // 429: again after retry_after
    quota_exhausted,  // a day's quota or the money is used up: not soon (402, insufficient_quota)
    bad_request,      // 400, 422: the same request fails anywhere
    unauthorized,     // 401, 403, and Gemini's 400 for a bad key
    not_found,        // 404: model or path
    too_large,        // 413, longer than the context, more than the whole limit: never goes through
    overloaded,     // 503, 529, Groq's 498, Cerebras' queue_exceeded: the provider has no capacity
    server_error,   // other 5xx, 408
    invalid_reply,  // status 200, but no complete answer in it
    other,
};
[[nodiscard]] std::string_view kind_name(ProviderErrorKind kind);  // "rate_limited"

// In bytes, of ProviderError::message and ::code.
inline constexpr std::size_t kMaxErrorMessage = 400;
inline constexpr std::size_t kMaxErrorCode = 64;

struct ProviderError {
    int status = 0;  // of HTTP; for an error inside a 200 the one it names, else 200
    ProviderErrorKind kind = ProviderErrorKind::other;
    std::string message;               // the provider's, one line, valid UTF-8, cut; never empty
    std::optional<Nanos> retry_after;  // not before; 0 … 24 h. Only where it can help:
                                       // rate_limited, quota_exhausted, overloaded, server_error
    std::string code;  // the provider's word for it: "rate_limit_exceeded", "RESOURCE_EXHAUSTED"
};

// For any answer whose status is not 2xx. `now` is for hints that name an instant.
[[nodiscard]] ProviderError read_error(Dialect dialect, int status, HeaderLookup headers,
                                       std::string_view body, WallTime now);

// The error inside an answer of status 200, nullopt when there is none. OpenRouter answers so when
// the provider behind it fails late (openrouter.ai/docs/api-reference/errors).
[[nodiscard]] std::optional<ProviderError> find_error(Dialect dialect, HeaderLookup headers,
                                                      std::string_view body, WallTime now);

}  // namespace squadload::llm
