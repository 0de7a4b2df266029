#include "target/llm/dialect.h"

#include <algorithm>

namespace squadload::llm {

std::string_view dialect_name(Dialect dialect) {
    switch (dialect) {
        case Dialect::openai:
            return "openai";
        case Dialect::groq:
            return "groq";
        case Dialect::cerebras:
            return "cerebras";
        case Dialect::gemini:
            return "gemini";
        case Dialect::gemini_openai:
            return "gemini_openai";
        case Dialect::openrouter:
            return "openrouter";
    }
    return "";
}

std::optional<Dialect> parse_dialect(std::string_view name) {
    const auto* found = std::ranges::find(kDialects, name, dialect_name);
    if (found == kDialects.end()) return std::nullopt;
    return *found;
}

std::string_view base_path(Dialect dialect) {
    switch (dialect) {
        case Dialect::openai:
        case Dialect::cerebras:
            return "/v1";
        case Dialect::groq:
            return "/openai/v1";
        case Dialect::gemini:
            return "/v1beta";
        case Dialect::gemini_openai:
            return "/v1beta/openai";
        case Dialect::openrouter:
            return "/api/v1";
    }
    return "";
}

}  // namespace squadload::llm
