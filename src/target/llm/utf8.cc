#include "target/llm/utf8.h"

#include <cstdint>

#include "base/utf8.h"

namespace squadload::llm {
namespace {

constexpr std::string_view kEllipsis = "\xe2\x80\xa6";  // U+2026

std::uint8_t byte(std::string_view text, std::size_t i) {
    return static_cast<std::uint8_t>(text[i]);
}

}  // namespace

std::string one_line(std::string_view text, std::size_t max_bytes) {
    std::string out;
    std::size_t fits = 0;  // bytes of `out` that leave room for the ellipsis
    bool space_due = false;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view next = length > 0 ? text.substr(0, length) : kUtf8Replacement;
        text.remove_prefix(length > 0 ? length : 1);
        if (next.size() == 1 && (byte(next, 0) <= ' ' || next[0] == '\x7f')) {
            space_due = !out.empty();
            continue;
        }
        const std::size_t more = next.size() + (space_due ? 1 : 0);
        if (out.size() + more > max_bytes) {
            out.resize(fits);
            return out.append(kEllipsis);
        }
        if (space_due) out += ' ';
        out += next;
        space_due = false;
        if (out.size() + kEllipsis.size() <= max_bytes) fits = out.size();
    }
    return out;
}

}  // namespace squadload::llm
