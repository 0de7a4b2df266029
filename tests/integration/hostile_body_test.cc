// What an HTTP server may do wrong with the body of its answer: lengths, chunks, content codings.
// All of it plain and over TLS.
#include <gtest/gtest.h>
#include <zlib.h>

#include "integration/hostile_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test_support::ok;
using test_support::raw;
using test_support::Reply;
using test_support::Then;

const std::string kStart = "HTTP/1.1 200 OK\r\n";
// Where the server closes after a whole answer it says so: no further request is on its way.
const std::string kChunkedStart =
    kStart + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kOverBody = "the body is over its bound (limits.body_bytes)";
const std::string kOverFraming = "the headers are over their bound (limits.header_bytes)";
const std::string kExcess = "bytes after the end of the response";

Reply with_lines(const std::string& lines, const std::string& body = "ok",
                 Then then = Then::keep_open) {
    return raw(kStart + lines + "\r\n" + body, then);
}
Reply chunks(const std::string& bytes) {
    return raw(kChunkedStart + bytes, Then::close);
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
         answering(test_support::endless(kStart + "\r\n", "x"))},
        {"more than announced", refused(kExcess), answering(with_lines("Content-Length: 1\r\n"))},
        {"two answers to one request", refused(kExcess),
         answering(raw(ok().pieces[0].bytes + ok().pieces[0].bytes))},
        {"says close and goes on", refused(kExcess),
         answering(raw(kStart + "Connection: close\r\nContent-Length: 2\r\n\r\nokmore"))},
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
         answering_all(raw(kStart + "Content-Length: 10000000000\r\n\r\n")), with_method("HEAD")},
    };
}

std::vector<Misbehaviour> codings() {
    const auto coded = [](const std::string& coding, const std::string& body) {
        return answering(with_lines("Connection: close\r\nTransfer-Encoding: " + coding + "\r\n",
                                    body, Then::close));
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
         answering(test_support::endless(kChunkedStart + "FFFFFFFFFFFFFFFF\r\n", "x"))},
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
        {"endless chunk extension", refused(kOverFraming),
         answering(test_support::endless_chunk_extension())},
        {"endless chunk size", refused(kOverFraming),
         answering(test_support::endless(kChunkedStart, "0"))},
        {"endless trailers", refused(kOverFraming),
         answering(test_support::endless(kChunkedStart + "0\r\n", "X: y\r\n"))},
        {"chunks of one byte forever", refused(kOverBody),
         answering(test_support::endless(kChunkedStart, "1\r\nx\r\n")),
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

class HostileBody : public PlainOrTlsTest {};

TEST_P(HostileBody, Lengths) {
    withstand(lengths());
}
TEST_P(HostileBody, Codings) {
    withstand(codings());
}
TEST_P(HostileBody, Contents) {
    withstand(contents());
}

INSTANTIATE_TEST_SUITE_P(Loops, HostileBody, ::testing::ValuesIn(plain_and_tls()),
                         plain_or_tls_name);

}  // namespace
}  // namespace squadload::integration
