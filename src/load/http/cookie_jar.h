// The cookies of one virtual user, by the rules for user agents of RFC 6265 §5, without I/O and
// without a clock.
//
// Stricter than RFC 6265, as browsers are (RFC 6265bis): control characters make a cookie ignored,
// Secure cookies are taken from secure origins only, and the name prefixes __Secure- and __Host-
// are honoured. There is no list of public suffixes: a Domain of one label ("com") is refused,
// "co.uk" is not. HttpOnly and SameSite mean nothing here.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"

namespace squadload::http {

// A request, as far as cookies go.
struct CookieUrl {
    std::string_view host;  // name or address as in Url::host: no port, IPv6 without brackets
    std::string_view path;  // the request target; a query is ignored
    bool secure = false;    // https
};

// Owned by a user; single thread. Empty it is one pointer. The bounds are those of every user: when
// one is reached, the oldest cookie goes.
class CookieJar {
  public:
    static constexpr std::size_t kMaxCookies = 50;
    static constexpr std::size_t kMaxCookieBytes = 4096;  // name, value, domain and path

    CookieJar();
    ~CookieJar();
    CookieJar(CookieJar&&) noexcept;
    CookieJar& operator=(CookieJar&&) noexcept;

    // Takes the value of one Set-Cookie field of the response to `from`. What is malformed or not
    // `from`'s to set is ignored, as RFC 6265 asks. No allocation when a cookie is set again to a
    // value that is not longer.
    void store(std::string_view set_cookie, const CookieUrl& from, WallTime now);

    // Appends "a=1; b=2", the value of the Cookie field for `to`: longest path first, then oldest.
    // Appends nothing, and returns false, when no cookie matches. Allocates for `out` only.
    bool append(const CookieUrl& to, WallTime now, std::string& out) const;

    [[nodiscard]] std::size_t size() const;  // expired ones included
    void clear();

  private:
    struct Cookie;
    struct Cookies;
    std::unique_ptr<Cookies> cookies_;  // null until the first cookie
};

}  // namespace squadload::http
