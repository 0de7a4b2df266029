#include "target/llm/tokens.h"

#include <algorithm>
#include <cstring>

namespace squadload::llm {
namespace {

// Bytes that begin a character: all but 10xxxxxx.
std::uint64_t code_points(std::string_view text) {
    constexpr std::uint64_t kLowBits = 0x0101010101010101U;
    std::uint64_t continuing = 0;
    std::size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, text.data() + i, 8);
        // The product's top byte is the sum of all eight.
        continuing += ((((eight >> 7U) & ~(eight >> 6U)) & kLowBits) * kLowBits) >> 56U;
    }
    for (; i < text.size(); ++i) {
        continuing += (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U ? 1U : 0U;
    }
    return text.size() - continuing;
}

std::uint64_t tokens_of(std::string_view text) {
    return (code_points(text) + 3) / 4;
}

}  // namespace

std::uint64_t estimate_tokens(std::string_view text) {
    return std::max<std::uint64_t>(tokens_of(text), 1);
}

std::uint64_t estimate_prompt_tokens(std::span<const Message> messages) {
    std::uint64_t total = kTokensPerPrompt;
    for (const Message& message : messages) total += kTokensPerMessage + tokens_of(message.content);
    return total;
}

}  // namespace squadload::llm
