// Where the characters of UTF-8 text begin and end: RFC 3629, Unicode 15, table 3-7 (nothing
// overlong, no surrogates, at most U+10FFFF). Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace squadload {

// The front of a text: a whole character, or else the maximal ill-formed part (Unicode 15, 3.9).
struct Utf8Piece {
    std::size_t length = 0;  // bytes
    bool good = false;       // a character
};
[[nodiscard]] Utf8Piece utf8_piece(std::string_view text);  // not empty

// Bytes of the character at the front; 0 when there is none.
[[nodiscard]] inline std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const Utf8Piece piece = utf8_piece(text);
    return piece.good ? piece.length : 0;
}

inline constexpr std::string_view kUtf8Replacement = "\xef\xbf\xbd";  // U+FFFD
// The same text, every byte that belongs to no character replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace squadload
