#include "load/scenario/escape.h"

namespace squadload::scenario {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

unsigned byte_at(std::string_view text, std::size_t i) {
    return static_cast<unsigned char>(text[i]);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void append_percent(char c, std::string& out) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
}

void append_url(std::string_view value, std::string& out) {
    for (const char c : value) {
        if (is_unreserved(c))
            out += c;
        else
            append_percent(c, out);
    }
}

void append_header(std::string_view value, std::string& out) {
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        out += (byte < 0x20 && c != '\t') || byte == 0x7f ? ' ' : c;
    }
}

void append_json_control(unsigned byte, std::string& out) {
    switch (byte) {
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            out += "\\u00";
            out += kHex[byte >> 4U];
            out += kHex[byte & 15U];
    }
}

void append_json(std::string_view value, std::string& out) {
    std::size_t i = 0;
    while (i < value.size()) {
        const unsigned byte = byte_at(value, i);
        if (byte >= 0x80) {
            const std::size_t length = utf8_length(value.substr(i));
            if (length == 0)
                out += "\xEF\xBF\xBD";
            else
                out += value.substr(i, length);
            i += length == 0 ? 1 : length;
            continue;
        }
        if (byte < 0x20 || byte == 0x7f) {  // DEL need not be, but YAML refuses it
            append_json_control(byte, out);
        } else {
            if (byte == '"' || byte == '\\') out += '\\';
            out += value[i];
        }
        ++i;
    }
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const unsigned first = byte_at(text, 0);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    unsigned low =
        0x80;  // bounds of the second byte: no overlong forms, surrogates or beyond U+10FFFF
    unsigned high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF)
        length = 2;
    else if (first >= 0xE0 && first <= 0xEF)
        length = 3;
    else if (first >= 0xF0 && first <= 0xF4)
        length = 4;
    else
        return 0;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    if (text.size() < length || byte_at(text, 1) < low || byte_at(text, 1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if (byte_at(text, i) < 0x80 || byte_at(text, i) > 0xBF) return 0;
    }
    return length;
}

void append_escaped(std::string_view value, Escape escape, std::string& out) {
    switch (escape) {
        case Escape::none:
            out += value;
            break;
        case Escape::json_string:
            append_json(value, out);
            break;
        case Escape::json_value:
            out += '"';
            append_json(value, out);
            out += '"';
            break;
        case Escape::url_path:
        case Escape::url_query:
            append_url(value, out);
            break;
        case Escape::header:
            append_header(value, out);
            break;
    }
}

std::string escaped(std::string_view value, Escape escape) {
    std::string out;
    append_escaped(value, escape, out);
    return out;
}

std::string encode_written_path(std::string_view path) {
    std::string out;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        const bool safe = byte > 0x20 && byte < 0x7f &&
                          std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
        if (safe)
            out += c;
        else
            append_percent(c, out);
    }
    return out;
}

bool is_json_number(std::string_view text) {
    std::size_t i = 0;
    const auto digits = [&] {
        const std::size_t start = i;
        while (i < text.size() && is_digit(text[i])) ++i;
        return i - start;
    };
    if (i < text.size() && text[i] == '-') ++i;
    const bool leading_zero = i < text.size() && text[i] == '0';
    const std::size_t whole = digits();
    if (whole == 0 || (leading_zero && whole > 1)) return false;
    if (i < text.size() && text[i] == '.') {
        ++i;
        if (digits() == 0) return false;
    }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        ++i;
        if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
        if (digits() == 0) return false;
    }
    return i == text.size();
}

}  // namespace squadload::scenario
