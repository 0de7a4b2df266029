#include "arrivals/arrival.h"

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>

#include "base/utf8.h"

namespace squadload::arrivals {
namespace {

using Byte = unsigned char;

void append_number(std::integral auto value, std::string& out) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    out.append(text.data(), end);
}

// Milliseconds with the fraction that is there: 7660, 12.5, 0.000001.
void append_ms(Nanos time, std::string& out) {
    constexpr std::uint64_t kPerMs = 1'000'000;
    auto ns = static_cast<std::uint64_t>(time.count());
    if (time < Nanos::zero()) {
        out += '-';
        ns = 0 - ns;
    }
    append_number(ns / kPerMs, out);
    if (ns % kPerMs == 0) return;
    std::array<char, 8> digits{};
    std::to_chars(digits.data(), digits.data() + digits.size(), kPerMs + ns % kPerMs);
    std::size_t last = 6;  // digits[0] is the leading 1
    while (digits[last] == '0') --last;
    out += '.';
    out.append(&digits[1], last);
}

void append_escaped(char c, std::string& out) {
    constexpr std::string_view kHex = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
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
            out += kHex[static_cast<Byte>(c) >> 4];
            out += kHex[static_cast<Byte>(c) & 15];
    }
}

bool is_plain(char c) {
    const auto byte = static_cast<Byte>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

void append_string(std::string_view text, std::string& out) {
    out += '"';
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && is_plain(text[plain])) ++plain;
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) break;
        if (static_cast<Byte>(text[0]) < 0x80) {
            append_escaped(text[0], out);
            text.remove_prefix(1);
            continue;
        }
        const Utf8Piece piece = utf8_piece(text);
        out += piece.good ? text.substr(0, piece.length) : std::string_view("\xef\xbf\xbd");
        text.remove_prefix(piece.length);
    }
    out += '"';
}

}  // namespace

void to_line(const Arrival& arrival, std::string& out) {
    const auto number = [&](std::string_view key, std::integral auto value) {
        out += key;
        append_number(value, out);
    };
    const auto text = [&](std::string_view key, std::string_view value) {
        out += key;
        append_string(value, out);
    };
    number(R"({"seq":)", arrival.seq);
    number(R"(,"at_ns":)", arrival.at.count());
    text(R"(,"provider":)", arrival.provider);
    text(R"(,"key":)", arrival.key);
    text(R"(,"model":)", arrival.model);
    number(R"(,"prompt_tokens":)", arrival.prompt_tokens);
    number(R"(,"max_tokens":)", arrival.max_tokens);
    number(R"(,"reserved_tokens":)", arrival.reserved_tokens);
    out += arrival.admitted ? R"(,"admitted":true)" : R"(,"admitted":false)";
    text(R"(,"reason":)", arrival.reason);
    number(R"(,"status":)", arrival.status);
    number(R"(,"in_flight":)", arrival.in_flight);
    text(R"(,"correlation_id":)", arrival.correlation_id);
    text(R"(,"agent":)", arrival.agent);
    number(R"(,"attempt":)", arrival.attempt);
    number(R"(,"completion_tokens":)", arrival.completion_tokens);
    out += R"(,"retry_after_ms":)";
    if (arrival.retry_after) append_ms(*arrival.retry_after, out);
    if (!arrival.retry_after) out += "null";
    if (arrival.done) number(R"(,"done_ns":)", arrival.done->count());
    if (!arrival.done) out += R"(,"done_ns":null)";
    out += "}\n";
}

}  // namespace squadload::arrivals
