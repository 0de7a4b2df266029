#include "load/http/content_coding.h"

#include <brotli/encode.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "load/http/expectation.h"
#include "load/http/response_parser.h"

namespace squadload::http {
namespace {

using Status = ResponseParser::Status;

std::string deflated(std::string_view text, int window_bits) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, text.size()), '\0');
    std::string in(text);
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string gzip(std::string_view text) {
    return deflated(text, 15 + 16);
}

std::string brotli(std::string_view text) {
    std::size_t size = BrotliEncoderMaxCompressedSize(text.size());
    std::string out(size, '\0');
    EXPECT_EQ(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, text.size(),
                                    reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                    reinterpret_cast<std::uint8_t*>(out.data())),
              BROTLI_TRUE);
    out.resize(size);
    return out;
}

std::string encoded(std::string_view coding, std::string_view text) {
    if (coding == "deflate") return deflated(text, 15);
    return coding == "br" ? brotli(text) : gzip(text);
}

ContentCodings codings(std::string_view field) {
    ContentCodings c;
    c.add(field);
    return c;
}

// The decoded body, or the sentence.
std::string decoded(std::string_view field, std::string_view body, std::uint64_t max = 1 << 20) {
    std::string out = "left over";
    const auto why = codings(field).decode(body, max, out);
    return why.empty() ? out : std::string(why);
}

std::string long_text() {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += fmt::format("line {} ", i * 7919 % 10'007);
    return text;  // longer than a buffer in the decoder
}

TEST(ContentCoding, EachIsUndone) {
    for (const std::string& text : {std::string("hello"), std::string(), long_text()}) {
        EXPECT_EQ(decoded("gzip", gzip(text)), text);
        EXPECT_EQ(decoded("x-gzip", gzip(text)), text);
        EXPECT_EQ(decoded("DEFLATE", deflated(text, 15)), text);
        EXPECT_EQ(decoded("deflate", deflated(text, -15)), text);  // without the zlib header
        EXPECT_EQ(decoded("br", brotli(text)), text);
    }
    EXPECT_EQ(decoded("gzip", gzip("one") + gzip("two")), "onetwo");  // members of one file
}

TEST(ContentCoding, ListsAreUndoneFromTheEnd) {
    EXPECT_EQ(decoded("br, gzip", gzip(brotli("text"))), "text");
    EXPECT_EQ(decoded(" gzip ,identity,, deflate\t, br", brotli(deflated(gzip("text"), 15))),
              "text");
    ContentCodings two;
    two.add("gzip");
    two.add("br");
    std::string out;
    EXPECT_EQ(two.decode(brotli(gzip("text")), 100, out), "");
    EXPECT_EQ(out, "text");
}

TEST(ContentCoding, NoneAndUnknown) {
    for (const std::string_view field : {"", "identity", " , Identity ,"}) {
        EXPECT_TRUE(codings(field).none()) << field;
        EXPECT_EQ(decoded(field, ""), "left over") << "nothing to undo, out untouched";
    }
    EXPECT_FALSE(codings("gzip").none());
    EXPECT_EQ(codings("zstd").unknown(), "zstd");
    EXPECT_EQ(codings("gzip, zstd, exi").unknown(), "zstd");
    EXPECT_EQ(codings("gzipx").unknown(), "gzipx");
}

TEST(ContentCoding, TooMany) {
    std::string body = "text";
    for (int i = 0; i < 4; ++i) body = gzip(body);
    EXPECT_EQ(decoded("gzip, gzip, gzip, gzip", body), "text");
    std::string field = "gzip";
    for (int i = 0; i < 1000; ++i) field += ", gzip";
    EXPECT_EQ(decoded(field, gzip(body)), "malformed response: more than 4 content codings");
}

TEST(ContentCoding, CutOffAnywhere) {
    for (const std::string coding : {"gzip", "deflate", "br"}) {
        const std::string body = encoded(coding, "some text, some more text, some text");
        for (std::size_t size = 1; size < body.size(); ++size) {
            EXPECT_EQ(decoded(coding, body.substr(0, size)),
                      fmt::format("malformed response: the body's {} coding is cut off", coding))
                << size;
        }
    }
}

TEST(ContentCoding, Malformed) {
    for (const std::string coding : {"gzip", "br"}) {
        const auto sentence = fmt::format("malformed response: the body is not valid {}", coding);
        EXPECT_EQ(decoded(coding, "{\"plain\": \"text, not coded at all\"}"), sentence);
        EXPECT_EQ(decoded(coding, encoded(coding, "text") + "more"), sentence);
    }
    const std::string_view not_deflate = "malformed response: the body is not valid deflate";
    EXPECT_EQ(decoded("deflate", "\xff\xff\xff"), not_deflate);
    EXPECT_EQ(decoded("deflate", deflated("text", 15) + "x"), not_deflate);
    std::string wrong_sum = gzip("text");
    wrong_sum[wrong_sum.size() - 6] ^= 1;
    EXPECT_EQ(decoded("gzip", wrong_sum), "malformed response: the body is not valid gzip");
    EXPECT_EQ(decoded("gzip", gzip("text")), "text");  // the context recovers
}

TEST(ContentCoding, BombsAreBounded) {
    const std::string_view too_long =
        "the decoded body, needed for its expectations, is over its bound "
        "(limits.checked_body_bytes)";
    const std::string text(1'000'000, 'x');
    for (const std::string coding : {"gzip", "deflate", "br"}) {
        const std::string body = encoded(coding, text);
        EXPECT_LT(body.size(), 10'000U);
        EXPECT_EQ(decoded(coding, body, text.size()), text);
        EXPECT_EQ(decoded(coding, body, text.size() - 1), too_long);
        EXPECT_EQ(decoded(coding, body, 0), too_long);
    }
    // In between, too.
    EXPECT_EQ(decoded("gzip, br", brotli(text), 1000), too_long);
}

TEST(ContentCoding, MemoryIsReused) {
    const std::string body = gzip(long_text());
    std::string out;
    ASSERT_EQ(codings("gzip").decode(body, 1 << 20, out), "");
    const char* where = out.data();
    ASSERT_EQ(codings("gzip").decode(body, 1 << 20, out), "");
    EXPECT_EQ(out.data(), where);
}

std::string coded_response(std::string_view headers, std::string_view body) {
    return fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}", headers, body.size(),
                       body);
}

