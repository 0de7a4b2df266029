#include "target/service/message_head.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

namespace squadload::service {
namespace {

constexpr std::array<bool, 256> kTokenCharacters = [] {
    std::array<bool, 256> is{};
    for (unsigned c = '0'; c <= '9'; ++c) is[c] = true;
    for (unsigned c = 'a'; c <= 'z'; ++c) is[c] = is[c - 'a' + 'A'] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        is[static_cast<unsigned char>(c)] = true;
    return is;
}();

bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

void append_number(std::string& out, std::size_t number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

void append_value(std::string& out, std::string_view value) {
    const auto start = out.size();
    out.append(value);
    std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), is_control, ' ');
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(names, [&](auto n) { return equal_ignoring_case(name, n); });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    if (!is_token(name)) return;
    out.append(name).append(": ");
    append_value(out, value);
    out.append("\r\n");
}

void append_length(std::string& out, std::size_t bytes) {
    out.append("Content-Length: ");
    append_number(out, bytes);
    out.append("\r\n");
}

}  // namespace

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return kTokenCharacters[static_cast<unsigned char>(c)];
    });
}

bool has_body(int status) {
    return status != 204 && status != 304;
}

void append_reply_head(std::string& out, const Reply& reply, std::string_view date,
                       ConnectionField connection) {
    const int status = reply.status >= 200 && reply.status <= 599 ? reply.status : 500;
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::size_t>(status));
    out.append(" ").append(reason_phrase(status)).append("\r\nDate: ").append(date).append("\r\n");
    if (has_body(status)) {
        if (!reply.content_type.empty()) append_field(out, "Content-Type", reply.content_type);
        append_length(out, reply.body.size());
    }
    if (connection == ConnectionField::close) out.append("Connection: close\r\n");
    if (connection == ConnectionField::keep_alive) out.append("Connection: keep-alive\r\n");
    for (const auto& [name, value] : reply.headers) {
        if (is_one_of(name, {"content-length", "connection", "date", "transfer-encoding"}))
            continue;
        if (!reply.content_type.empty() && equal_ignoring_case(name, "content-type")) continue;
        append_field(out, name, value);
    }
    out.append("\r\n");
}

bool append_request_head(std::string& out, const ClientRequest& request) {
    const bool plain_target = std::ranges::none_of(
        request.target, [](char c) { return c == ' ' || c == '\t' || is_control(c); });
    if (!is_token(request.method) || request.target.empty() || !plain_target) return false;
    out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
    append_field(out, "Host", request.origin.authority());
    // A request without a body says nothing, unless its method leads to expect one (RFC 9110 §8.6).
    const bool expects_body = is_one_of(request.method, {"POST", "PUT", "PATCH"});
    if (!request.body.empty() || expects_body) append_length(out, request.body.size());
    for (const auto& [name, value] : request.headers)
        if (!is_one_of(name, {"host", "content-length", "connection", "transfer-encoding"}))
            append_field(out, name, value);
    out.append("\r\n");
    return true;
}

}  // namespace squadload::service
