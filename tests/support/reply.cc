#include "support/reply.h"

#include <fmt/format.h>

#include <utility>

#include "base/random.h"

namespace squadload::test_support {
namespace {

constexpr std::size_t kBlockSize = 64 * 1024;

std::string with_length(std::size_t announced, std::size_t sent) {
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", announced,
                       std::string(sent, 'x'));
}

std::string repeat(std::string_view text) {
    std::string block;
    while (block.size() < kBlockSize) block += text;
    return block;
}

}  // namespace

Reply raw(std::string bytes, Reply::Then then) {
    Reply reply;
    reply.pieces.push_back({std::move(bytes), {}, As::data});
    reply.then = then;
    return reply;
}

Reply status(int code, std::string_view body, std::string_view headers) {
    return raw(fmt::format("HTTP/1.1 {} Status\r\n{}Content-Length: {}\r\n\r\n{}", code, headers,
                           body.size(), body));
}

Reply ok(std::string_view body) {
    return status(200, body);
}

Reply chunked(const std::vector<std::string>& chunks, std::string_view trailers) {
    Reply reply = raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const std::string& chunk : chunks) {
        reply.pieces.push_back({fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk), {}, As::data});
    }
    reply.pieces.push_back({fmt::format("0\r\n{}\r\n", trailers), {}, As::data});
    return reply;
}

Reply until_close(std::string_view body) {
    return raw(fmt::format("HTTP/1.1 200 OK\r\n\r\n{}", body), Reply::Then::close);
}

Reply delayed(Reply reply, Nanos delay) {
    if (reply.pieces.empty()) reply.pieces.emplace_back();
    reply.pieces.front().delay = delay;
    return reply;
}

Reply dribbled(Reply reply, Nanos gap) {
    std::vector<Piece> bytes;
    for (const Piece& piece : reply.pieces) {
        for (const char c : piece.bytes) bytes.push_back({std::string(1, c), gap, piece.as});
    }
    reply.pieces = std::move(bytes);
    return reply;
}

Reply closed_when_idle(Reply reply, Nanos idle) {
    reply.then = Reply::Then::close;
    reply.idle = idle;
    return reply;
}

Reply never() {
    return delayed(Reply{}, std::chrono::hours{24});
}

Reply closed() {
    return raw("", Reply::Then::close);
}

Reply reset() {
    return raw("", Reply::Then::reset);
}

Reply one_of(As as, std::string bytes, Reply then) {
    then.pieces.insert(then.pieces.begin(), {std::move(bytes), {}, as});
    return then;
}

Reply endless(std::string start, std::string_view repeated, As as) {
    Reply reply = raw(std::move(start));
    const bool in_blocks = as == As::data || as == As::beneath;
    reply.repeated = in_blocks ? repeat(repeated) : std::string(repeated);
    reply.repeated_as = as;
    return reply;
}

Reply garbage(std::uint64_t seed, std::size_t size) {
    Random random(seed, RandomStream::test, 0);
    std::string bytes;
    while (bytes.size() < size) bytes += static_cast<char>(random.below(256));
    return raw(std::move(bytes));
}

Reply endless_headers() {
    return endless("HTTP/1.1 200 OK\r\n", "X-Header: a value like any other\r\n");
}

Reply endless_interim() {
    return endless("", "HTTP/1.1 100 Continue\r\n\r\n");
}

Reply endless_chunk_extension() {
    return endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x");
}

Reply endless_body(std::uint64_t announced) {
    if (announced > 0) {
        return endless(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", announced),
                       "x");
    }
    return endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                   fmt::format("{:x}\r\n{}\r\n", kBlockSize, repeat("x")));
}

Reply short_body(std::size_t announced, std::size_t sent) {
    return raw(with_length(announced, sent), Reply::Then::close);
}

Reply wrong_length(std::size_t announced, std::size_t sent) {
    return raw(with_length(announced, sent));
}

}  // namespace squadload::test_support
