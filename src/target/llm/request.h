// A chat request, to and from a provider's wire format. Pure; any thread (buffers are kept per
// thread).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "target/llm/chat.h"
#include "target/llm/dialect.h"
#include "target/llm/wire.h"

namespace squadload::llm {

// Gateway's side. The key goes into the dialect's header: "authorization: Bearer …", for gemini
// "x-goog-api-key"; without a key, or with control characters in it, there is no such header and
// the provider will say 401. max_tokens is max_completion_tokens for openai, groq and cerebras, as
// their newer models want. Gemini has no `user`, and knows system messages only before all others.
[[nodiscard]] WireRequest render_request(Dialect dialect, const ChatRequest& request,
                                         std::string_view key);

// Simulator's side, and the gateway's own OpenAI-compatible endpoint. `path` (a query is ignored)
// names gemini's model and whether it streams; whatever stands before "/models/" does not matter,
// and the other dialects ignore it. Unknown keys are ignored. The error is one sentence for the
// client, such as "'messages' must be a list with at least one message": see
// render_error(dialect, 400, …).
[[nodiscard]] Result<ChatRequest> read_request(Dialect dialect, std::string_view path,
                                               std::string_view body);

}  // namespace squadload::llm
