#include "load/http/url.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace squadload::http {
namespace {

constexpr std::size_t kMaxHostSize = 253;  // RFC 1035 §2.3.4, as text
constexpr std::size_t kMaxShownSize = 200;

std::uint16_t default_port(std::string_view scheme) {
    return scheme == "https" ? 443 : 80;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_visible(char c) {
    return c > ' ' && c < '\x7f';
}

bool is_host_char(char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' ||
           c == '_';
}

// As it may stand in a message: no control characters, no password, not endless.
std::string shown(std::string_view text) {
    std::string out;
    const std::size_t scheme = text.find("://");
    const std::size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::size_t at = text.substr(0, text.find_first_of("/?#", start)).rfind('@');
    if (at != std::string_view::npos && at >= start) {
        out.append(text.substr(0, start)).append("***");
        text.remove_prefix(at);
    }
    out.append(text);
    const bool cut = out.size() > kMaxShownSize;
    if (cut) out.resize(kMaxShownSize);
    std::ranges::replace_if(out, [](char c) { return !is_visible(c) && c != ' '; }, '?');
    return cut ? out + "..." : out;
}

tl::unexpected<Error> bad(std::string_view text, std::string_view what) {
    return fail(ErrorKind::config,
                fmt::format("\"{}\" is not a usable URL: {}", shown(text), what));
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

bool is_ipv6(const std::string& host) {
    in6_addr address{};
    return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

struct Authority {
    std::string_view host, port;  // port with its colon, or ""
    bool bracketed = false;
};

std::optional<Authority> split_authority(std::string_view text) {
    if (!text.starts_with('[')) {
        const std::size_t colon = std::min(text.find(':'), text.size());
        return Authority{text.substr(0, colon), text.substr(colon), false};
    }
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    return Authority{text.substr(1, end - 1), text.substr(end + 1), true};
}

// What is wrong with the characters of the whole text; "" if nothing.
std::string_view bad_characters(std::string_view text) {
    if (text.empty()) return "it is empty";
    if (text.find(' ') != std::string_view::npos) return "it contains a space; write %20";
    if (!std::ranges::all_of(text, is_visible)) {
        return "it contains a control or non-ASCII character; percent-encode it";
    }
    if (text.find('#') != std::string_view::npos)
        return "a fragment (#...) is never sent to a server; leave it out";
    return "";
}

}  // namespace

std::string Url::authority() const {
    const bool ipv6 = host.find(':') != std::string::npos;
    std::string out = ipv6 ? "[" + host + "]" : host;
    if (port != default_port(scheme)) out += fmt::format(":{}", port);
    return out;
}

Result<Url> parse_url(std::string_view text) {
    if (const std::string_view wrong = bad_characters(text); !wrong.empty())
        return bad(text, wrong);

    Url url;
    url.scheme = "http";
    std::string_view rest = text;
    const std::size_t scheme_end = text.substr(0, text.find_first_of("/?")).find(':');
    if (scheme_end != std::string_view::npos && text.substr(scheme_end).starts_with("://")) {
        url.scheme.assign(text.substr(0, scheme_end));
        std::ranges::transform(url.scheme, url.scheme.begin(), lower);
        rest = text.substr(scheme_end + 3);
    }
    if (url.scheme != "http" && url.scheme != "https")
        return bad(text, "the scheme must be http or https");

    const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
    url.path.assign(rest.substr(path));
    if (rest.substr(0, path).find('@') != std::string_view::npos) {
        return bad(
            text,
            "user name and password do not belong in it; send an Authorization header instead");
    }
    const auto authority = split_authority(rest.substr(0, path));
    if (!authority) return bad(text, "the bracket of the IPv6 address is not closed");
    if (!authority->bracketed && authority->port.find(':', 1) != std::string_view::npos) {
        return bad(text, "an IPv6 address is written in brackets, as in http://[::1]:8000");
    }
    if (authority->host.empty()) return bad(text, "it names no host");
    url.host.assign(authority->host);
    if (authority->bracketed) {
        if (!is_ipv6(url.host)) return bad(text, "what stands in brackets is not an IPv6 address");
    } else if (!std::ranges::all_of(url.host, is_host_char) || url.host.size() > kMaxHostSize) {
        return bad(text, "the host is not a valid name or address");
    }
    url.port = default_port(url.scheme);
    if (!authority->port.empty()) {
        if (!authority->port.starts_with(':'))
            return bad(text, "only a port may follow the IPv6 address");
        const auto port = parse_port(authority->port.substr(1));
        if (!port) return bad(text, "the port must be a number from 1 to 65535");
        url.port = *port;
    }
    return url;
}

}  // namespace squadload::http
