// The Redis serialization protocol, version 2 (redis.io/docs/reference/protocol-spec): commands to
// bytes, bytes to replies. No I/O. hiredis does the parsing, under bounds of ours: whatever bytes
// come, the result is a reply or a sentence, and memory stays bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace squadload::squad_api {

struct RedisReply {
    enum class Kind { nil, status, error, integer, text, list };
    Kind kind = Kind::nil;
    std::string text;          // status, error, text
    std::int64_t integer = 0;  // integer
    std::vector<RedisReply> items;

    [[nodiscard]] bool is_error() const { return kind == Kind::error; }
};

// Bounds of one reply.
struct RedisBounds {
    std::size_t bytes = std::size_t{8} * 1024 * 1024;
    std::size_t elements = 100'000;  // of all its lists together
};

[[nodiscard]] std::string encode_command(std::span<const std::string_view> arguments);

// One connection's incoming side. After an error it is of no further use.
class RedisDecoder {
  public:
    explicit RedisDecoder(RedisBounds bounds = {});
    ~RedisDecoder();
    RedisDecoder(const RedisDecoder&) = delete;
    RedisDecoder& operator=(const RedisDecoder&) = delete;

    void feed(std::string_view bytes);
    // The next complete reply; none: more bytes are needed. Error of kind io: not the protocol, or
    // beyond the bounds.
    [[nodiscard]] Result<std::optional<RedisReply>> next();

  private:
    struct Reader;
    std::unique_ptr<Reader> reader_;
};

}  // namespace squadload::squad_api
