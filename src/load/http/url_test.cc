#include "load/http/url.h"

#include <gtest/gtest.h>

namespace squadload::http {
namespace {

struct GoodUrl {
    const char* text;
    const char* scheme;
    const char* host;
    int port;
    const char* path;
    const char* authority;
};

TEST(Url, Good) {
    const GoodUrl cases[] = {
        {"http://example.com", "http", "example.com", 80, "", "example.com"},
        {"http://example.com/", "http", "example.com", 80, "/", "example.com"},
        {"HTTP://Example.com:80/v1?x=1", "http", "Example.com", 80, "/v1?x=1", "Example.com"},
        {"http://h:8080", "http", "h", 8080, "", "h:8080"},
        {"https://h", "https", "h", 443, "", "h"},
        {"https://h:80/", "https", "h", 80, "/", "h:80"},
        {"http://h:443", "http", "h", 443, "", "h:443"},
        {"localhost", "http", "localhost", 80, "", "localhost"},
        {"localhost:8000", "http", "localhost", 8000, "", "localhost:8000"},
        {"localhost:8000/health", "http", "localhost", 8000, "/health", "localhost:8000"},
        {"127.0.0.1:1", "http", "127.0.0.1", 1, "", "127.0.0.1:1"},
        {"http://127.0.0.1:65535", "http", "127.0.0.1", 65535, "", "127.0.0.1:65535"},
        {"http://[::1]", "http", "::1", 80, "", "[::1]"},
        {"http://[::1]:8080/a", "http", "::1", 8080, "/a", "[::1]:8080"},
        {"[2001:db8::2]:9", "http", "2001:db8::2", 9, "", "[2001:db8::2]:9"},
        {"http://h?x=1", "http", "h", 80, "?x=1", "h"},
        {"http://h/a?u=http://other:99/@", "http", "h", 80, "/a?u=http://other:99/@", "h"},
        {"h/a?u=http://other:99/", "http", "h", 80, "/a?u=http://other:99/", "h"},
        {"http://my_host-1.local/%20%7e", "http", "my_host-1.local", 80, "/%20%7e",
         "my_host-1.local"},
    };
    for (const GoodUrl& good : cases) {
        const auto url = parse_url(good.text);
        ASSERT_TRUE(url) << good.text << ": " << url.error().message;
        EXPECT_EQ(url->scheme, good.scheme) << good.text;
        EXPECT_EQ(url->host, good.host) << good.text;
        EXPECT_EQ(url->port, good.port) << good.text;
        EXPECT_EQ(url->path, good.path) << good.text;
        EXPECT_EQ(url->authority(), good.authority) << good.text;
    }
}

TEST(Url, Bad) {
    const std::pair<std::string, const char*> cases[] = {
        {"", "empty"},
        {"http://", "names no host"},
        {"http:///path", "names no host"},
        {":8080", "names no host"},
        {"/path", "names no host"},
        {"http://?x", "names no host"},
        {"ftp://h", "scheme"},
        {"://h", "scheme"},
        {"http:h", "port"},
        {"http:/h", "port"},
        {"http://h:", "port"},
        {"http://h:0", "port"},
        {"http://h:65536", "port"},
        {"http://h:-1", "port"},
        {"http://h:+80", "port"},
        {"http://h:80a", "port"},
        {"http://h: 80", "space"},
        {"http://h/a b", "space"},
        {" http://h", "space"},
        {"http://h/\n", "control"},
        {std::string("http://h/\0x", 11), "control"},
        {"http://h/\xc3\xa9", "non-ASCII"},
        {"http://h\xc3\xa9.com", "non-ASCII"},
        {"http://h/#top", "fragment"},
        {"http://user@h", "user name"},
        {"http://user:secret@h/", "user name"},
        {"http://::1", "brackets"},
        {"http://::1:80", "brackets"},
        {"http://h:80:90", "brackets"},
        {"http://[::1", "not closed"},
        {"http://[::g]", "not an IPv6"},
        {"http://[h]", "not an IPv6"},
        {"http://[fe80::1%25eth0]", "not an IPv6"},
        {"http://[]", "names no host"},
        {"http://[::1]80", "only a port"},
        {"http://a,b", "valid name"},
        {"http://a%20b", "valid name"},
        {"http://a\\b", "valid name"},
        {"http://" + std::string(254, 'a'), "valid name"},
    };
    for (const auto& [text, what] : cases) {
        const auto url = parse_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().kind, ErrorKind::config);
        EXPECT_NE(url.error().message.find(what), std::string::npos)
            << text << ": " << url.error().message;
    }
}

TEST(Url, TheErrorShowsTheUrlWithoutPasswordOnOneShortLine) {
    EXPECT_EQ(parse_url("http://user:secret@h/x").error().message,
              "\"http://***@h/x\" is not a usable URL: user name and password do not belong in it; "
              "send an "
              "Authorization header instead");
    EXPECT_EQ(parse_url("http://h/\na").error().message.substr(0, 13), "\"http://h/?a\"");
    EXPECT_LT(parse_url("http://h/#" + std::string(100'000, 'x')).error().message.size(), 400U);
}

}  // namespace
}  // namespace squadload::http
