// What a target may make the parser hold or read: every bound strikes at its byte, however the
// bytes are cut.
#include <gtest/gtest.h>

#include "load/http/response_parser.h"

namespace squadload::http {
namespace {

using namespace std::string_view_literals;

struct Bounded {
    ResponseParser::Status status = ResponseParser::Status::need_more;
    std::size_t fed = 0;  // until it failed or completed, in steps of one piece
};

ParserLimits limits(std::uint64_t header, std::uint64_t body, std::uint64_t kept = 1000) {
    return {header, body, kept};
}

Bounded feed(ResponseParser& parser, std::string_view text, std::size_t piece) {
    Bounded b;
    while (b.fed < text.size() && b.status == ResponseParser::Status::need_more) {
        const std::string_view part = text.substr(b.fed, piece);
        b.status = parser.feed(part);
        b.fed += part.size();
    }
    return b;
}

// The outcome at a bound, fed whole and byte by byte.
void expect_error(const std::string& text, const ParserLimits& bound, const std::string& error,
                  bool keep_body = false) {
    ResponseParser parser;
    for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{13}}) {
        parser.start(false, true, keep_body, bound);
        const Bounded b = feed(parser, text, piece);
        EXPECT_EQ(parser.error(), error) << "in pieces of " << piece;
        EXPECT_EQ(b.status, error.empty() ? ResponseParser::Status::complete
                                          : ResponseParser::Status::failed);
        EXPECT_FALSE(parser.truncated());
    }
}

const std::string kHeadersOver = "the headers are over their bound (limits.header_bytes)";
const std::string kBodyOver = "the body is over its bound (limits.body_bytes)";
const std::string kKeptBodyOver =
    "the body, needed for its expectations, is over its bound (limits.checked_body_bytes)";
const std::string kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    while (times-- > 0) out += text;
    return out;
}

TEST(ResponseBounds, HeaderBlockMayReachItsBoundExactly) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    expect_error(head + "abc", limits(head.size(), 100), "");
    expect_error(head + "abc", limits(head.size() - 1, 100), kHeadersOver);
    expect_error(head + "abc", limits(0, 100), kHeadersOver);
}

TEST(ResponseBounds, TrailersThatNameACodingAreBoundedLikeOthers) {
    const std::string start = kChunkedHead + "0\r\nTransfer-Encoding: gzip\r\nX: ";
    const auto bound = limits(500, 100);
    expect_error(start + repeated("x", 1000) + "\r\nnot a header\r\n", bound, kHeadersOver);
    expect_error(start + "x\r\n\r\n", bound, "");
}

TEST(ResponseBounds, EndlessHeadersOfEveryKind) {
    const auto bound = limits(500, 100);
    expect_error("HTTP/1.1 200 " + repeated("O", 1000), bound, kHeadersOver);
    expect_error(repeated("\r\n", 1000), bound, kHeadersOver);
    expect_error("HTTP/1.1 200 OK\r\n" + repeated("A: b\r\n", 1000), bound, kHeadersOver);
    expect_error("HTTP/1.1 200 OK\r\n" + repeated("A", 1000), bound, kHeadersOver);
    expect_error("HTTP/1.1 200 OK\r\nA:" + repeated(" ", 1000), bound, kHeadersOver);
    expect_error("HTTP/1.1 200 OK\r\nA:" + repeated("b", 1000), bound, kHeadersOver);
    expect_error("HTTP/1.1 200 OK\r\nA: b" + repeated("\r\n c", 1000), bound, kHeadersOver);
    expect_error(repeated("HTTP/1.1 100 Continue\r\n\r\n", 1000), bound, kHeadersOver);
}

