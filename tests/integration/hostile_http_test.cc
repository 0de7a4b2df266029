// What an HTTP server may do wrong once it answers: framing, status lines, headers, timing. All of
// it plain and over TLS.
#include <gtest/gtest.h>
#include <zlib.h>

#include "integration/hostile_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using measure::Outcome;
using test_support::chunked;
using test_support::ok;
using test_support::raw;
using test_support::Reply;
using test_support::Then;

const std::string kHead = "HTTP/1.1 200 OK\r\n";
const std::string kChunkedHead = kHead + "Transfer-Encoding: chunked\r\n\r\n";

std::vector<Expected> fine() {
    return {{}};
}
std::vector<Expected> refused(const std::string& why) {
    return {{Outcome::protocol_error, why}};
}
std::vector<Expected> malformed(const std::string& why) {
    return refused("malformed response: " + why);
}
std::vector<Expected> broken_off(const std::string& how) {
    return {{Outcome::connection_closed, "connection " + how}};
}
std::vector<Expected> timed_out(const std::string& what = "no complete response within 200ms") {
    return {{Outcome::timeout, what}};
}

// The head of a 200 with one header line more, and a body of two bytes that need no length.
Reply with_line(const std::string& line) {
    return raw(kHead + line + "\r\nContent-Length: 2\r\n\r\nok");
}
Reply with_lines(const std::string& lines, const std::string& body = "ok",
                 Then then = Then::close) {
    return raw(kHead + lines + "\r\n" + body, then);
}
Reply with_status_line(const std::string& line) {
    return raw(line + "\r\nContent-Length: 2\r\n\r\nok");
}
Reply chunks(const std::string& bytes, Then then = Then::close) {
    return raw(kChunkedHead + bytes, then);
}
Reply stalling(const std::string& bytes) {
    return raw(bytes, Then::mute);
}

test_support::ServerOptions answering_all(Reply reply) {
    test_support::ServerOptions options;
    options.handler = [r = std::move(reply)](const test_support::Request&) { return r; };
    return options;
}

const std::string kMiddle = "in the middle of the response";
const std::string kOverHeaders = "the headers are over their bound (limits.header_bytes)";
const std::string kOverBody = "the body is over its bound (limits.body_bytes)";
const std::string kExcess = "bytes after the end of the response";

std::vector<Misbehaviour> endings() {
    const std::string head = kHead + "Content-Length: 5\r\n\r\n";
    std::vector<Misbehaviour> cases;
    for (const auto& [then, how, word] : {std::tuple{Then::close, "closes"s, "closed "s},
                                          {Then::drop, "drops"s, "closed "s},
                                          {Then::half_close, "half-closes"s, "closed "s},
                                          {Then::reset, "resets"s, "reset "s}}) {
        const std::pair<const char*, std::string> places[] = {
            {" in the status line", "HTTP/1.1 2"},
            {" in the headers", kHead + "Content-Le"},
            {" between head and body", head},
            {" in the body", head + "hel"},
            {" in a chunk", kChunkedHead + "5\r\nhel"},
            {" in a chunk size", kChunkedHead + "5"},
            {" before the last chunk", kChunkedHead + "2\r\nok\r\n"},
            {" in the trailers", kChunkedHead + "2\r\nok\r\n0\r\nX: y\r\n"},
            {" in the very last byte", kChunkedHead + "2\r\nok\r\n0\r\n\r"},
            {" after an interim response", "HTTP/1.1 100 Continue\r\n\r\n"},
        };
        cases.push_back({how + " instead of an answer", broken_off(word + "before the response"),
                         answering(raw("", then))});
        for (const auto& [where, bytes] : places)
            cases.push_back({how + where, broken_off(word + kMiddle), answering(raw(bytes, then))});
    }
    // Announced, so that no further request is on its way.
    const std::string last = kHead + "Connection: close\r\nContent-Length: 2\r\n\r\nok";
    cases.push_back({"closes after the last byte", fine(), answering(raw(last, Then::close))});
    cases.push_back(
        {"half-closes after the last byte", fine(), answering(raw(last, Then::half_close))});
    cases.push_back({"drops after the last byte", fine(), answering(raw(last, Then::drop))});
    cases.push_back(
        {"says close and stays open", fine(), answering(with_line("Connection: close"))});
    cases.push_back({"until close", fine(), answering(test_support::until_close("all of it"))});
    return cases;
}

