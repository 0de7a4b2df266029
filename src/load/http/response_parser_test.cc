#include "load/http/response_parser.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <ostream>

#include "base/random.h"

namespace squadload::http {
namespace {

using Status = ResponseParser::Status;

// Everything a parser says about one exchange.
struct Seen {
    Status status = Status::need_more;
    int code = 0;
    bool keep_alive = false;
    bool truncated = false;
    std::uint64_t body_bytes = 0;
    std::size_t excess = 0;
    std::string body;
    std::string x;  // header "X", "-" when absent
    std::string error;
    friend bool operator==(const Seen&, const Seen&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Seen& s) {
        return out << "status " << static_cast<int>(s.status) << " code " << s.code
                   << " keep_alive " << s.keep_alive << " truncated " << s.truncated << " body "
                   << s.body_bytes << " \"" << s.body << "\" excess " << s.excess << " X \"" << s.x
                   << "\" error \"" << s.error << '"';
    }
};

struct Exchange {
    bool head_request = false;
    bool then_closed = false;
    ParserLimits limits{};
};

Seen seen(const ResponseParser& parser, Status status) {
    Seen s{status,
           parser.status_code(),
           parser.keep_alive(),
           parser.truncated(),
           parser.body_bytes(),
           parser.excess_bytes(),
           std::string(parser.body()),
           "-",
           parser.error()};
    if (parser.has_header("x")) s.x = parser.header("x");
    return s;
}

// Feeds `text` in pieces; `next_piece` says how long the next one is at most.
Seen parse(ResponseParser& parser, const Exchange& exchange, std::string_view text,
           const std::function<std::size_t()>& next_piece) {
    parser.start(exchange.head_request, true, true, exchange.limits);
    Status status = Status::need_more;
    while (!text.empty()) {
        const std::string piece(
            text.substr(0, next_piece()));  // own storage: reading past its end is seen by ASan
        text.remove_prefix(piece.size());
        status = parser.feed(piece);
    }
    if (exchange.then_closed) status = parser.finish();
    return seen(parser, status);
}

// Parses `text` whole, cut in two everywhere, and byte by byte, with one parser; all must agree.
Seen parse_every_way(const Exchange& exchange, std::string_view text) {
    ResponseParser parser;
    const Seen whole = parse(parser, exchange, text, [&] { return text.size(); });
    EXPECT_EQ(parse(parser, exchange, text, [] { return 1U; }), whole) << "byte by byte";
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        std::size_t piece = 0;
        const auto two = [&] { return piece++ == 0 ? cut : text.size(); };
        EXPECT_EQ(parse(parser, exchange, text, two), whole) << "cut at " << cut;
    }
    return whole;
}

Seen complete(int code, std::string body, bool keep_alive = true, std::string x = "-") {
    Seen s{Status::complete, code, keep_alive, false, body.size(), 0, body, std::move(x), ""};
    return s;
}

struct Good {
    const char* name;
    std::string_view text;
    Seen expected;
    bool head_request = false;
    bool then_closed = false;
};

class GoodResponse : public testing::TestWithParam<Good> {};

TEST_P(GoodResponse, IsReadTheSameHoweverItIsCut) {
    const Good& good = GetParam();
    EXPECT_EQ(parse_every_way({good.head_request, good.then_closed}, good.text), good.expected);
}

TEST_P(GoodResponse, CutShortIsNeverComplete) {
    const Good& good = GetParam();
    const std::size_t size = good.text.size() - good.expected.excess;
    ResponseParser parser;
    for (std::size_t kept = 0; kept < size; ++kept) {
        const std::string_view text = good.text.substr(0, kept);
        const bool in_open_body =
            good.then_closed && text.find("\r\n\r\n") != std::string_view::npos;
        const Seen s = parse(parser, {good.head_request, true}, text, [] { return 7U; });
        EXPECT_EQ(s.status, in_open_body ? Status::complete : Status::failed) << "after " << kept;
        EXPECT_EQ(s.truncated, !in_open_body) << "after " << kept;
        EXPECT_EQ(s.error.substr(0, 13), in_open_body ? "" : "closed before") << "after " << kept;
        EXPECT_FALSE(s.keep_alive);
    }
}

using namespace std::string_view_literals;

Seen with_excess(Seen s, std::size_t excess) {
    s.excess = excess;
    return s;
}

Seen without_body(Seen s) {
    s.body.clear();
    s.body_bytes = 0;
    return s;
}

const Good kGood[] = {
    {"length", "HTTP/1.1 200 OK\r\nX: a\r\nContent-Length: 5\r\n\r\nhello"sv,
     complete(200, "hello", true, "a")},
    {"length_zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"sv, complete(200, "")},
    {"no_reason", "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\n!"sv, complete(404, "!")},
    {"empty_reason", "HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\n!"sv, complete(404, "!")},
    {"connection_close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n!"sv,
     complete(200, "!", false)},
    {"http_1_0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n!"sv, complete(200, "!", false)},
    {"http_1_0_keep_alive",
     "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n!"sv,
     complete(200, "!")},
    {"chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"sv,
     complete(200, "hello world")},
    {"chunked_hex",
     "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n00A\r\n0123456789\r\n0\r\n\r\n"sv,
     complete(200, "0123456789")},
    {"chunked_empty", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv,
     complete(200, "")},
    {"chunk_extension",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;a;b=\"c d\";e=f\r\nabc\r\n0;end\r\n\r\n"sv,
     complete(200, "abc")},
    {"trailers",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n"
     "3\r\nabc\r\n0\r\nX: 2\r\nY: 3\r\n\r\n"sv,
     complete(200, "abc", true, "1")},
    {"trailer_only",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 2\r\n\r\n"sv,
     complete(200, "abc")},
    {"until_close", "HTTP/1.1 200 OK\r\n\r\nto the end"sv, complete(200, "to the end", false),
     false, true},
    {"until_close_empty", "HTTP/1.1 200 OK\r\n\r\n"sv, complete(200, "", false), false, true},
    {"other_coding_until_close", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzipped"sv,
     complete(200, "zipped", false), false, true},
    {"head", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"sv, complete(200, ""), true},
    {"head_chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"sv, complete(200, ""),
     true},
    {"head_without_length", "HTTP/1.1 200 OK\r\n\r\n"sv, complete(200, ""), true},
    {"no_content", "HTTP/1.1 204 No Content\r\n\r\n"sv, complete(204, "")},
    {"no_content_with_length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"sv,
     complete(204, "")},
    {"not_modified_with_length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"sv,
     complete(304, "")},
    {"not_modified_chunked", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
     complete(304, "")},
    {"interim",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: early\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"sv,
     complete(200, "ok")},
    {"interim_close_and_length",
     "HTTP/1.1 102 Processing\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"sv,
     complete(200, "ok")},
    {"excess", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"sv,
     with_excess(complete(200, "ok"), 4)},
    {"pipelined",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"sv,
     with_excess(complete(200, "ok"), 38)},
    {"excess_after_chunks",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n!"sv,
     with_excess(complete(200, "a"), 1)},
    {"body_after_head", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"sv,
     without_body(with_excess(complete(200, ""), 2)), true},
    {"body_after_no_content", "HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok"sv,
     with_excess(complete(204, ""), 2)},
    {"space_around_value", "HTTP/1.1 200 OK\r\nX: \t a b \t\r\nContent-Length: 0\r\n\r\n"sv,
     complete(200, "", true, "a b")},
    {"empty_value", "HTTP/1.1 200 OK\r\nX:\r\nY: 1\r\nContent-Length: 0\r\n\r\n"sv,
     complete(200, "", true, "")},
    {"blank_value", "HTTP/1.1 200 OK\r\nX:   \r\nY: 1\r\nContent-Length: 0\r\n\r\n"sv,
     complete(200, "", true, "")},
    {"high_bytes", "HTTP/1.1 200 \xc3\xa9t\xc3\xa9\r\nX: \xff\x80\r\nContent-Length: 0\r\n\r\n"sv,
     complete(200, "", true, "\xff\x80")},
    {"zero_bytes_in_body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b"sv,
     complete(200, std::string("a\0b", 3))},
    {"upgrade_offered",
     "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok"sv,
     complete(200, "ok")},
    {"unknown_status", "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"sv, complete(799, "")},
    {"folded", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"sv,
     complete(200, "", true, "a b")},
    {"bare_lf_status_line", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"sv, complete(200, "")},
    {"bare_lf_end", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\nx"sv,
     with_excess(complete(200, ""), 1)},
    {"empty_line_first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"sv, complete(200, "")},
};

std::string name_of(const testing::TestParamInfo<Good>& info) {
    return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(All, GoodResponse, testing::ValuesIn(kGood), name_of);

struct Bad {
    const char* name;
    std::string_view text;
    int code;  // what status_code() says
};

class BadResponse : public testing::TestWithParam<Bad> {};

TEST_P(BadResponse, FailsTheSameHoweverItIsCut) {
    const Seen s = parse_every_way({}, GetParam().text);
    EXPECT_EQ(s.status, Status::failed) << s;
    EXPECT_FALSE(s.truncated);
    EXPECT_FALSE(s.keep_alive);
    EXPECT_EQ(s.code, GetParam().code);
    EXPECT_EQ(s.error.substr(0, 20), "malformed response: ") << s.error;
    EXPECT_LT(s.error.size(), 120U);
}

const Bad kBad[] = {
    {"garbage", "\x16\x03\x01\x02garbage"sv, 0},
    {"http_0_9_page", "<html>hello</html>"sv, 0},
    {"http_0_9", "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n"sv, 0},
    {"http_2_0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"sv, 0},
    {"http_1_2", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"sv, 0},
    {"http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv, 0},
    {"http_2_settings", "\0\0\0\x04\0\0\0\0\0"sv, 0},
    {"request", "GET / HTTP/1.1\r\n\r\n"sv, 0},
    {"lower_case_protocol", "http/1.1 200 OK\r\n\r\n"sv, 0},
    {"status_short", "HTTP/1.1 20 OK\r\n\r\n"sv, 0},
    {"status_long", "HTTP/1.1 2000 OK\r\n\r\n"sv, 0},
    {"status_zero", "HTTP/1.1 000 OK\r\n\r\n"sv, 0},
    {"status_not_a_number", "HTTP/1.1 2x0 OK\r\n\r\n"sv, 0},
    {"status_missing", "HTTP/1.1 \r\n\r\n"sv, 0},
    {"switching_protocols",
     "HTTP/1.1 101 Switching\r\nUpgrade: ws\r\nConnection: Upgrade\r\n\r\n"sv, 0},
    {"bare_lf_header", "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n"sv, 200},
    {"bare_cr_header", "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"sv, 200},
    {"zero_in_status_line", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"sv, 0},
    {"zero_in_name", "HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 0\r\n\r\n"sv, 200},
    {"zero_in_value", "HTTP/1.1 200 OK\r\nX: a\0\r\nContent-Length: 0\r\n\r\n"sv, 200},
    {"control_in_value", "HTTP/1.1 200 OK\r\nX: a\x01\r\nContent-Length: 0\r\n\r\n"sv, 200},
    {"no_colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"sv, 200},
    {"empty_name", "HTTP/1.1 200 OK\r\n: a\r\n\r\n"sv, 200},
    {"space_in_name", "HTTP/1.1 200 OK\r\nX Y: a\r\n\r\n"sv, 200},
    {"space_before_first_header", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n"sv, 200},
    {"length_negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"sv, 200},
    {"length_plus", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na"sv, 200},
    {"length_hex", "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na"sv, 200},
    {"length_empty", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\na"sv, 200},
    {"length_overflow", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\na"sv, 200},
    {"length_list", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na"sv, 200},
    {"length_spaced", "HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\na"sv, 200},
    {"lengths_differ", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"sv,
     200},
    {"lengths_equal", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"sv, 200},
    {"length_and_chunked",
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"sv, 200},
    {"chunked_and_length",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"sv, 200},
    {"chunk_size_missing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n"sv, 200},
    {"chunk_size_not_hex", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"sv, 200},
    {"chunk_size_negative", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"sv, 200},
    {"chunk_size_overflow",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n"sv, 200},
    {"chunk_too_long",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"sv, 200},
    {"chunk_bare_lf", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"sv,
     200},
    {"chunk_data_bare_lf",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n"sv, 200},
    {"interim_then_garbage", "HTTP/1.1 100 Continue\r\n\r\ngarbage"sv, 0},
};

std::string name_of_bad(const testing::TestParamInfo<Bad>& info) {
    return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(All, BadResponse, testing::ValuesIn(kBad), name_of_bad);

}  // namespace
}  // namespace squadload::http
