#include "load/http/cookie_jar.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "load/http/set_cookie.h"

namespace squadload::http {

struct CookieJar::Cookie {
    std::string name;
    std::string value;
    std::string domain;  // lower case
    std::string path;
    WallTime expires{};
    std::uint64_t number = 0;  // in the order of creation
    bool host_only = true;
    bool secure = false;
};

struct CookieJar::Cookies {
    std::vector<Cookie> all;  // longest path first, then oldest: the order in which they are sent
    std::uint64_t created = 0;

    void drop(std::vector<Cookie>::iterator cookie) { all.erase(cookie); }
    void make_room(WallTime now);
    void add(Cookie cookie, WallTime now);
};

namespace {

constexpr std::string_view kRoot = "/";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
    return text.size() >= end.size() &&
           same_ignoring_case(text.substr(text.size() - end.size()), end);
}

// RFC 3986 §3.2.2: what ends in a number is an IPv4 address, what has a colon is an IPv6 one.
bool is_address(std::string_view host) {
    if (host.find(':') != std::string_view::npos) return true;
    const std::string_view last = host.substr(host.rfind('.') + 1);
    return !last.empty() && std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
}

bool has_one_label(std::string_view domain) {
    if (domain.ends_with('.')) domain.remove_suffix(1);
    return domain.find('.') == std::string_view::npos;
}

// RFC 6265 §5.1.3.
bool domain_matches(std::string_view host, std::string_view domain) {
    if (same_ignoring_case(host, domain)) return true;
    return ends_with_ignoring_case(host, domain) && host[host.size() - domain.size() - 1] == '.' &&
           !is_address(host);
}

std::string_view without_query(std::string_view target) {
    return target.substr(0, target.find('?'));
}

// RFC 6265 §5.1.4.
std::string_view default_path(std::string_view path) {
    if (!path.starts_with('/')) return kRoot;
    const std::size_t last = path.rfind('/');
    return last == 0 ? kRoot : path.substr(0, last);
}

bool path_matches(std::string_view path, std::string_view cookie_path) {
    if (path.empty()) path = kRoot;
    if (!path.starts_with(cookie_path)) return false;
    return path.size() == cookie_path.size() || cookie_path.ends_with('/') ||
           path[cookie_path.size()] == '/';
}

// Whether `from` may set the cookie for all of `domain`, for itself alone, or not at all.
enum class Scope { domain, host, refused };
Scope scope_of(std::string_view domain, std::string_view host) {
    if (domain.empty()) return Scope::host;
    if (!domain_matches(host, domain)) return Scope::refused;
    if (is_address(host)) return Scope::host;
    if (!has_one_label(domain)) return Scope::domain;
    return same_ignoring_case(host, domain) ? Scope::host : Scope::refused;
}

// RFC 6265bis §4.1.3.
bool keeps_its_prefix(const SetCookie& cookie, bool from_secure) {
    const auto begins = [&](std::string_view prefix) {
        return same_ignoring_case(cookie.name.substr(0, prefix.size()), prefix);
    };
    const bool secure = cookie.secure && from_secure;
    if (begins("__Secure-")) return secure;
    if (begins("__Host-")) return secure && cookie.domain.empty() && cookie.path == kRoot;
    return true;
}

}  // namespace

void CookieJar::Cookies::make_room(WallTime now) {
    if (all.size() < kMaxCookies) return;
    if (std::erase_if(all, [&](const Cookie& c) { return c.expires <= now; }) > 0) return;
    drop(std::ranges::min_element(all, {}, &Cookie::number));
}

void CookieJar::Cookies::add(Cookie cookie, WallTime now) {
    make_room(now);
    cookie.number = created++;
    const auto place = std::ranges::find_if(
        all, [&](const Cookie& c) { return c.path.size() < cookie.path.size(); });
    all.insert(place, std::move(cookie));
}

CookieJar::CookieJar() = default;
CookieJar::~CookieJar() = default;
CookieJar::CookieJar(CookieJar&&) noexcept = default;
CookieJar& CookieJar::operator=(CookieJar&&) noexcept = default;

void CookieJar::store(std::string_view set_cookie, const CookieUrl& from, WallTime now) {
    const auto parsed = parse_set_cookie(set_cookie, now);
    if (!parsed || (parsed->secure && !from.secure)) return;
    const Scope scope = scope_of(parsed->domain, from.host);
    if (scope == Scope::refused || !keeps_its_prefix(*parsed, from.secure)) return;
    const bool host_only = scope == Scope::host;
    const std::string_view domain = host_only ? from.host : parsed->domain;
    const std::string_view path =
        parsed->path.empty() ? default_path(without_query(from.path)) : parsed->path;
    if (parsed->name.size() + parsed->value.size() + domain.size() + path.size() > kMaxCookieBytes)
        return;

    const bool expired = parsed->expires <= now;
    if (!cookies_ && expired) return;
    if (!cookies_) cookies_ = std::make_unique<Cookies>();
    const auto old = std::ranges::find_if(cookies_->all, [&](const Cookie& c) {
        return c.name == parsed->name && same_ignoring_case(c.domain, domain) && c.path == path &&
               c.host_only == host_only;
    });
    const bool found = old != cookies_->all.end();
    if (found && old->secure && !from.secure) return;
    if (expired) {
        if (found) cookies_->drop(old);
    } else if (found) {  // keeps its age
        old->value.assign(parsed->value);
        old->expires = parsed->expires;
        old->secure = parsed->secure;
    } else {
        Cookie cookie{std::string(parsed->name),
                      std::string(parsed->value),
                      std::string(domain),
                      std::string(path),
                      parsed->expires,
                      0,
                      host_only,
                      parsed->secure};
        std::ranges::transform(cookie.domain, cookie.domain.begin(), lower);
        cookies_->add(std::move(cookie), now);
    }
}

bool CookieJar::append(const CookieUrl& to, WallTime now, std::string& out) const {
    if (!cookies_) return false;
    const std::string_view path = without_query(to.path);
    bool any = false;
    for (const Cookie& cookie : cookies_->all) {
        const bool domain_fits = cookie.host_only ? same_ignoring_case(to.host, cookie.domain)
                                                  : domain_matches(to.host, cookie.domain);
        if (!domain_fits || !path_matches(path, cookie.path) || cookie.expires <= now ||
            (cookie.secure && !to.secure)) {
            continue;
        }
        if (any) out += "; ";
        out += cookie.name;
        out += '=';
        out += cookie.value;
        any = true;
    }
    return any;
}

std::size_t CookieJar::size() const {
    return cookies_ ? cookies_->all.size() : 0;
}

void CookieJar::clear() {
    cookies_.reset();
}

}  // namespace squadload::http