Status fed(ResponseParser& parser, std::string_view bytes, std::size_t piece,
           const ParserLimits& limits = {}) {
    parser.start(false, false, true, limits);
    auto status = Status::need_more;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        status = parser.feed(std::string(bytes.substr(at, piece)));
    return status;
}

TEST(CodedResponse, BodyIsDecodedHoweverItIsCut) {
    const std::string body = gzip("a body, a body, a body");
    const std::string chunk = brotli("in chunks");
    ResponseParser parser;
    for (std::size_t piece = 1; piece <= 200; ++piece) {
        ASSERT_EQ(fed(parser, coded_response("Content-Encoding: gzip\r\n", body), piece),
                  Status::complete);
        EXPECT_EQ(parser.body(), "a body, a body, a body");
        EXPECT_EQ(parser.body_bytes(), body.size());
        EXPECT_TRUE(parser.keep_alive());
        EXPECT_EQ(parser.unknown_coding(), "");
        const auto chunked = fmt::format(
            "HTTP/1.1 200 OK\r\ncontent-encoding: br\r\nTransfer-Encoding: chunked\r\n\r\n"
            "1\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            chunk.substr(0, 1), chunk.size() - 1, chunk.substr(1));
        ASSERT_EQ(fed(parser, chunked, piece), Status::complete);
        EXPECT_EQ(parser.body(), "in chunks");
    }
}

TEST(CodedResponse, EndOfInputEndsIt) {
    ResponseParser parser;
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    ASSERT_EQ(fed(parser, head + gzip("text"), 1000), Status::need_more);
    ASSERT_EQ(parser.finish(), Status::complete);
    EXPECT_EQ(parser.body(), "text");
    ASSERT_EQ(fed(parser, head + gzip("text").substr(0, 12), 1000), Status::need_more);
    ASSERT_EQ(parser.finish(), Status::failed);
    EXPECT_EQ(parser.error(), "malformed response: the body's gzip coding is cut off");
    EXPECT_FALSE(parser.truncated());
}

TEST(CodedResponse, FailuresAreTheParsers) {
    ResponseParser parser;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{10'000}}) {
        EXPECT_EQ(fed(parser, coded_response("Content-Encoding: gzip\r\n", "plain"), piece),
                  Status::failed);
        EXPECT_EQ(parser.error(), "malformed response: the body is not valid gzip");
        const std::string bomb =
            coded_response("Content-Encoding: gzip\r\n", gzip(std::string(100'000, 'x')));
        EXPECT_EQ(fed(parser, bomb, piece, {.kept_body_bytes = 99'999}), Status::failed);
        EXPECT_EQ(parser.error(),
                  "the decoded body, needed for its expectations, is over its bound "
                  "(limits.checked_body_bytes)");
        EXPECT_EQ(fed(parser, bomb, piece, {.kept_body_bytes = 100'000}), Status::complete);
        EXPECT_EQ(parser.body().size(), 100'000U);
    }
}

TEST(CodedResponse, NothingIsDecodedWhenNothingIsAsked) {
    const auto status_of = [](bool head, std::string_view bytes) {
        ResponseParser parser;
        parser.start(head, true, head, {});
        return parser.feed(bytes);
    };
    EXPECT_EQ(status_of(false, coded_response("Content-Encoding: gzip\r\n", "plain")),
              Status::complete);
    EXPECT_EQ(status_of(true, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
              Status::complete);
    ResponseParser parser;
    EXPECT_EQ(fed(parser, coded_response("Content-Encoding: gzip\r\n", ""), 1000),
              Status::complete);
    EXPECT_EQ(parser.body(), "");
    // The next exchange knows nothing of the last one.
    EXPECT_EQ(fed(parser, coded_response("Content-Encoding: gzip\r\n", gzip("x")), 9),
              Status::complete);
    EXPECT_EQ(fed(parser, coded_response("", "plain"), 9), Status::complete);
    EXPECT_EQ(parser.body(), "plain");
}

TEST(CodedResponse, AnInterimResponseSaysNothingAboutTheBody) {
    ResponseParser parser;
    const std::string early = "HTTP/1.1 103 Early Hints\r\nContent-Encoding: gzip\r\n\r\n";
    EXPECT_EQ(fed(parser, early + coded_response("", "plain"), 1), Status::complete);
    EXPECT_EQ(parser.body(), "plain");
}

TEST(CodedResponse, ExpectationsReadTheDecodedBody) {
    ResponseParser parser;
    scenario::Expectation expect;
    expect.json.push_back({"/text", "\"hi\""});
    expect.body_contains = {"hi"};
    ASSERT_EQ(
        fed(parser, coded_response("Content-Encoding: br\r\n", brotli(R"({"text": "hi"})")), 100),
        Status::complete);
    EXPECT_EQ(unmet_expectation(expect, parser, Nanos{1}), "");
}

TEST(CodedResponse, AnUnknownCodingIsSaidWhereTheBodyIsNeeded) {
    ResponseParser parser;
    ASSERT_EQ(fed(parser, coded_response("Content-Encoding: gzip, zstd\r\n", "(\xb5/\xfd"), 3),
              Status::complete);
    EXPECT_EQ(parser.unknown_coding(), "zstd");
    EXPECT_EQ(parser.body(), "(\xb5/\xfd");
    EXPECT_EQ(unmet_expectation({}, parser, Nanos{1}), "");
    const std::string_view sentence =
        "body has content coding \"zstd\", which cannot be decoded; set Accept-Encoding to some of "
        "gzip, deflate and br";
    scenario::Expectation contains, json;
    contains.body_contains = {"x"};
    json.json.push_back({"/a", {}});
    EXPECT_EQ(unmet_expectation(contains, parser, Nanos{1}), sentence);
    EXPECT_EQ(unmet_expectation(json, parser, Nanos{1}), sentence);
}

}  // namespace
}  // namespace squadload::http
