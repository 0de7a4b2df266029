// Reads a response body as JSON and looks up RFC 6901 pointers in it. Not for documents of our own:
// see nlohmann-json.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "load/scenario/scenario.h"

namespace squadload::http {

// "" when `body` is one valid JSON document that meets every expectation; else a sentence, as
// unmet_expectation gives. Keeps its buffers per thread: no allocation in steady state.
[[nodiscard]] std::string unmet_json(std::span<const scenario::JsonExpectation> expected,
                                     std::string_view body);

// A value looked for in a body.
struct JsonText {
    enum class State { missing, found, inexact, too_long };
    std::string_view pointer;        // RFC 6901
    State state = State::missing;    // also for null; the others: see below
    std::size_t begin = 0, end = 0;  // where its text stands in `out`
};

// Looks up every pointer and appends the texts to `out`: strings unescaped, other values as compact
// JSON. Integers of up to 64 bits are exact; a value with a longer one is inexact and not written,
// nor is one whose text would be too long. Returns "", or why the body cannot be read ("body is not
// valid JSON"); then nothing is written.
[[nodiscard]] std::string_view read_json(std::span<JsonText> wanted, std::string_view body,
                                         std::size_t max_text_bytes, std::string& out);

}  // namespace squadload::http
