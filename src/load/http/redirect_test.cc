#include "load/http/redirect.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::http {
namespace {

TEST(Redirect, WhichStatusesAreOnes) {
    std::string found;
    for (int status = 100; status < 600; ++status) {
        if (is_redirect(status)) found += fmt::format("{} ", status);
    }
    EXPECT_EQ(found, "301 302 303 307 308 ");
}

TEST(Redirect, Methods) {
    struct Case {
        int status;
        std::string_view method, next;
    };
    const Case cases[] = {
        {301, "POST", "GET"},      {302, "POST", "GET"},  {303, "POST", "GET"},
        {307, "POST", "POST"},     {308, "POST", "POST"}, {301, "PUT", "PUT"},
        {302, "DELETE", "DELETE"}, {303, "PUT", "GET"},   {303, "HEAD", "HEAD"},
        {301, "HEAD", "HEAD"},     {303, "GET", "GET"},   {307, "PATCH", "PATCH"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(method_after(c.status, c.method), c.next) << c.status << " " << c.method;
}

std::string resolved(std::string_view base, std::string_view reference) {
    const auto from = parse_url(base);
    EXPECT_TRUE(from) << base;
    const auto url = resolve_reference(*from, reference);
    return url ? fmt::format("{}://{}{}", url->scheme, url->authority(), url->path)
               : url.error().message;
}

// RFC 3986 §5.4, with the fragments dropped.
TEST(Redirect, TheExamplesOfTheStandard) {
    const std::pair<std::string_view, std::string_view> examples[] = {
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g/"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
    };
    for (const auto& [reference, url] : examples)
        EXPECT_EQ(resolved("http://a/b/c/d;p?q", reference), url) << reference;
}

TEST(Redirect, AbsoluteReferences) {
    EXPECT_EQ(resolved("http://a/b", "https://c:8443/d?e#f"), "https://c:8443/d?e");
    EXPECT_EQ(resolved("http://a/b", "HTTP://C"), "http://C/");
    EXPECT_EQ(resolved("https://a/b", "//c/d"), "https://c/d");
    EXPECT_EQ(resolved("http://a/b", "http://c?x=/../y"), "http://c/?x=/../y");
    EXPECT_EQ(resolved("http://a/b", "http://c/x/../y"), "http://c/y");
    EXPECT_EQ(resolved("http://a:81/b", "http://[::1]:82/"), "http://[::1]:82/");
    EXPECT_EQ(resolved("http://a:81", "/x"), "http://a:81/x");
    EXPECT_EQ(resolved("http://a", "x"), "http://a/x");
    EXPECT_EQ(resolved("http://a?x=1", ""), "http://a/?x=1");
    EXPECT_EQ(resolved("http://a?x=1", "y"), "http://a/y");
    EXPECT_EQ(resolved("http://a", "/x//y/"), "http://a/x//y/");
    EXPECT_EQ(resolved("http://a/b", "/1:2"), "http://a/1:2");
    EXPECT_EQ(resolved("http://a/b", "./1:2"), "http://a/1:2");
}

TEST(Redirect, WhatMayNotStandInAUrlIsEncoded) {
    EXPECT_EQ(resolved("http://a/", "/a b?c d"), "http://a/a%20b?c%20d");
    EXPECT_EQ(resolved("http://a/", "/caf\xc3\xa9/%C3%A9"), "http://a/caf%C3%A9/%C3%A9");
    EXPECT_EQ(resolved("http://a/", "/x\r\nEvil: 1"), "http://a/x%0D%0AEvil:%201");
}

TEST(Redirect, Malformed) {
    using ::testing::HasSubstr;
    EXPECT_THAT(resolved("http://a/", "http:b"), HasSubstr("names a scheme, but no host"));
    EXPECT_THAT(resolved("http://a/", "http:/b"), HasSubstr("names a scheme, but no host"));
    EXPECT_THAT(resolved("http://a/", "mailto:x@y"), HasSubstr("names a scheme, but no host"));
    EXPECT_THAT(resolved("http://a/", "app://callback"), HasSubstr("must be http or https"));
    EXPECT_THAT(resolved("http://a/", "http://"), HasSubstr("names no host"));
    EXPECT_THAT(resolved("http://a/", "http://u:p@b/"), HasSubstr("do not belong in it"));
    EXPECT_THAT(resolved("http://a/", "http://b:99999/"), HasSubstr("the port must be"));
    EXPECT_THAT(resolved("http://a/", "http://b c/"), HasSubstr("not a valid name"));
}

const std::string kPost =
    "POST /login?x=1 HTTP/1.1\r\nHost: api.test\r\nUser-Agent: u\r\nauthorization: Bearer t\r\n"
    "Cookie: own=1\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{\r\n}";

TEST(Redirect, RewritesTheFirstRequest) {
    std::string out = "left over";
    const auto url = *parse_url("http://api.test/next?y=2");
    rewrite_request(kPost, {"POST", url}, out);
    EXPECT_EQ(out,
              "POST /next?y=2 HTTP/1.1\r\nHost: api.test\r\nUser-Agent: u\r\nauthorization: Bearer "
              "t\r\nCookie: own=1\r\nContent-Type: application/json\r\nContent-Length: "
              "4\r\n\r\n{\r\n}");
    rewrite_request(kPost, {"GET", url, true, false, true, "a=1; b=2"}, out);
    EXPECT_EQ(out,
              "GET /next?y=2 HTTP/1.1\r\nHost: api.test\r\nUser-Agent: u\r\nauthorization: Bearer "
              "t\r\nCookie: a=1; b=2\r\n\r\n");
}

TEST(Redirect, AProxysCredentialsGoToTheProxyAlone) {
    const std::string first =
        "GET http://api.test/ HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: Basic p\r\n\r\n";
    std::string out;
    const auto secure = *parse_url("https://api.test/in");
    rewrite_request(first, {.method = "GET", .url = secure, .same_origin = false}, out);
    EXPECT_EQ(out, "GET /in HTTP/1.1\r\nHost: api.test\r\n\r\n") << "through a tunnel";
    const auto plain = *parse_url("http://other.test/");
    rewrite_request(first,
                    {.method = "GET",
                     .url = plain,
                     .same_origin = false,
                     .keeps_credentials = false,
                     .absolute_form = "http://other.test",
                     .proxy_authorization = "Basic p"},
                    out);
    EXPECT_EQ(out,
              "GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\nProxy-Authorization: Basic "
              "p\r\n\r\n");
    rewrite_request("GET / HTTP/1.1\r\nHost: api.test\r\n\r\n",
                    {.method = "GET",
                     .url = plain,
                     .same_origin = false,
                     .absolute_form = "http://other.test",
                     .proxy_authorization = "Basic p"},
                    out);
    EXPECT_EQ(out,
              "GET http://other.test/ HTTP/1.1\r\nProxy-Authorization: Basic p\r\nHost: "
              "other.test\r\n\r\n")
        << "out of a tunnel";
}

TEST(Redirect, AnotherHostGetsNoCredentials) {
    std::string out;
    const auto url = *parse_url("https://other.test:8443/");
    rewrite_request(kPost, {"GET", url, false, false, false, ""}, out);
    EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: other.test:8443\r\nUser-Agent: u\r\n\r\n");
    rewrite_request(kPost, {"POST", url, false, true, false, "its=1"}, out);
    EXPECT_EQ(out,
              "POST / HTTP/1.1\r\nHost: other.test:8443\r\nUser-Agent: u\r\nContent-Type: "
              "application/json\r\nContent-Length: 4\r\nCookie: its=1\r\n\r\n{\r\n}");
    rewrite_request("GET / HTTP/1.1\r\nHost: api.test\r\nproxy-authorization: Basic x\r\n\r\n",
                    {"GET", url, false, true, false}, out);
    EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: other.test:8443\r\n\r\n");
}

}  // namespace
}  // namespace squadload::http
