// A cookie jar stays within its bounds, gives cookies only to whom they belong, and lets no line
// end through. Input: lines; "> host/path" is the next origin, any other is a Set-Cookie field of
// it.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "load/http/cookie_jar.h"

namespace {

using squadload::WallTime;
using squadload::http::CookieJar;
using squadload::http::CookieUrl;

constexpr WallTime kNow{std::chrono::hours{498'000}};

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

CookieUrl url(std::string_view text, bool secure) {
    const auto slash = std::min(text.find('/'), text.size());
    return {text.substr(0, slash), text.substr(slash), secure};
}

std::string cookies(const CookieJar& jar, const CookieUrl& to) {
    std::string out;
    SQUADLOAD_CHECK(jar.append(to, kNow, out) == !out.empty());
    SQUADLOAD_CHECK(out.size() <= CookieJar::kMaxCookies * (CookieJar::kMaxCookieBytes + 3));
    const auto ends_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
    SQUADLOAD_CHECK(std::ranges::none_of(out, ends_line));
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    CookieJar jar;
    CookieUrl at{"shop.example.com", "/", false};
    bool others = false;  // origins that are among those asked below
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (line.starts_with("> ")) {
            at = url(line.substr(2), !at.secure);
            std::string host(at.host);
            std::ranges::transform(host, host.begin(), [](unsigned char c) {
                return static_cast<char>(std::tolower(c));
            });
            others = others || host.ends_with("unrelated.com") || host == "10.9.8.7";
            continue;
        }
        jar.store(line, at, kNow);
        const std::string after = cookies(jar, at);
        jar.store(line, at, kNow);  // again: nothing new
        SQUADLOAD_CHECK(cookies(jar, at) == after);
        SQUADLOAD_CHECK(jar.size() <= CookieJar::kMaxCookies);
        // No cookie can be set for all of .com, or for an address that is not its own.
        if (others) continue;
        SQUADLOAD_CHECK(cookies(jar, {"unrelated.com", at.path, true}).empty());
        SQUADLOAD_CHECK(cookies(jar, {"10.9.8.7", "/", true}).empty());
    }
    return 0;
}
