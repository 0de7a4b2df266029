// Where the parts of an error stand, whatever the body's form. Internal to this room.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"
#include "target/llm/dialect.h"
#include "target/llm/json_view.h"
#include "target/llm/provider_error.h"
#include "target/llm/wire.h"

namespace squadload::llm {

// Views into the document. Forms: {"error":{…}}, {"error":"text"}, [{"error":{…}}] (Gemini's
// OpenAI-compatible one), {"message","type","param","code"} (Cerebras), {"detail":…}.
struct ErrorShape {
    JsonView error;  // the object with the parts; nothing when there is none
    std::string_view message;
    std::string_view code;  // when it is a text
    std::string_view type;
    std::string_view status;              // Google's: "RESOURCE_EXHAUSTED"
    std::optional<std::uint64_t> number;  // of HTTP, when the body has one
    std::string_view raw;                 // openrouter: what the provider behind it said
    bool named = false;                   // it is under "error", not merely of a similar form
};
[[nodiscard]] ErrorShape error_shape(JsonView root);

// For a body that is an answer of status 200: nullopt when it has no error.
[[nodiscard]] std::optional<ProviderError> error_inside(Dialect dialect, HeaderLookup headers,
                                                        JsonView root, WallTime now);

// find_retry_after on a body already read; `body` is where a hint may stand in plain text.
[[nodiscard]] std::optional<Nanos> hint_of(Dialect dialect, HeaderLookup headers,
                                           const ErrorShape& shape, std::string_view body,
                                           WallTime now);

// ASCII only.
[[nodiscard]] bool contains_ignoring_case(std::string_view text, std::string_view lower_case_part);

}  // namespace squadload::llm
