// What a server may do wrong with its connections: at accept, between exchanges, out of turn.
// Plain; what can be told apart over TLS is in hostile_tls_test.cc.
#include <gtest/gtest.h>

#include "integration/hostile_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using measure::Outcome;
using test_support::OnAccept;
using test_support::raw;
using test_support::Reply;
using test_support::Request;
using test_support::ServerOptions;
using test_support::Then;

const Expected kClosed{Outcome::connection_closed, "connection closed before the response"};
const Expected kReset{Outcome::connection_closed, "connection reset before the response"};
const Expected kUnsent{Outcome::connection_closed, "connection closed while the request was sent"};
const Expected kTooMuch{Outcome::protocol_error, "bytes after the end of the response"};
const Expected kNoHttp{Outcome::protocol_error, "malformed response: Expected HTTP/"};

ServerOptions at_accept(OnAccept what) {
    ServerOptions options;
    options.on_accept = [what](std::uint64_t connection) {
        return connection < kMisbehaved ? what : OnAccept::serve;
    };
    return options;
}

// A good answer, then more bytes after a while.
ServerOptions later(const std::string& bytes) {
    Reply reply = test_support::ok();
    reply.pieces.push_back({bytes, 2ms});
    return answering(reply);
}

// The second request on each connection is met with `what` instead of an answer.
ServerOptions at_second_request(Then what) {
    ServerOptions options;
    options.handler = [what](const Request& request) {
        return request.on_connection == 1 ? raw("", what) : test_support::ok();
    };
    return options;
}

std::vector<Misbehaviour> connections() {
    const std::string ok = test_support::ok().pieces[0].bytes;
    const Reply too_large = test_support::status(413, "too large", "Connection: close\r\n");
    const Expected told{Outcome::client_error, "status 413"};
    Reply dropped = too_large, half_closed = too_large;
    dropped.then = Then::reset;
    half_closed.then = Then::half_close;
    return {
        {"closes at accept", {kClosed, kReset, kUnsent}, at_accept(OnAccept::close)},
        {"never reads",
         {{Outcome::timeout, "no complete response within 100ms"}},
         at_accept(OnAccept::ignore),
         short_total},
        {"never reads a large request",
         {{Outcome::timeout, "no complete response within 100ms"}},
         at_accept(OnAccept::ignore),
         [](engine::Plan& plan) {
             with_large_body(plan);
             short_total(plan);
         },
         false},
        {"closes after half a request",
         {kClosed, kReset, kUnsent},
         unasked(test_support::closed(), 1)},
        {"resets after half a request", {kReset, kUnsent}, unasked(test_support::reset(), 10)},
        {"resets in a large request",
         {kReset, kUnsent},
         unasked(test_support::reset(), 1'000'000),
         with_large_body},
        {"refuses a large request and reads on",
         {told},
         unasked(half_closed, 100'000),
         with_large_body},
        {"refuses a large request and resets",
         {told,
          kReset,
          kUnsent,
          {Outcome::connection_closed, "connection reset in the middle of the response"}},
         unasked(dropped, 100'000),
         with_large_body},
        {"answers before it is asked, then closes",
         {{}, kClosed, kReset, kUnsent},
         unasked(raw(ok, Then::close))},
        // Bytes out of turn: an idle connection is given up, a busy one fails.
        {"greets like an SSH server",
         {kNoHttp},
         unasked(raw("SSH-2.0-OpenSSH_9.2\r\n", Then::mute))},
        {"bytes between exchanges", {{}, kNoHttp, kTooMuch}, later("junk\r\n"), one_at_a_time},
        {"a second answer between exchanges", {{}, kTooMuch}, later(ok), one_at_a_time},
        {"an interim response between exchanges",
         {{}, kTooMuch},
         later("HTTP/1.1 100 Continue\r\n\r\n"),
         one_at_a_time},
        {"endless bytes between exchanges",
         {{}, kTooMuch, kNoHttp},
         answering(test_support::endless(ok, "junk")),
         one_at_a_time},
        {"closes as the next request comes",
         {{}, kClosed},
         at_second_request(Then::close),
         one_at_a_time},
        {"half-closes as the next request comes",
         {{}, kClosed},
         at_second_request(Then::half_close),
         one_at_a_time},
        {"resets as the next request comes",
         {{}, kReset},
         at_second_request(Then::reset),
         one_at_a_time},
        {"closes idle connections",
         {{}, kClosed, kReset, kUnsent},
         answering(test_support::closed_when_idle(test_support::ok(), 1us)),
         one_at_a_time},
    };
}

class HostileConnections : public LoopTest {};

TEST_P(HostileConnections, AreWithstood) {
    for (const Misbehaviour& c : connections()) expect_withstood(c, GetParam());
}

TEST_P(HostileConnections, ResetAtAccept) {
    // It may be there before the loop has seen that the connect went through.
    const std::vector<Expected> any{
        kReset,
        kUnsent,
        {Outcome::connect_error, "connect to 127.0.0.1:PORT: Connection reset by peer"}};
    expect_withstood({"resets at accept", any, at_accept(OnAccept::reset)}, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Loops, HostileConnections, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
