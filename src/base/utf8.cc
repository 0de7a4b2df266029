#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace squadload {
namespace {

// How many bytes at the front are well-formed.
std::size_t valid_prefix(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080808080808080U;
    std::size_t i = 0;
    while (i < text.size()) {
        std::uint64_t eight = 0;
        if (text.size() - i >= sizeof(eight)) {
            std::memcpy(&eight, text.data() + i, sizeof(eight));
            if ((eight & kHighBits) == 0) {
                i += sizeof(eight);
                continue;
            }
        }
        const std::size_t length = utf8_length(text.substr(i));
        if (length == 0) return i;
        i += length;
    }
    return i;
}

}  // namespace

Utf8Piece utf8_piece(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {1, true};
    if (lead < 0xC2 || lead > 0xF4) return {1, false};
    const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    // Of the second byte; the others have the whole range.
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    for (std::size_t i = 1; i < length; ++i) {
        if (i == text.size() || byte(i) < low || byte(i) > high) return {i, false};
        low = 0x80;
        high = 0xBF;
    }
    return {length, true};
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    while (true) {
        const std::size_t valid = valid_prefix(text);
        out.append(text.substr(0, valid));
        if (valid == text.size()) return out;
        out += kUtf8Replacement;
        text.remove_prefix(valid + 1);
    }
}

}  // namespace squadload
