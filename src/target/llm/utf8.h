// Text from the network made safe to keep, show and send on. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace squadload::llm {

// Valid UTF-8 on one line: control characters become spaces, runs of spaces one, none at the ends.
// At most max_bytes (>= 3) long; what is longer is cut between characters and ends in "…".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t max_bytes);

}  // namespace squadload::llm
