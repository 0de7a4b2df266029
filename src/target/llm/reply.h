// A complete chat answer, to and from a provider's wire format. Pure; any thread (buffers are kept
// per thread).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/time.h"
#include "target/llm/chat.h"
#include "target/llm/dialect.h"
#include "target/llm/provider_error.h"
#include "target/llm/wire.h"

namespace squadload::llm {

using ReplyResult = tl::expected<ChatReply, ProviderError>;

// Gateway's side, for an answer of status 2xx. An answer counts when it has text and says why it
// ended; else the error's kind is invalid_reply and its message a plain sentence. An error inside
// the answer comes back as find_error gives it.
[[nodiscard]] ReplyResult read_reply(Dialect dialect, HeaderLookup headers, std::string_view body,
                                     WallTime now);

// Simulator's side. Replies need id, model, content, usage and created_s.
[[nodiscard]] std::string render_reply(Dialect dialect, const ChatReply& reply,
                                       const ReplyTiming& timing);
// Beside the limit headers: OpenRouter's x-generation-id, a request id for those that send one.
[[nodiscard]] Headers reply_headers(Dialect dialect, const ChatReply& reply);

}  // namespace squadload::llm
