// What a store says about itself in /health.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace squadload::squad_api {

// up: works. down: configured, but not reachable now; the gateway does without it and the store
// tries again by itself. off: not configured, or replaced by something embedded.
enum class StoreStatus { up, down, off };
[[nodiscard]] constexpr std::string_view name_of(StoreStatus status) {
    return status == StoreStatus::up ? "up" : status == StoreStatus::down ? "down" : "off";
}

struct StoreHealth {
    StoreStatus status = StoreStatus::off;
    std::string kind;    // "redis", "postgres", "sqlite", "memory"
    std::string detail;  // for people, no secret: "127.0.0.1:6379 refused the connection"
    std::optional<MonoTime> since;  // of this status
    std::uint64_t losses = 0;       // how often it went from up to down
};

}  // namespace squadload::squad_api