TEST(ResponseBounds, EndlessChunkFramingOfEveryKind) {
    const auto bound = limits(500, 100'000);
    expect_error(kChunkedHead + repeated("0", 1000), bound, kHeadersOver);
    expect_error(kChunkedHead + "1;" + repeated("e", 1000), bound, kHeadersOver);
    expect_error(kChunkedHead + "1;e=" + repeated("v", 1000), bound, kHeadersOver);
    expect_error(kChunkedHead + "1;e=\"" + repeated(" ", 1000), bound, kHeadersOver);
    expect_error(kChunkedHead + repeated("1;a=" + repeated("v", 40) + "\r\nx\r\n", 100), bound,
                 kHeadersOver);
    expect_error(kChunkedHead + "0\r\n" + repeated("A: b\r\n", 1000), bound, kHeadersOver);
}

TEST(ResponseBounds, PlainFramingOfManySmallChunksIsFree) {
    expect_error(kChunkedHead + repeated("1\r\nx\r\n", 5000) + "0\r\n\r\n", limits(200, 100'000),
                 "");
    expect_error(kChunkedHead + repeated("001;e=1\r\nx\r\n", 5000) + "0\r\n\r\n",
                 limits(200, 100'000), "");
}

TEST(ResponseBounds, DataDoesNotPayForTrailers) {
    const std::string body = "3e8\r\n" + repeated("x", 1000) + "\r\n0\r\n";
    expect_error(kChunkedHead + body + repeated("A: b\r\n", 20) + "\r\n", limits(200, 100'000), "");
    expect_error(kChunkedHead + body + repeated("A: b\r\n", 40) + "\r\n", limits(200, 100'000),
                 kHeadersOver);
}

TEST(ResponseBounds, BodyMayReachItsBoundExactly) {
    const std::string chunks = kChunkedHead + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    expect_error(chunks, limits(1000, 5), "");
    expect_error(chunks, limits(1000, 4), kBodyOver);
    expect_error(chunks, limits(1000, 100, 5), "", true);
    expect_error(chunks, limits(1000, 100, 4), kKeptBodyOver, true);
    expect_error("HTTP/1.1 200 OK\r\n\r\n" + repeated("x", 1000), limits(1000, 999), kBodyOver);
}

TEST(ResponseBounds, AnAnnouncedBodyOverItsBoundFailsAtTheHeaders) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n";
    expect_error(head, limits(1000, 1'000'000), kBodyOver);
    ResponseParser parser;
    parser.start(true, false, false, limits(1000, 10));
    EXPECT_EQ(parser.feed(head), ResponseParser::Status::complete) << "a HEAD response has no body";
}

TEST(ResponseBounds, CountsAndKeepsTheBodyUpToTheBound) {
    ResponseParser parser;
    for (const std::size_t piece : {1U, 7U, 1000U}) {
        parser.start(false, false, true, limits(1000, 100, 10));
        (void)feed(parser, "HTTP/1.1 200 OK\r\n\r\n0123456789abc", piece);
        EXPECT_EQ(parser.body_bytes(), 10U);
        EXPECT_EQ(parser.body(), "0123456789");
    }
}

TEST(ResponseBounds, ABodyNotKeptIsCountedOnly) {
    ResponseParser parser;
    parser.start(false, false, false, limits(1000, 10'000, 10));
    EXPECT_EQ(
        parser.feed("HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 20\r\n\r\n01234567890123456789"sv),
        ResponseParser::Status::complete);
    EXPECT_EQ(parser.body_bytes(), 20U);
    EXPECT_EQ(parser.body(), "");
    EXPECT_FALSE(parser.has_header("X"));
}

TEST(ResponseParser, CarriesNothingOverToTheNextExchange) {
    ResponseParser parser;
    for (int round = 0; round < 3; ++round) {
        parser.start(false, true, true, {});
        EXPECT_FALSE(parser.started());
        EXPECT_EQ(parser.status_code(), 0);
        EXPECT_EQ(parser.feed("HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 1\r\n\r\na more"sv),
                  ResponseParser::Status::complete);
        EXPECT_TRUE(parser.started());
        EXPECT_EQ(parser.body(), "a");
        EXPECT_EQ(parser.excess_bytes(), 5U);
        EXPECT_EQ(parser.feed("and more"sv), ResponseParser::Status::complete);
        EXPECT_EQ(parser.excess_bytes(), 13U);

        parser.start(false, true, true, {});
        EXPECT_FALSE(parser.has_header("X"));
        EXPECT_EQ(parser.feed("garbage"sv), ResponseParser::Status::failed);
        EXPECT_EQ(parser.feed("HTTP/1.1 200 OK\r\n\r\n"sv), ResponseParser::Status::failed);
        EXPECT_EQ(parser.finish(), ResponseParser::Status::failed);
        EXPECT_FALSE(parser.truncated());
    }
}

TEST(ResponseParser, ClosedBefore) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"", "closed before a response"},
        {"HTTP/1.1 200 OK\r\nX: 1", "closed before the end of the headers"},
        {"HTTP/1.1 100 Continue\r\n\r\n", "closed before the end of the headers"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "closed before the end of the body"},
    };
    ResponseParser parser;
    for (const auto& [text, error] : cases) {
        parser.start(false, true, true, {});
        EXPECT_EQ(parser.feed(text), ResponseParser::Status::need_more);
        EXPECT_EQ(parser.finish(), ResponseParser::Status::failed);
        EXPECT_TRUE(parser.truncated());
        EXPECT_EQ(parser.error(), error);
    }
}

TEST(ResponseParser, FindsHeadersByNameWithoutCaseInOrder) {
    ResponseParser parser;
    parser.start(false, true, false, {});
    EXPECT_EQ(parser.feed("HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nEmpty:\r\nset-cookie: "
                          "b\r\nContent-Length: 0\r\n\r\n"),
              ResponseParser::Status::complete);
    EXPECT_EQ(parser.header("SET-COOKIE"), "a");
    EXPECT_EQ(parser.header("Set-Cookie", 1), "b");
    EXPECT_FALSE(parser.has_header("Set-Cookie", 2));
    EXPECT_TRUE(parser.has_header("empty"));
    EXPECT_EQ(parser.header("empty"), "");
    EXPECT_FALSE(parser.has_header("emp"));
    EXPECT_FALSE(parser.has_header("Content-Lengthy"));
}

// Asked for one after the other, thousands of fields must not cost their square. Without that this
// test takes minutes.
TEST(ResponseParser, ReadsManyHeadersOneAfterTheOther) {
    constexpr std::size_t kFields = 100'000;
    std::string text = "HTTP/1.1 200 OK\r\nOther-Name: x\r\n";
    for (std::size_t i = 0; i < kFields; ++i)
        text += "Set-Cookie: " + std::to_string(i) + "\r\nOther-Name: x\r\n";
    text += "Content-Length: 0\r\n\r\n";
    ResponseParser parser;
    parser.start(false, true, false, limits(text.size(), 0));
    ASSERT_EQ(parser.feed(text), ResponseParser::Status::complete) << parser.error();
    std::size_t nth = 0;
    for (; parser.has_header("set-cookie", nth); ++nth)
        ASSERT_EQ(parser.header("Set-Cookie", nth), std::to_string(nth));
    EXPECT_EQ(nth, kFields);
    EXPECT_EQ(parser.header("Set-Cookie", 7), "7");  // back again
    EXPECT_EQ(parser.header("Other-Name", kFields), "x");
    EXPECT_FALSE(parser.has_header("Other-Name", kFields + 1));
    EXPECT_EQ(parser.header("Content-Length"), "0");
    parser.start(false, true, false, {});
    EXPECT_FALSE(parser.has_header("Set-Cookie", 7));
}

}  // namespace
}  // namespace squadload::http
