// What simulated models say: English of a given length.
#pragma once

#include <cstdint>
#include <string>

namespace squadload::providers {

// ASCII that counts as exactly `tokens` (llm::estimate_tokens: a quarter of its characters), >= 1.
// Another `number`, another beginning.
[[nodiscard]] std::string answer_text(std::int64_t tokens, std::uint64_t number);

}  // namespace squadload::providers
