#include "target/service/http_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace squadload::service {
namespace {

constexpr ReadBounds kBounds{200, 50};

// What a reader makes of bytes that come in the given pieces.
struct Seen {
    ReadState state = ReadState::need_more;
    std::string text;  // method target [fields] body
    std::string left;  // behind the message
    std::string problem;
    friend bool operator==(const Seen&, const Seen&) = default;
};

Seen read_request(const std::vector<std::string>& pieces, ReadBounds bounds = kBounds) {
    RequestReader reader(bounds);
    Request request;
    reader.begin(request);
    Seen seen;
    for (const auto& piece : pieces) {
        seen.left += piece;
        if (seen.state != ReadState::need_more) continue;
        const auto progress = reader.feed(seen.left);
        EXPECT_LE(progress.used, seen.left.size());
        seen.left.erase(0, progress.used);
        seen.state = progress.state;
    }
    if (seen.state == ReadState::done) {
        seen.text = request.method + " " + request.target;
        for (const auto& [name, value] : request.headers)
            seen.text.append(" [").append(name).append("=").append(value).append("]");
        seen.text += " " + request.body + (reader.keep_alive() ? "" : " close");
    } else {
        seen.left.clear();
        seen.problem = reader.problem();
    }
    return seen;
}

Seen read_request(const std::string& bytes) {
    return read_request(std::vector{bytes});
}

const std::string kPost =
    "POST /a?b HTTP/1.1\r\nHost: h\r\nX-A:  1 \t\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunked =
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
    "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-T: 1\r\n\r\n";

TEST(RequestReaderTest, ReadsAMessageAndLeavesTheNext) {
    const auto seen = read_request(kPost + "GET");
    EXPECT_EQ(seen.state, ReadState::done);
    EXPECT_EQ(seen.text, "POST /a?b [Host=h] [X-A=1] [Content-Length=5] hello");
    EXPECT_EQ(seen.left, "GET");
    EXPECT_EQ(read_request(kChunked + "GET").text,
              "POST / [Host=h] [Transfer-Encoding=Chunked] hello!")
        << "trailers are not fields";
    EXPECT_EQ(read_request(kChunked + "GET").left, "GET");
    EXPECT_EQ(read_request("\r\n\r\nGET / HTTP/1.0\r\n\r\n").text, "GET /  close");
    EXPECT_EQ(read_request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").text,
              "GET / [Connection=keep-alive] ");
    EXPECT_EQ(read_request("GET / HTTP/1.1\r\nHost:\r\nConnection: x, close\r\n\r\n").text,
              "GET / [Host=] [Connection=x, close]  close");
}

TEST(RequestReaderTest, EverySplitReadsTheSame) {
    for (const auto& message : {kPost, kChunked, "\r\n" + kPost}) {
        const auto whole = read_request(message + "x");
        ASSERT_EQ(whole.state, ReadState::done);
        std::vector<std::string> bytewise;
        for (const char c : message + "x") bytewise.emplace_back(1, c);
        EXPECT_EQ(read_request(bytewise), whole);
        for (std::size_t at = 0; at <= message.size(); ++at)
            EXPECT_EQ(read_request({message.substr(0, at), message.substr(at) + "x"}), whole) << at;
    }
}

struct BadCase {
    const char* bytes;
    const char* says;
};

// RFC 9112 §2.2, §3, §5, §6, §7.1, §11.2.
const std::vector<BadCase> kBad = {
    {"\x16\x03\x01\x02", "not HTTP"},
    {"{\"a\":1}", "not HTTP"},
    {"\n", "not HTTP"},
    {" GET / HTTP/1.1\r\n", "not HTTP"},
    {"\r\n\r\n\r\n\r\n\r\n\r\n", "empty lines"},
    {"GET / HTTP/1.1\nHost: h\n\n", "CR LF"},
    {"GET / HTTP/1.1\r\nHost: h\n\r\n", "CR LF"},
    {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "CR LF"},
    {"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", "folded"},
    {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "folded"},
    {"GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\n\tfolded\r\n\r\n", "folded"},
    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", "version"},
    {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", "version"},
    {"GET / http/1.1\r\nHost: h\r\n\r\n", "version"},
    {"GET /\r\nHost: h\r\n\r\n", ""},
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", ""},
    {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", ""},
    {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", ""},
    {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "method"},
    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", "field"},
    {"GET / HTTP/1.1\r\nHost: h\r\n: no name\r\n\r\n", "field"},
    {"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", "field"},
    {"GET / HTTP/1.1\r\nHost: h\r\nX\x01: 1\r\n\r\n", "field"},
    {"GET / HTTP/1.1\r\nHost: h\r\nX: a\x01"
     "b\r\n\r\n",
     "field"},
    {"GET / HTTP/1.1\r\n\r\n", "Host"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "Host"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
     "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
     "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello", "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello", "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\nhello", "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\nhello", "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nhello", "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
     "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
     "5\r\n\r\n0\r\n\r\n",
     "Content-Length"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\nhello", "chunked"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "chunked"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "chunked"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "identity\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
     "chunk"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", "chunk"},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", ""},
};

TEST(RequestReaderTest, WhatTwoReadersCouldUnderstandDifferentlyIsRefused) {
    for (const auto& [bytes, says] : kBad) {
        const auto seen = read_request(bytes);
        EXPECT_EQ(seen.state, ReadState::bad) << bytes;
        EXPECT_THAT(seen.problem, ::testing::HasSubstr(says)) << bytes;
        EXPECT_NE(seen.problem, "") << bytes;
        const std::string text = bytes;
        for (std::size_t at = 1; at < text.size(); ++at)
            EXPECT_EQ(read_request({text.substr(0, at), text.substr(at)}).state, ReadState::bad)
                << bytes << " at " << at;
    }
}

TEST(RequestReaderTest, BoundsHold) {
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    const auto fits = start + std::string(200 - start.size() - 4, 'x') + "\r\n\r\n";
    EXPECT_EQ(read_request(fits).state, ReadState::done);
    const auto large = start + std::string(200 - start.size() - 3, 'x') + "\r\n\r\n";
    EXPECT_EQ(read_request(large).state, ReadState::header_too_large);
    EXPECT_EQ(read_request(std::string(300, 'x')).state, ReadState::header_too_large);
    EXPECT_EQ(read_request(start + std::string(300, 'x')).state, ReadState::header_too_large);

    const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
    EXPECT_EQ(read_request(post + "Content-Length: 50\r\n\r\n" + std::string(50, 'x')).state,
              ReadState::done);
    EXPECT_EQ(read_request(post + "Content-Length: 51\r\n\r\n").state, ReadState::body_too_large)
        << "said before the body comes";
    const auto chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string chunk = "a\r\n0123456789\r\n";
    std::string five;
    for (int i = 0; i < 5; ++i) five += chunk;
    EXPECT_EQ(read_request(chunked + five + "0\r\n\r\n").state, ReadState::done);
    EXPECT_EQ(read_request(chunked + five + "1\r\n").state, ReadState::body_too_large);
    EXPECT_EQ(read_request(chunked + "1;" + std::string(300, 'x')).state,
              ReadState::header_too_large);
    EXPECT_EQ(read_request(chunked + "0\r\nX: " + std::string(300, 'x')).state,
              ReadState::header_too_large);
}

TEST(RequestReaderTest, ExpectIsNoticedWhileTheBodyIsMissing) {
    RequestReader reader(kBounds);
    Request request;
    reader.begin(request);
    const std::string head =
        "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    EXPECT_EQ(reader.feed(head).state, ReadState::need_more);
    EXPECT_TRUE(reader.header_done());
    EXPECT_TRUE(reader.expects_continue());
    EXPECT_EQ(reader.feed("ok").state, ReadState::done);
    EXPECT_FALSE(reader.expects_continue());
}

// Every mutation ends in some state, the same one whole and in pieces.
TEST(RequestReaderTest, NoBytesBreakIt) {
    const std::vector<std::string> seeds = {kPost, kChunked};
    for (std::uint64_t round = 0; round < 3000; ++round) {
        Random random(7, RandomStream::test, round);
        auto bytes = seeds[round % 2] + seeds[random.below(2)];
        for (auto changes = 1 + random.below(4); changes > 0; --changes) {
            const auto at = random.below(bytes.size());
            if (random.below(3) == 0)
                bytes.erase(at, 1 + random.below(8));
            else if (random.below(2) == 0)
                bytes.insert(at, 1, "\r\n :0,\xff"[random.below(7)]);
            else
                bytes[at] = static_cast<char>(random.below(256));
            if (bytes.empty()) bytes = "x";
        }
        const auto whole = read_request(bytes);
        const auto cut = random.below(bytes.size());
        EXPECT_EQ(read_request({bytes.substr(0, cut), bytes.substr(cut)}), whole) << bytes;
    }
}

Seen read_response(const std::vector<std::string>& pieces, bool end = false, bool head = false) {
    ResponseReader reader(kBounds);
    Headers headers;
    std::string body;
    reader.begin(head, headers, body);
    Seen seen;
    for (const auto& piece : pieces) {
        seen.left += piece;
        if (seen.state != ReadState::need_more) continue;
        const auto progress = reader.feed(seen.left);
        seen.left.erase(0, progress.used);
        seen.state = progress.state;
    }
    if (end && seen.state == ReadState::need_more) seen.state = reader.feed_end();
    if (seen.state == ReadState::done)
        seen.text = std::to_string(reader.status()) + " " + std::string(headers.get("x")) + " " +
                    body + (reader.keep_alive() ? "" : " close");
    return seen;
}

TEST(ResponseReaderTest, ReadsEveryFraming) {
    struct Case {
        std::string bytes;
        std::string text;
        bool end = false;
        bool head = false;
    };
    for (const auto& c : {
             Case{"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 2\r\n\r\nok", "200 1 ok"},
             Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                  "200  ok"},
             Case{"HTTP/1.1 200 OK\r\n\r\nok", "200  ok close", true},
             Case{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "200  ok close"},
             Case{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                  "200  ok close"},
             Case{"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", "204 1 "},
             Case{"HTTP/1.1 429 \r\nContent-Length: 0\r\n\r\n", "429  "},
             Case{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "200  ", false, true},
             Case{"HTTP/1.1 100 Continue\r\nX: 0\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                  "200  ok"},
         }) {
        const auto whole = read_response({c.bytes}, c.end, c.head);
        EXPECT_EQ(whole.text, c.text) << c.bytes;
        for (std::size_t at = 0; at <= c.bytes.size(); ++at)
            EXPECT_EQ(
                read_response({c.bytes.substr(0, at), c.bytes.substr(at)}, c.end, c.head).text,
                c.text)
                << c.bytes << " at " << at;
    }
}

TEST(ResponseReaderTest, RefusesWhatIsNone) {
    std::string many = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 20; ++i) many += "X: 0123456789\r\n";
    std::string interim;
    for (int i = 0; i < 100; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    struct Case {
        std::string bytes;
        ReadState state;
    };
    for (const auto& c : {
             Case{"garbage\r\n\r\n", ReadState::bad},
             Case{"HTTP/1.1 20 OK\r\n\r\n", ReadState::bad},
             Case{"HTTP/1.1 600 No\r\nContent-Length: 0\r\n\r\n", ReadState::bad},
             Case{"HTTP/1.1 101 Switching\r\n\r\n", ReadState::bad},
             Case{"HTTP/2.0 200 OK\r\n\r\n", ReadState::bad},
             Case{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ReadState::bad},
             Case{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                  ReadState::bad},
             Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nq\r\n", ReadState::bad},
             Case{many + "\r\n", ReadState::header_too_large},
             Case{many, ReadState::header_too_large},
             Case{"HTTP/1.1 200 OK\r\nX: " + std::string(300, 'x'), ReadState::header_too_large},
             Case{"HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n", ReadState::body_too_large},
             Case{"HTTP/1.1 200 OK\r\n\r\n" + std::string(51, 'x'), ReadState::body_too_large},
             Case{interim, ReadState::bad},
         }) {
        EXPECT_EQ(read_response({c.bytes}).state, c.state) << c.bytes;
        std::vector<std::string> bytewise;
        for (const char byte : c.bytes) bytewise.emplace_back(1, byte);
        EXPECT_EQ(read_response(bytewise).state, c.state) << c.bytes;
    }
}

TEST(ResponseReaderTest, AnEndInTheMiddleIsNoAnswer) {
    for (const char* bytes : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"})
        EXPECT_EQ(read_response({bytes}, true).state, ReadState::bad) << bytes;
}

}  // namespace
}  // namespace squadload::service
