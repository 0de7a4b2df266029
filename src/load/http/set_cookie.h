// The Set-Cookie field as a user agent reads it (RFC 6265 §5.2), and its dates (§5.1.1). Pure.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace squadload::http {

// Views into the field.
struct SetCookie {
    std::string_view name;               // not empty
    std::string_view value;              // quotes, if any, belong to it
    std::string_view domain;             // without its leading dot; empty: none
    std::string_view path;               // begins with "/"; empty: none, or one to be ignored
    WallTime expires = WallTime::max();  // Max-Age before Expires; max: with the session
    bool secure = false;
};

// nullopt: no name, or control characters in it (RFC 6265bis §5.6).
[[nodiscard]] std::optional<SetCookie> parse_set_cookie(std::string_view field, WallTime now);

// nullopt: not a date by the lenient rules of RFC 6265 §5.1.1. Clamped to what WallTime can say.
[[nodiscard]] std::optional<WallTime> parse_cookie_date(std::string_view text);

}  // namespace squadload::http