std::vector<Misbehaviour> stalls() {
    const std::string head = kHead + "Content-Length: 5\r\n\r\n";
    const auto first = timed_out("no first byte within 200ms");
    return {
        {"never answers", timed_out(), answering(test_support::never()), short_total},
        {"never answers, first byte", first, answering(test_support::never()), short_first_byte},
        {"stalls in the status line", timed_out(), answering(stalling("HTTP/1.1 2")), short_total},
        {"stalls in the headers", timed_out(), answering(stalling(kHead)), short_total},
        {"stalls before the body", timed_out(), answering(stalling(head)), short_total},
        {"stalls in the body", timed_out(), answering(stalling(head + "hel")), short_total},
        {"stalls in a chunk", timed_out(), answering(stalling(kChunkedHead + "5\r\nhel")),
         short_total},
        {"stalls in the trailers", timed_out(), answering(stalling(kChunkedHead + "0\r\nX: y")),
         short_total},
        {"stalls after interim", timed_out(), answering(stalling("HTTP/1.1 100 Continue\r\n\r\n")),
         short_total},
        {"stalls in a body until close", timed_out(), answering(stalling(kHead + "\r\nall")),
         short_total},
        {"slow head", timed_out(),
         answering(test_support::dribbled(raw(kHead + "X: "s + std::string(10'000, 'x')), 10ms)),
         short_total},
        {"slow body", timed_out(),
         answering(test_support::dribbled(ok(std::string(10'000, 'x')), 10ms)), short_total},
        {"dribbles", fine(), answering(test_support::dribbled(ok(), 100us))},
        {"dribbles chunks", fine(),
         answering(test_support::dribbled(chunked({"a", "bc"}, "X: 1\r\n"), 50us))},
    };
}

std::vector<Misbehaviour> status_lines() {
    const auto bad = [](const std::string& line, const std::string& why) {
        return Misbehaviour{line, malformed(why), answering(with_status_line(line))};
    };
    return {
        {"HTTP/0.9: a body alone", malformed("Expected HTTP/"),
         answering(raw("hello", Then::close))},
        bad("HTTP/0.9 200 OK", "not HTTP/1.0 or HTTP/1.1"),
        bad("HTTP/2.0 200 OK", "not HTTP/1.0 or HTTP/1.1"),
        bad("HTTP/2 200 OK", "Expected dot"),
        bad("HTTP/1.2 200 OK", "Invalid HTTP version"),
        bad("http/1.1 200 OK", "Expected HTTP/"),
        bad("HTTP/11 200 OK", "Expected dot"),
        bad("ICY 200 OK", "Expected HTTP/"),
        bad(" HTTP/1.1 200 OK", "Expected HTTP/"),
        bad("HTTP/1.1 2000 OK", "Response overflow"),
        bad("HTTP/1.1 -200 OK", "Invalid response status"),
        bad("HTTP/1.1 20 OK", "the status is not a number of three digits"),
        bad("HTTP/1.1 099 OK", "the status is not a number of three digits"),
        bad("HTTP/1.1 2x0 OK", "Invalid response status"),
        bad("HTTP/1.1  200 OK", "the status is not a number of three digits"),
        bad("HTTP/1.1200 OK", "Expected space after version"),
        bad("HTTP/1.1 200 O\0K"s, "control character in the status line"),
        bad("HTTP/1.1 200 O\rK", "Expected LF after CR"),
        {"no reason", fine(), answering(with_status_line("HTTP/1.1 200"))},
        {"empty reason", fine(), answering(with_status_line("HTTP/1.1 200 "))},
        {"huge reason", refused(kOverHeaders),
         answering(with_status_line("HTTP/1.1 200 " + std::string(100'000, 'x')))},
        {"random bytes", malformed("Expected HTTP/"), answering(test_support::garbage(1))},
        {"an empty line forever", refused(kOverHeaders),
         answering(test_support::endless("", "\r\n"))},
        {"101", malformed("101 Switching Protocols without being asked to"),
         answering(raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                       "upgrade\r\n\r\n"))},
        {"endless interim", refused(kOverHeaders), answering(test_support::endless_interim())},
        {"interim twice, then the answer", fine(),
         answering(raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
                       ok().pieces[0].bytes))},
        {"interim with a length", fine(),
         answering(
             raw("HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n" + ok().pieces[0].bytes))},
        {"unexpected statuses",
         {{Outcome::check_failed, "status 302"}},
         answering(test_support::status(302, "", "Location: http://127.0.0.1:1/\r\n"))},
        {"status 999",
         {{Outcome::check_failed, "status 999"}},
         answering(test_support::status(999, ""))},
        {"status 500",
         {{Outcome::server_error, "status 500"}},
         answering(test_support::status(500, ""))},
        {"status 404",
         {{Outcome::client_error, "status 404"}},
         answering(test_support::status(404, ""))},
        {"status 429",
         {{Outcome::rate_limited, ""}},
         answering(test_support::status(429, "", "Retry-After: 99999999999\r\n"))},
    };
}

std::vector<Misbehaviour> header_lines() {
    const auto bad = [](const char* name, const std::string& line, const std::string& why) {
        return Misbehaviour{name, malformed(why), answering(with_line(line))};
    };
    return {
        {"endless headers", refused(kOverHeaders), answering(test_support::endless_headers())},
        {"endless header value", refused(kOverHeaders),
         answering(test_support::endless(kHead + "X: ", "x"))},
        {"endless header name", refused(kOverHeaders),
         answering(test_support::endless(kHead, "x"))},
        {"endless folding", refused(kOverHeaders),
         answering(test_support::endless(kHead + "X: a\r\n", " b\r\n"))},
        {"a header of 100 kB", refused(kOverHeaders),
         answering(with_line("X: " + std::string(100'000, 'x')))},
        bad("no colon", "X", "Invalid header token"),
        bad("no name", ": x", "a header without a name"),
        bad("space before the colon", "X : y", "Invalid header token"),
        bad("space in the name", "X Y: z", "Invalid header token"),
        bad("control character in the name", "X\x01: z", "Invalid header token"),
        bad("high byte in the name", "X\xff: z", "Invalid header token"),
        bad("NUL in the name", "X\0Y: z"s, "Invalid header token"),
        bad("NUL in a value", "X: a\0b"s, "Invalid header value char"),
        bad("bare CR in a value", "X: a\rb", "Missing expected LF after header value"),
        bad("bare LF after a value", "X: a\nY: b", "Invalid header value char"),
        bad("delete in a value", "X: a\x7f", "Invalid header value char"),
        {"folded", fine(), answering(with_line("X: a\r\n b"))},
        {"high bytes in a value", fine(), answering(with_line("X: \xff\x80"))},
        {"first line starts with a space", malformed("Unexpected space after start line"),
         answering(with_line(" X: a"))},
        {"bare CR ends the head", malformed("Expected LF after headers"),
         answering(with_lines("Content-Length: 2\r\n\rok", ""))},
    };
}

std::vector<Misbehaviour> lengths() {
    const auto bad = [](const char* name, const std::string& lines, const std::string& why) {
        return Misbehaviour{name, malformed(why), answering(with_lines(lines + "\r\n"))};
    };
    return {
        bad("length and chunks", "Content-Length: 2\r\nTransfer-Encoding: chunked",
            "Content-Length can't be present with Transfer-Encoding"),
        bad("chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 2",
            "Content-Length can't be present with Transfer-Encoding"),
        bad("two equal lengths", "Content-Length: 2\r\nContent-Length: 2",
            "Duplicate Content-Length"),
        bad("two different lengths", "Content-Length: 2\r\nContent-Length: 3",
            "Duplicate Content-Length"),
        bad("a list of lengths", "Content-Length: 2, 2", "Invalid character in Content-Length"),
        bad("length +2", "Content-Length: +2", "Invalid character in Content-Length"),
        bad("length -2", "Content-Length: -2", "Invalid character in Content-Length"),
        bad("length 0x2", "Content-Length: 0x2", "Invalid character in Content-Length"),
        bad("length 2 2", "Content-Length: 2 2", "Invalid character in Content-Length"),
        bad("length 2;", "Content-Length: 2;", "Invalid character in Content-Length"),
        bad("length 2.0", "Content-Length: 2.0", "Invalid character in Content-Length"),
        bad("no length in the header", "Content-Length:", "Empty Content-Length"),
        bad("length over 64 bits", "Content-Length: 18446744073709551618",
            "Content-Length overflow"),
        {"length with spaces around", fine(), answering(with_lines("Content-Length:   2  \r\n"))},
        {"length with zeros before", fine(),
         answering(with_lines("Content-Length: 0000000000000000000002\r\n"))},
        {"10 GB announced", refused(kOverBody),
         answering(test_support::endless_body(10'000'000'000))},
        {"length of 64 bits", refused(kOverBody),
         answering(with_lines("Content-Length: 18446744073709551615\r\n"))},
        {"endless chunks", refused(kOverBody), answering(test_support::endless_body())},
        {"endless until close", refused(kOverBody),
         answering(test_support::endless(kHead + "\r\n", "x"))},
        {"more than announced", refused(kExcess), answering(with_lines("Content-Length: 1\r\n"))},
        {"two answers to one request", refused(kExcess),
         answering(raw(ok().pieces[0].bytes + ok().pieces[0].bytes))},
        {"says close and goes on", refused(kExcess),
         answering(raw(kHead + "Connection: close\r\nContent-Length: 2\r\n\r\nokmore"))},
        {"a body with 204", refused(kExcess),
         answering(raw("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"))},
        {"a length with 204 and no body", fine(),
         answering(raw("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"))},
        {"a body with 304", refused(kExcess),
         answering(raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok"))},
        {"a body to HEAD", refused(kExcess), answering_all(ok()), with_method("HEAD"), true},
        // What comes behind the head may come later, on the idle connection or to the next request.
        {"endless to HEAD",
         {{}, refused(kExcess)[0], malformed("Expected HTTP/")[0]},
         answering_all(test_support::endless_body(1000)),
         with_method("HEAD"),
         true},
        {"a length to HEAD", fine(),
         answering_all(raw(kHead + "Content-Length: 10000000000\r\n\r\n")), with_method("HEAD")},
    };
}

std::vector<Misbehaviour> codings() {
    const auto coded = [](const std::string& coding, const std::string& body) {
        return answering(with_lines("Transfer-Encoding: " + coding + "\r\n", body));
    };
    const auto bad = [](const char* name, const std::string& bytes, const std::string& why) {
        return Misbehaviour{name, malformed(why), answering(chunks(bytes))};
    };
    const std::string good = "2\r\nok\r\n0\r\n\r\n";
    return {
        {"chunked twice, read once", fine(), coded("chunked, chunked", good)},
        {"chunked on two lines", fine(), coded("chunked\r\nTransfer-Encoding: chunked", good)},
        {"xchunked", fine(), coded("xchunked", good)},
        {"identity", fine(), coded("identity", good)},
        {"chunked, identity", fine(), coded("chunked, identity", good)},
        {"gzip, chunked", fine(), coded("gzip, chunked", good)},
        {"chunked on HTTP/1.0", fine(),
         answering(
             raw("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + good, Then::close))},
        bad("huge chunk", "FFFFFFFFFFFFFFFFF\r\nok", "Chunk size overflow"),
        {"chunk of 64 bits", refused(kOverBody),
         answering(test_support::endless(kChunkedHead + "FFFFFFFFFFFFFFFF\r\n", "x"))},
        bad("chunk of -2", "-2\r\nok\r\n0\r\n\r\n", "Invalid character in chunk size"),
        bad("chunk of +2", "+2\r\nok\r\n0\r\n\r\n", "Invalid character in chunk size"),
        bad("chunk of 0x2", "0x2\r\nok\r\n0\r\n\r\n", "Invalid character in chunk size"),
        bad("chunk with a space before", " 2\r\nok\r\n0\r\n\r\n",
            "Invalid character in chunk size"),
        bad("chunk with a space behind", "2 \r\nok\r\n0\r\n\r\n",
            "Invalid character in chunk size"),
        bad("chunk without a size", "\r\nok\r\n0\r\n\r\n", "Invalid character in chunk size"),
        bad("chunk without CRLF behind", "2\r\nok0\r\n\r\n", "Expected CRLF after chunk"),
        bad("chunk longer than its size", "2\r\nokay\r\n0\r\n\r\n", "Expected CRLF after chunk"),
        bad("chunk line with LF only", "2\nok\r\n0\r\n\r\n", "Invalid character in chunk size"),
        bad("NUL in a chunk extension", "2;\0\r\nok\r\n0\r\n\r\n"s,
            "Invalid character in chunk extensions name"),
        {"chunk extensions", fine(), answering(chunks("2;a=\"b c\";d=e\r\nok\r\n0;e\r\n\r\n"))},
        {"endless chunk extension", refused(kOverHeaders),
         answering(test_support::endless_chunk_extension())},
        {"endless chunk size", refused(kOverHeaders),
         answering(test_support::endless(kChunkedHead, "0"))},
        {"endless trailers", refused(kOverHeaders),
         answering(test_support::endless(kChunkedHead + "0\r\n", "X: y\r\n"))},
        {"chunks of one byte forever", refused(kOverBody),
         answering(test_support::endless(kChunkedHead, "1\r\nx\r\n")),
         [](engine::Plan& plan) { plan.scenario.target.limits.body_bytes = 100'000; }},
        {"a length in the trailers", fine(), answering(chunks("0\r\nContent-Length: 5\r\n\r\n"))},
        {"more after the last chunk", refused(kExcess), answering(chunks(good + "more"))},
    };
}

// Bodies are decoded when a check reads them.
void reads_body(engine::Plan& plan) {
    plan.scenario.classes[0].tasks[0].expect.body_contains = {"ok"};
    plan.scenario.target.limits.checked_body_bytes = 100'000;
}

std::string gzipped(const std::string& text) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    std::string in = text;
    stream.next_in = reinterpret_cast<unsigned char*>(in.data());
    stream.avail_in = static_cast<unsigned>(in.size());
    stream.next_out = reinterpret_cast<unsigned char*>(out.data());
    stream.avail_out = static_cast<unsigned>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::vector<Misbehaviour> contents() {
    const auto coded = [](const std::string& coding, const std::string& body) {
        return answering(test_support::status(200, body, "Content-Encoding: " + coding + "\r\n"));
    };
    const std::string good = gzipped("ok"), bomb = gzipped(std::string(20'000'000, 'x'));
    std::string wrong_sum = good, twice = gzipped(good);
    wrong_sum[wrong_sum.size() - 6] ^= 1;
    const auto not_gzip = malformed("the body is not valid gzip");
    const auto over = refused(
        "the decoded body, needed for its expectations, is over its bound "
        "(limits.checked_body_bytes)");
    return {
        {"gzip", fine(), coded("gzip", good), reads_body},
        {"gzip twice", fine(), coded("gzip, gzip", twice), reads_body},
        {"gzip that is none", not_gzip, coded("gzip", "ok"), reads_body},
        {"gzip that is none, unread", fine(), coded("gzip", "ok")},
        {"gzip cut off", malformed("the body's gzip coding is cut off"),
         coded("gzip", good.substr(0, 15)), reads_body},
        {"gzip with a wrong sum", not_gzip, coded("gzip", wrong_sum), reads_body},
        {"gzip with more behind it", not_gzip, coded("gzip", good + "ok"), reads_body},
        {"gzip bomb", over, coded("gzip", bomb), reads_body},
        {"gzip bomb in gzip", over, coded("gzip, gzip", gzipped(bomb)), reads_body},
        {"gzip bomb, unread", fine(), coded("gzip", bomb)},
        {"deflate that is gzip", malformed("the body is not valid deflate"), coded("deflate", good),
         reads_body},
        {"a thousand codings", malformed("more than 4 content codings"),
         coded(
             [] {
                 std::string list = "gzip";
                 for (int i = 1; i < 1000; ++i) list += ", gzip";
                 return list;
             }(),
             good),
         reads_body},
        {"a body too long to check",
         refused("the body, needed for its expectations, is over its bound "
                 "(limits.checked_body_bytes)"),
         answering(test_support::endless_body()), reads_body},
    };
}

class HostileHttp : public LoopTest {
  protected:
    static void withstand(const std::vector<Misbehaviour>& cases) {
        for (const Misbehaviour& c : cases) expect_withstood(c, GetParam());
    }
};

TEST_P(HostileHttp, Endings) {
    withstand(endings());
}
TEST_P(HostileHttp, Stalls) {
    withstand(stalls());
}
TEST_P(HostileHttp, StatusLines) {
    withstand(status_lines());
}
TEST_P(HostileHttp, HeaderLines) {
    withstand(header_lines());
}
TEST_P(HostileHttp, Lengths) {
    withstand(lengths());
}
TEST_P(HostileHttp, Codings) {
    withstand(codings());
}
TEST_P(HostileHttp, Contents) {
    withstand(contents());
}

INSTANTIATE_TEST_SUITE_P(Loops, HostileHttp, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
