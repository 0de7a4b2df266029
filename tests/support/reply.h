// What the scripted test server answers: well-behaved replies, and every bad one a target may give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace squadload::test_support {

struct Piece {
    std::string bytes;
    Nanos
        delay{};  // since the request was received (first piece) or since the piece before was due
};

struct Reply {
    enum class Then { keep_open, close, reset };

    std::vector<Piece> pieces;
    std::string repeated;  // written after the pieces, over and over, until the client goes away
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
[[nodiscard]] Reply garbage(std::uint64_t seed, std::size_t size = 1000);
[[nodiscard]] Reply endless_headers();
[[nodiscard]] Reply endless_interim();  // 100 Continue without end
[[nodiscard]] Reply endless_chunk_extension();
[[nodiscard]] Reply endless_body(std::uint64_t announced = 0);  // Content-Length, 0: chunked
[[nodiscard]] Reply wrong_length(std::size_t announced,
                                 std::size_t sent);  // stays open: stalls or sends too much
[[nodiscard]] Reply short_body(std::size_t announced, std::size_t sent);  // then closes

}  // namespace squadload::test_support
