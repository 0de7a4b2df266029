// Gemini's words for what OpenAI's dialects call otherwise. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace squadload::llm {

// "MAX_TOKENS" → "length"; what has no counterpart in lower case.
[[nodiscard]] std::string openai_finish_reason(std::string_view gemini);
// "length" → "MAX_TOKENS"; what has no counterpart is "OTHER".
[[nodiscard]] std::string_view gemini_finish_reason(std::string_view openai);

// The model in ".../models/{model}:generateContent", percent-decoded, and the method after the
// colon; nullopt when the path is not of that form. A query is ignored.
struct GeminiPath {
    std::string model;
    std::string_view method;  // into the path
};
[[nodiscard]] std::optional<GeminiPath> read_gemini_path(std::string_view path);
// "/models/{model}:{method}"; a model that begins with "models/" is taken without it.
[[nodiscard]] std::string gemini_path(std::string_view model, std::string_view method);

}  // namespace squadload::llm
