#include "target/llm/gemini_words.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace squadload::llm {
namespace {

struct Pair {
    std::string_view openai;
    std::string_view gemini;
};
// The first of each OpenAI word is what is written (ai.google.dev/api/generate-content
// #FinishReason).
constexpr std::array kFinishReasons{
    Pair{"stop", "STOP"},
    Pair{"length", "MAX_TOKENS"},
    Pair{"content_filter", "SAFETY"},
    Pair{"content_filter", "RECITATION"},
    Pair{"content_filter", "BLOCKLIST"},
    Pair{"content_filter", "PROHIBITED_CONTENT"},
    Pair{"content_filter", "SPII"},
};

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::optional<unsigned> hex_digit(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t value = kDigits.find(lower);
    if (value == std::string_view::npos) return std::nullopt;
    return static_cast<unsigned>(value);
}

// RFC 3986 §2.1. A percent sign without two digits stands for itself.
std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const auto high = hex_digit(text[i + 1]);
            const auto low = hex_digit(text[i + 2]);
            if (high && low) {
                out += static_cast<char>(*high * 16 + *low);
                i += 2;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

}  // namespace

std::string openai_finish_reason(std::string_view gemini) {
    const auto* found = std::ranges::find(kFinishReasons, gemini, &Pair::gemini);
    if (found != kFinishReasons.end()) return std::string(found->openai);
    std::string lower(gemini.substr(0, 64));
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

std::string_view gemini_finish_reason(std::string_view openai) {
    const auto* found = std::ranges::find(kFinishReasons, openai, &Pair::openai);
    return found != kFinishReasons.end() ? found->gemini : "OTHER";
}

std::optional<GeminiPath> read_gemini_path(std::string_view path) {
    constexpr std::string_view kModels = "/models/";
    path = path.substr(0, path.find('?'));
    const std::size_t models = path.find(kModels);
    if (models == std::string_view::npos) return std::nullopt;
    path.remove_prefix(models + kModels.size());
    const std::size_t colon = path.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    return GeminiPath{percent_decoded(path.substr(0, colon)), path.substr(colon + 1)};
}

std::string gemini_path(std::string_view model, std::string_view method) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    if (model.starts_with("models/")) model.remove_prefix(7);
    std::string path = "/models/";
    for (const char c : model) {
        if (is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            path += c;
        } else {
            const auto value = static_cast<std::uint8_t>(c);
            path += '%';
            path += kHex[value >> 4U];
            path += kHex[value & 0xFU];
        }
    }
    path += ':';
    path += method;
    return path;
}

}  // namespace squadload::llm
