#include "load/scenario/escape.h"

#include "base/utf8.h"

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
