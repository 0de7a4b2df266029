// The dialects of chat APIs this room speaks. One provider may have two (Gemini's own and its
// OpenAI-compatible one). Pure; any thread.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace squadload::llm {

enum class Dialect { openai, groq, cerebras, gemini, gemini_openai, openrouter };

inline constexpr std::array kDialects{Dialect::openai, Dialect::groq,          Dialect::cerebras,
                                      Dialect::gemini, Dialect::gemini_openai, Dialect::openrouter};

[[nodiscard]] std::string_view dialect_name(Dialect dialect);  // "gemini_openai"
[[nodiscard]] std::optional<Dialect> parse_dialect(std::string_view name);

// What the real provider's base URL ends with: "/openai/v1" for groq, "/v1beta" for gemini. A base
// URL is what OpenAI's client libraries call so: everything before "/chat/completions", and for
// gemini everything before "/models/{model}:generateContent". A simulated provider that lives under
// "/groq" has the base URL "http://host:port/groq" + base_path(Dialect::groq).
[[nodiscard]] std::string_view base_path(Dialect dialect);

}  // namespace squadload::llm
