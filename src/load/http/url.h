// http:// URLs (RFC 3986 as far as a load target needs it).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace squadload::http {

struct Url {
    std::string scheme;  // "http" or "https", lower case
    std::string host;    // name or address, IPv6 without brackets
    std::uint16_t port = 80;
    std::string path;  // base path and query as given, "" when none: "/v1?x=1"
    [[nodiscard]] std::string authority()
        const;  // for the Host header: "host", "host:8080", "[::1]:8080"
};

// Without a scheme, http:// is assumed. Errors (kind config): a sentence naming the URL and what is
// wrong: unknown scheme, empty host, bad port, user info, spaces or control characters, fragment.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace squadload::http
