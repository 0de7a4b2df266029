// Text from the network made safe to keep, show and send on. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace squadload::llm {

// How many bytes the well-formed character at the front of `text` has (RFC 3629: no surrogates,
// nothing overlong, at most U+10FFFF); 0 when there is none.
[[nodiscard]] std::size_t utf8_front(std::string_view text);

// The same text, every byte that belongs to no character replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

// Valid UTF-8 on one line: control characters become spaces, runs of spaces one, none at the ends.
// At most max_bytes (>= 3) long; what is longer is cut between characters and ends in "…".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t max_bytes);

}  // namespace squadload::llm
