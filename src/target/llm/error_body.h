// Error bodies of each dialect. Internal to this room.
#pragma once

#include <string>
#include <string_view>

#include "target/llm/dialect.h"

namespace squadload::llm {

// {"error":{"message","type","param":null,"code"}}; groq has no param, and no code when it is
// empty, where openai has null.
[[nodiscard]] std::string openai_error(std::string_view message, std::string_view type,
                                       std::string_view code);
[[nodiscard]] std::string groq_error(std::string_view message, std::string_view type,
                                     std::string_view code);
// {"message","type","param","code"}: there is no "error".
[[nodiscard]] std::string cerebras_error(std::string_view message, std::string_view type,
                                         std::string_view param, std::string_view code);
// {"error":{"code","message","status","details":[…]}}, in an array for gemini_openai. `details` is
// the inside of the list; empty: no list.
[[nodiscard]] std::string google_error(Dialect dialect, int code, std::string_view message,
                                       std::string_view status, std::string_view details);
// {"error":{"message","code","metadata":{…}},"user_id"}; `metadata` is the whole object; empty:
// none.
[[nodiscard]] std::string openrouter_error(int code, std::string_view message,
                                           std::string_view metadata);

}  // namespace squadload::llm
