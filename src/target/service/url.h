// http:// and https:// URLs, as far as a client of APIs needs them (RFC 3986 §3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace squadload::service {

// Where connections go. Compares by value; connections of one origin are shared.
struct Origin {
    bool tls = false;
    std::string host;  // lower case; an IPv6 address without brackets
    std::uint16_t port = 80;

    [[nodiscard]] std::string text() const;  // "https://host:8443", without the scheme's own port
    [[nodiscard]] std::string authority() const;  // for Host: "host:8443", likewise
    friend bool operator==(const Origin&, const Origin&) = default;
};

struct Url {
    Origin origin;
    std::string target;  // path and query, at least "/"; no fragment
};

// Error of kind config, in a sentence. Credentials in a URL are refused.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace squadload::service
