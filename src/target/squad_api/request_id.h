// Names of requests: the client's x-request-id where it can be logged safely, else our own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace squadload::squad_api {

// 1 to 128 characters of [A-Za-z0-9._:-].
[[nodiscard]] bool is_sane_request_id(std::string_view id);

// "req-<12 hex digits of this gateway's start>-<8 or more of a counter>". One thread.
class RequestIds {
  public:
    explicit RequestIds(std::uint64_t seed) : seed_(seed & 0xffff'ffff'ffffU) {}
    [[nodiscard]] std::string next();

  private:
    std::uint64_t seed_;
    std::uint64_t count_ = 0;
};

}  // namespace squadload::squad_api
