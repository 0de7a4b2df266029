#include "target/llm/json_text.h"

#include <array>
#include <charconv>
#include <cstddef>

#include "base/check.h"
#include "base/utf8.h"

namespace squadload::llm {
namespace {

// What stands for itself inside a string: printable ASCII but for quote and backslash.
constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
}();

void append_escaped(std::string& out, char c) {
    constexpr std::string_view kHex = "0123456789abcdef";
    switch (c) {
        case '"':
        case '\\':
            out += '\\';
            out += c;
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            out += "\\u00";
            out += kHex[(static_cast<unsigned char>(c) >> 4U) & 0xFU];
            out += kHex[static_cast<unsigned char>(c) & 0xFU];
    }
}

template <class Number>
void append_digits(std::string& out, Number number) {
    std::array<char, 32> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    SQUADLOAD_CHECK(error == std::errc{});
    out.append(digits.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t i = 0;
    while (i < text.size()) {
        const std::size_t start = i;
        while (i < text.size() && kPlain[static_cast<unsigned char>(text[i])]) ++i;
        out.append(text.substr(start, i - start));
        if (i == text.size()) break;
        const std::size_t length = utf8_length(text.substr(i));
        if (length == 1) {
            append_escaped(out, text[i]);
        } else {
            out += length > 0 ? text.substr(i, length) : std::string_view("\xef\xbf\xbd");
        }
        i += length > 0 ? length : 1;
    }
    out += '"';
}

void append_number(std::string& out, std::uint64_t number) {
    append_digits(out, number);
}
void append_number(std::string& out, std::int64_t number) {
    append_digits(out, number);
}
void append_number(std::string& out, double number) {
    append_digits(out, number);
}

}  // namespace squadload::llm
