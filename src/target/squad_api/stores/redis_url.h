// Where a Redis is:
//   redis://[[user]:password@]host[:port][/database]      (as IANA's provisional scheme "redis")
//   unix://[[user]:password@]/path/to/socket[?db=number]  (as redis-py and others spell it)
// Percent-encoding counts in user and password. TLS (rediss://) is not spoken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace squadload::squad_api {

struct RedisAddress {
    std::string host;  // empty: `path`; IPv6 without brackets
    std::uint16_t port = 6379;
    std::string path;      // of a socket
    std::string user;      // empty: Redis's default user
    std::string password;  // secret; empty: no AUTH
    int database = 0;      // 0 … 9999

    // For people and logs, without user and password: "127.0.0.1:6379/0", "/run/redis.sock".
    [[nodiscard]] std::string text() const;
};

// Errors of kind config: one sentence that never repeats the URL, which may hold a password.
[[nodiscard]] Result<RedisAddress> parse_redis_url(std::string_view url);

}  // namespace squadload::squad_api
