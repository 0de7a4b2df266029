// Reads a response body as JSON and looks up RFC 6901 pointers in it. Not for documents of our own:
// see nlohmann-json.
#pragma once

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

}  // namespace squadload::http
