// Tokens without a tokenizer: a quarter of the code points, as OpenAI's rule of thumb says for
// English ("1 token ~= 4 chars", help.openai.com/articles/4936856). Gateway and simulators use this
// one function, so that their ledgers agree; real providers count differently by some 20 %.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "target/llm/chat.h"

namespace squadload::llm {

// Per message (role and separators) and per prompt (the answer's opening), after OpenAI's cookbook
// "How to count tokens with tiktoken".
inline constexpr std::uint64_t kTokensPerMessage = 4;
inline constexpr std::uint64_t kTokensPerPrompt = 3;

// ceil(code points / 4), at least 1; in bytes that are no UTF-8 every byte that does not continue a
// character counts.
[[nodiscard]] std::uint64_t estimate_tokens(std::string_view text);
// The whole prompt: every message and what surrounds it. An empty message costs kTokensPerMessage.
[[nodiscard]] std::uint64_t estimate_prompt_tokens(std::span<const Message> messages);

}  // namespace squadload::llm
