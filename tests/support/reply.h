// What the scripted test server answers: well-behaved replies, and every bad one a target may give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace squadload::test_support {

// How bytes go over TLS; without TLS they are just written.
enum class As : std::uint8_t {
    data,     // application data
    beneath,  // on the wire as they are, not encrypted
    // One record each, however long or empty. They need TlsServerOptions::own_records.
    one_record,  // application data
    bad_mac,     // application data that fails its authentication
    alert,
    handshake,
    change_cipher_spec,
    unknown_type,
};

struct Piece {
    std::string bytes;
    Nanos
        delay{};  // since the request was received (first piece) or since the piece before was due
    As as = As::data;
};

// What happens to the connection.
enum class Then : std::uint8_t {
    keep_open,
    close,       // over TLS with close_notify first
    drop,        // closed without close_notify
    half_close,  // FIN, over TLS close_notify first; what the client sends is still read
    reset,
    mute,  // open, but nothing is read or written any more until the client goes away
};

struct Reply {
    using Then = test_support::Then;

    std::vector<Piece> pieces;
    std::string repeated;  // written after the pieces, over and over, until the client goes away
    As repeated_as = As::data;
    Then then = Then::keep_open;
    Nanos idle{};  // `then` happens after this long without a further request; 0: at once
};

[[nodiscard]] Reply raw(std::string bytes, Reply::Then then = Reply::Then::keep_open);
[[nodiscard]] Reply status(int code, std::string_view body,
                           std::string_view headers = "");  // "X: 1\r\n"
[[nodiscard]] Reply ok(std::string_view body = "ok");
[[nodiscard]] Reply chunked(const std::vector<std::string>& chunks, std::string_view trailers = "");
[[nodiscard]] Reply until_close(std::string_view body);  // neither length nor chunks

[[nodiscard]] Reply delayed(Reply reply, Nanos delay);          // the first piece
[[nodiscard]] Reply dribbled(Reply reply, Nanos gap);           // one byte at a time
[[nodiscard]] Reply closed_when_idle(Reply reply, Nanos idle);  // a short keep-alive timeout

[[nodiscard]] Reply never();   // the request is read, no answer ever comes
[[nodiscard]] Reply closed();  // FIN instead of an answer
[[nodiscard]] Reply reset();   // RST instead of an answer
[[nodiscard]] Reply one_of(As as, std::string bytes, Reply then);  // a piece, then that reply
[[nodiscard]] Reply endless(std::string start, std::string_view repeated, As as = As::data);
[[nodiscard]] Reply garbage(std::uint64_t seed, std::size_t size = 1000);
[[nodiscard]] Reply endless_headers();
[[nodiscard]] Reply endless_interim();  // 100 Continue without end
[[nodiscard]] Reply endless_chunk_extension();
[[nodiscard]] Reply endless_body(std::uint64_t announced = 0);  // Content-Length, 0: chunked
[[nodiscard]] Reply wrong_length(std::size_t announced,
                                 std::size_t sent);  // stays open: stalls or sends too much
[[nodiscard]] Reply short_body(std::size_t announced, std::size_t sent);  // then closes

}  // namespace squadload::test_support
