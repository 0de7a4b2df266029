// Once warm, reading responses allocates nothing of ours. zlib and simdjson keep their contexts
// too; brotli's decoder and RE2 allocate inside.
#ifndef SQUADLOAD_TSAN  // which brings its own operator new
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <functional>
#include <new>

#include "load/http/cookie_jar.h"
#include "load/http/expectation.h"
#include "load/http/extract.h"
#include "load/http/response_parser.h"

namespace squadload::http {
namespace {

thread_local std::uint64_t allocations = 0;

std::uint64_t allocations_of(const std::function<void()>& warmed_up) {
    warmed_up();
    const std::uint64_t before = allocations;
    EXPECT_GT(before, 0U) << "the count does not work";
    for (int i = 0; i < 100; ++i) warmed_up();
    return allocations - before;
}

std::string many_headers() {
    std::string headers = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 20; ++i) headers += "Some-Header-Name: and a value that is not short\r\n";
    return headers;
}

// A gzip file of one stored block, without an encoder of our own.
std::string stored_gzip(std::string_view text) {
    const auto size = static_cast<unsigned>(text.size());
    std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff\x01", 11);
    const auto append = [&](unsigned long value, int bytes) {
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
    };
    append(size, 2);
    append(~size, 2);
    out += text;
    append(crc32(0, reinterpret_cast<const Bytef*>(text.data()), size), 4);
    append(size, 4);
    return out;
}

TEST(Allocations, NoneForAChunkedResponse) {
    ResponseParser parser;
    const std::string text = many_headers() + "Transfer-Encoding: chunked\r\n\r\n400\r\n" +
                             std::string(1024, 'x') + "\r\n0\r\n\r\n";
    const auto exchange = [&] {
        parser.start(false, true, true, {});
        EXPECT_EQ(parser.feed(text), ResponseParser::Status::complete);
    };
    EXPECT_EQ(allocations_of(exchange), 0U);
}

TEST(Allocations, NoneForACodedResponseItsChecksAndValues) {
    ResponseParser parser;
    const std::string body =
        stored_gzip(R"({"token": "a token that is too long for a short string", "n": 12345})");
    const std::string text =
        many_headers() +
        fmt::format("Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
    scenario::Expectation expect;
    expect.json.push_back({"/n", {}});
    const std::vector<scenario::Extraction> wanted = {
        {0, scenario::Extraction::From::json, "/token", {}, nullptr},
        {1, scenario::Extraction::From::json, "/n", {}, nullptr},
        {2, scenario::Extraction::From::header, "some-header-name", {}, nullptr}};
    const std::vector<std::string> names = {"token", "n", "header"};
    const Extractor extractor(wanted, names);
    std::vector<scenario::Variable> variables(3);
    const auto exchange = [&] {
        parser.start(false, true, true, {});
        EXPECT_EQ(parser.feed(text), ResponseParser::Status::complete) << parser.error();
        EXPECT_EQ(unmet_expectation(expect, parser, Nanos{1}), "");
        EXPECT_EQ(extractor.extract(parser, variables), "");
    };
    EXPECT_EQ(allocations_of(exchange), 0U);
    EXPECT_EQ(variables[1].text, "12345");
}

TEST(Allocations, NoneForACookieSetAgain) {
    CookieJar jar;
    std::string out;
    const CookieUrl url{"shop.example.com", "/some/longer/path?with=a-query", true};
    const WallTime now{std::chrono::hours{500'000}};
    const auto exchange = [&] {
        jar.store("session=a value that is too long for a short string; Path=/; Secure; HttpOnly",
                  url, now);
        out.clear();
        EXPECT_TRUE(jar.append(url, now, out));
    };
    EXPECT_EQ(allocations_of(exchange), 0U);
}

}  // namespace
}  // namespace squadload::http

// Replaced together with its nothrow form: sanitizers want each pair from one hand.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++squadload::http::allocations;
    return std::malloc(size);
}
void* operator new(std::size_t size) {
    if (void* memory = operator new(size, std::nothrow); memory != nullptr) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
    std::free(memory);
}
#endif
