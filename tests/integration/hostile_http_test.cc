// What an HTTP server may do wrong when it answers: endings, timing, status lines, headers. All of
// it plain and over TLS.
#include <gtest/gtest.h>

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

std::vector<Expected> broken_off(const std::string& how) {
    return {{Outcome::connection_closed, "connection " + how}};
}
std::vector<Expected> timed_out(const std::string& what = "no complete response within 100ms") {
    return {{Outcome::timeout, what}};
}

// The head of a 200 with one header line more.
Reply with_line(const std::string& line) {
    return raw(kHead + line + "\r\nContent-Length: 2\r\n\r\nok");
}
Reply with_status_line(const std::string& line) {
    return raw(line + "\r\nContent-Length: 2\r\n\r\nok");
}
Reply stalling(const std::string& bytes) {
    return raw(bytes, Then::mute);
}

const std::string kMiddle = "in the middle of the response";
const std::string kOverHeaders = "the headers are over their bound (limits.header_bytes)";

std::vector<Misbehaviour> endings(bool over_tls) {
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
        const std::string end = over_tls && then == Then::drop ? " (no TLS close_notify)" : "";
        cases.push_back({how + " instead of an answer",
                         broken_off(word + "before the response" + end), answering(raw("", then))});
        for (const auto& [where, bytes] : places)
            cases.push_back(
                {how + where, broken_off(word + kMiddle + end), answering(raw(bytes, then))});
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
    // Whether all of it came, only close_notify can tell (RFC 8446 §6.1).
    cases.push_back({"until dropped",
                     over_tls ? broken_off("closed " + kMiddle + " (no TLS close_notify)") : fine(),
                     answering(raw(kHead + "\r\nall of it", Then::drop))});
    return cases;
}

std::vector<Misbehaviour> stalls() {
    const std::string head = kHead + "Content-Length: 5\r\n\r\n";
    const auto first = timed_out("no first byte within 100ms");
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

class HostileHttp : public PlainOrTlsTest {};

TEST_P(HostileHttp, Endings) {
    withstand(endings(over_tls()));
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

INSTANTIATE_TEST_SUITE_P(Loops, HostileHttp, ::testing::ValuesIn(plain_and_tls()),
                         plain_or_tls_name);

}  // namespace
}  // namespace squadload::integration
