// Text from the network made safe to keep, show and send on. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace squadload::llm {

// The same text, every byte that belongs to no character replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

// Valid UTF-8 on one line: control characters become spaces, runs of spaces one, none at the ends.
// At most max_bytes (>= 3) long; what is longer is cut between characters and ends in "…".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t max_bytes);

}  // namespace squadload::llm
