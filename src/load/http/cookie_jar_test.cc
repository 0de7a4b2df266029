#include "load/http/cookie_jar.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load/http/set_cookie.h"

namespace squadload::http {
namespace {

using namespace std::chrono_literals;

// 2026-11-24T12:00:00Z
constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 12h};
constexpr CookieUrl kHome{"shop.example.com", "/", false};
constexpr CookieUrl kSecureHome{"shop.example.com", "/", true};

std::string cookies_for(const CookieJar& jar, const CookieUrl& to, WallTime now = kNow) {
    std::string out;
    const bool any = jar.append(to, now, out);
    EXPECT_EQ(any, !out.empty());
    return out;
}

// What `to` gets after `from` set one cookie.
std::string exchanged(std::string_view set_cookie, const CookieUrl& from, const CookieUrl& to) {
    CookieJar jar;
    jar.store(set_cookie, from, kNow);
    return cookies_for(jar, to);
}

TEST(CookieJar, IsEmptyAtFirstAndSmall) {
    const CookieJar jar;
    EXPECT_EQ(jar.size(), 0U);
    EXPECT_EQ(cookies_for(jar, kHome), "");
    EXPECT_LE(sizeof(CookieJar), 8U);
}

TEST(CookieJar, NamesAndValues) {
    const auto sent = [](std::string_view field) { return exchanged(field, kHome, kHome); };
    EXPECT_EQ(sent("a=1"), "a=1");
    EXPECT_EQ(sent("  a =  1 2  ; Foo=bar; HttpOnly; SameSite=Lax"), "a=1 2");
    EXPECT_EQ(sent("a=b=c"), "a=b=c");
    EXPECT_EQ(sent("a=\"quoted\""), "a=\"quoted\"");
    EXPECT_EQ(sent("a="), "a=");
    EXPECT_EQ(sent("A=\xc3\xa9"), "A=\xc3\xa9");
    for (const std::string_view bad : {"", "a", "=1", " =1", "; a=1", ";"})
        EXPECT_EQ(sent(bad), "");
}

TEST(CookieJar, ControlCharactersCannotGetIn) {
    for (const char c : {'\0', '\r', '\n', '\x01', '\x7f'}) {
        EXPECT_EQ(exchanged(fmt::format("a=1{}X-Evil: 1", c), kHome, kHome), "");
        EXPECT_EQ(exchanged(fmt::format("a=1; Path=/{}", c), kHome, kHome), "");
    }
}

TEST(CookieJar, Domains) {
    struct Case {
        std::string_view attributes, from, to;
        bool sent;
    };
    const Case cases[] = {
        {"", "example.com", "example.com", true},
        {"", "example.com", "EXAMPLE.com", true},
        {"", "example.com", "www.example.com", false},
        {"; Domain=", "example.com", "www.example.com", false},
        {"; Domain=example.com", "example.com", "www.example.com", true},
        {"; Domain=.Example.COM", "www.example.com", "a.b.example.com", true},
        {"; Domain=example.com", "www.example.com", "notexample.com", false},
        {"; Domain=example.com", "www.example.com", "example.com.evil.org", false},
        {"; Domain=www.example.com", "example.com", "www.example.com", false},
        {"; Domain=other.org", "example.com", "other.org", false},
        {"; Domain=xample.com", "example.com", "example.com", false},
        {"; Domain=com", "example.com", "example.com", false},
        {"; Domain=com.", "example.com.", "example.com.", false},
        {"; Domain=localhost", "localhost", "localhost", true},
        {"; Domain=localhost", "localhost", "a.localhost", false},
        {"; Domain=127.0.0.1", "127.0.0.1", "127.0.0.1", true},
        {"; Domain=0.0.1", "127.0.0.1", "127.0.0.1", false},
        {"; Domain=::1", "::1", "::1", true},
        {"; Domain=a.example.com; Domain=example.com", "example.com", "www.example.com", true},
    };
    for (const Case& c : cases) {
        const std::string field = "a=1" + std::string(c.attributes);
        EXPECT_EQ(exchanged(field, {c.from, "/", false}, {c.to, "/", false}), c.sent ? "a=1" : "")
            << c.attributes << " from " << c.from << " to " << c.to;
    }
}

TEST(CookieJar, Paths) {
    struct Case {
        std::string_view attributes, from, to;
        bool sent;
    };
    const Case cases[] = {
        {"", "/", "/any", true},
        {"", "", "/any", true},
        {"", "/login", "/any", true},
        {"", "/api/login?next=/x/y", "/api", true},
        {"", "/api/login", "/api/", true},
        {"", "/api/login", "/api/chat?x=1", true},
        {"", "/api/login", "/apis", false},
        {"", "/api/login", "/", false},
        {"; Path=/", "/api/login", "", true},
        {"; Path=/api", "/", "/api", true},
        {"; Path=/api", "/", "/api?x", true},
        {"; Path=/api/", "/", "/api", false},
        {"; Path=/api/", "/", "/api/x", true},
        {"; Path=api", "/x/y", "/x/z", true},
        {"; Path=/b; path=/a", "/", "/a", true},
        {"; Path=/a; path=", "/b/c", "/b", true},
    };
    for (const Case& c : cases) {
        const std::string field = "a=1" + std::string(c.attributes);
        EXPECT_EQ(exchanged(field, {"h", c.from, false}, {"h", c.to, false}), c.sent ? "a=1" : "")
            << c.attributes << " from " << c.from << " to " << c.to;
    }
}

TEST(CookieJar, SecureIsForSecureOriginsOnly) {
    EXPECT_EQ(exchanged("a=1; Secure", kSecureHome, kSecureHome), "a=1");
    EXPECT_EQ(exchanged("a=1; secure=no", kSecureHome, kHome), "");
    EXPECT_EQ(exchanged("a=1; Secure", kHome, kSecureHome), "");
    EXPECT_EQ(exchanged("a=1", kSecureHome, kHome), "a=1");

    CookieJar jar;
    jar.store("a=1; Secure", kSecureHome, kNow);
    jar.store("a=2", kHome, kNow);
    jar.store("a=; Max-Age=0", kHome, kNow);
    EXPECT_EQ(cookies_for(jar, kSecureHome), "a=1");
}

TEST(CookieJar, NamePrefixesAreKept) {
    const auto kept = [](std::string_view field, const CookieUrl& from) {
        return !exchanged(field, from, kSecureHome).empty();
    };
    EXPECT_TRUE(kept("__Secure-a=1; Secure", kSecureHome));
    EXPECT_FALSE(kept("__secure-a=1", kSecureHome));
    EXPECT_FALSE(kept("__Secure-a=1", kHome));
    EXPECT_TRUE(kept("__Host-a=1; Secure; Path=/", kSecureHome));
    EXPECT_FALSE(kept("__Host-a=1; Secure", kSecureHome));
    EXPECT_FALSE(kept("__Host-a=1; Path=/", kSecureHome));
    EXPECT_FALSE(kept("__host-a=1; Secure; Path=/; Domain=shop.example.com", kSecureHome));
    EXPECT_TRUE(kept("__Hosta=1", kHome));
}

TEST(CookieJar, LifeTimes) {
    CookieJar jar;
    jar.store("session=1", kHome, kNow);
    jar.store("age=1; Max-Age=10", kHome, kNow);
    jar.store("date=1; Expires=Tue, 24 Nov 2026 12:00:20 GMT", kHome, kNow);
    jar.store("both=1; Max-Age=5; Expires=Tue, 24 Nov 2099 12:00:20 GMT", kHome, kNow);
    jar.store("past=1; Expires=Tue, 24 Nov 2026 11:59:59 GMT", kHome, kNow);
    jar.store("zero=1; Max-Age=0", kHome, kNow);
    jar.store("negative=1; Max-Age=-1", kHome, kNow);
    EXPECT_EQ(cookies_for(jar, kHome), "session=1; age=1; date=1; both=1");
    EXPECT_EQ(cookies_for(jar, kHome, kNow + 5s), "session=1; age=1; date=1");
    EXPECT_EQ(cookies_for(jar, kHome, kNow + 10s), "session=1; date=1");
    EXPECT_EQ(cookies_for(jar, kHome, kNow + 20s), "session=1");
}

TEST(CookieJar, MaxAgesThatAreNone) {
    for (const std::string_view age : {"", "-", "x", "1x", "+1", "1.5", " "}) {
        const auto parsed = parse_set_cookie(fmt::format("a=1; Max-Age={}", age), kNow);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(parsed->expires, WallTime::max()) << age;
    }
    const auto forever = parse_set_cookie("a=1; Max-Age=99999999999999999999999", kNow);
    EXPECT_EQ(forever->expires, WallTime::max());
    EXPECT_EQ(parse_set_cookie("a=1; Max-Age=60; Max-Age=x", kNow)->expires, kNow + 60s);
    EXPECT_EQ(parse_set_cookie("a=1; Max-Age=-99999999999999999999999", kNow)->expires,
              WallTime::min());
}

TEST(CookieJar, SettingAgainReplacesAndDeletes) {
    CookieJar jar;
    jar.store("a=1", kHome, kNow);
    jar.store("b=1", kHome, kNow);
    jar.store("a=2; Max-Age=9", kHome, kNow);
    EXPECT_EQ(cookies_for(jar, kHome), "a=2; b=1");  // as old as it was
    EXPECT_EQ(cookies_for(jar, kHome, kNow + 9s), "b=1");
    jar.store("b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", kHome, kNow);
    EXPECT_EQ(cookies_for(jar, kHome), "a=2");
    jar.store("a=; Path=/x; Max-Age=0", kHome, kNow);  // another cookie
    EXPECT_EQ(cookies_for(jar, kHome), "a=2");
    jar.store("a=3; Domain=shop.example.com", kHome, kNow);  // another one too
    EXPECT_EQ(cookies_for(jar, kHome), "a=2; a=3");
    jar.clear();
    EXPECT_EQ(jar.size(), 0U);
}

TEST(CookieJar, LongestPathFirstThenOldest) {
    CookieJar jar;
    jar.store("root1=1; Path=/", kHome, kNow);
    jar.store("deep1=1; Path=/a/b", kHome, kNow);
    jar.store("root2=1; Path=/", kHome, kNow);
    jar.store("deep2=1; Path=/a/b", kHome, kNow);
    jar.store("mid=1; Path=/a", kHome, kNow);
    EXPECT_EQ(cookies_for(jar, {kHome.host, "/a/b", false}),
              "deep1=1; deep2=1; mid=1; root1=1; root2=1");
    EXPECT_EQ(cookies_for(jar, kHome), "root1=1; root2=1");
}

TEST(CookieJar, HoldsABoundedNumber) {
    CookieJar jar;
    for (std::size_t i = 0; i < CookieJar::kMaxCookies + 3; ++i)
        jar.store(fmt::format("c{}=1; Path=/{}", i, i == 0 ? "long/path" : ""), kHome, kNow);
    EXPECT_EQ(jar.size(), CookieJar::kMaxCookies);
    const std::string all = cookies_for(jar, {kHome.host, "/long/path", false});
    EXPECT_TRUE(all.starts_with("c3=1; c4=1")) << all;  // c0 was the oldest
    EXPECT_TRUE(all.ends_with("; c52=1")) << all;
}

TEST(CookieJar, ExpiredOnesMakeRoomFirst) {
    CookieJar jar;
    jar.store("old=1", kHome, kNow);
    jar.store("dying=1; Max-Age=1", kHome, kNow);
    for (std::size_t i = 2; i < CookieJar::kMaxCookies; ++i)
        jar.store(fmt::format("c{}=1", i), kHome, kNow);
    jar.store("new=1", kHome, kNow + 1s);
    EXPECT_EQ(jar.size(), CookieJar::kMaxCookies);
    const std::string all = cookies_for(jar, kHome, kNow + 1s);
    EXPECT_TRUE(all.starts_with("old=1; c2=1")) << all;
    EXPECT_TRUE(all.ends_with("; new=1")) << all;
}

TEST(CookieJar, ACookieHasABoundedSize) {
    const std::size_t room = CookieJar::kMaxCookieBytes - kHome.host.size() - 2;  // "a" and "/"
    EXPECT_EQ(exchanged("a=" + std::string(room, 'x'), kHome, kHome).size(), room + 2);
    EXPECT_EQ(exchanged("a=" + std::string(room + 1, 'x'), kHome, kHome), "");
}

TEST(CookieDate, Table) {
    const auto expected = kNow - 12h + 9h + 7min + 5s;
    for (const std::string_view text :
         {"Tue, 24 Nov 2026 09:07:05 GMT", "Tuesday, 24-Nov-26 09:07:05 GMT",
          "Tue Nov 24 09:07:05 2026", "24 nov 2026 9:7:5", "09:07:05 2026 November 24",
          "Tue, 24-Nov-2026 09:07:05 UTC", "24/Nov/2026 09:07:05am", "24th Nov 26 09:07:05",
          ",,;24;Nov;2026;09:07:05;;", "x 24 Nov 2026 09:07:05 1 2 3"}) {
        EXPECT_EQ(parse_cookie_date(text), expected) << text;
    }
    for (const std::string_view bad :
         {"", "never", "0", "24 Nov 2026", "Nov 2026 09:07:05", "24 2026 09:07:05",
          "24 Nov 09:07:05", "32 Nov 2026 09:07:05", "31 Nov 2026 09:07:05", "24 Nov 2026 24:07:05",
          "24 Nov 2026 09:60:05", "24 Nov 2026 09:07:60", "24 Nov 1600 09:07:05",
          "24 Nov 20266 09:07:05", "24 Nov 2026 09:07", "24 Nov 2026 009:07:05",
          "29 Feb 2027 09:07:05", "24 Nov 2026 09:x:05"}) {
        EXPECT_EQ(parse_cookie_date(bad), std::nullopt) << bad;
    }
}

TEST(CookieDate, TwoDigitYearsAndTheEndsOfTime) {
    const auto year_of = [](std::string_view text) {
        const auto time = parse_cookie_date(text);
        if (!time) return 0;
        const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(*time));
        return static_cast<int>(date.year());
    };
    EXPECT_EQ(year_of("1 Jan 70 0:0:0"), 1970);
    EXPECT_EQ(year_of("1 Jan 99 0:0:0"), 1999);
    EXPECT_EQ(year_of("1 Jan 00 0:0:0"), 2000);
    EXPECT_EQ(year_of("1 Jan 69 0:0:0"), 2069);
    EXPECT_EQ(parse_cookie_date("1 Jan 9999 0:0:0"), WallTime::max());
    EXPECT_EQ(parse_cookie_date("1 Jan 1601 0:0:0"), WallTime::min());
    EXPECT_EQ(parse_cookie_date("29 Feb 2028 0:0:0"),
              WallTime{std::chrono::sys_days{std::chrono::year{2028} / 2 / 29}});
}

}  // namespace
}  // namespace squadload::http
