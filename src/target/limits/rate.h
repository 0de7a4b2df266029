// What all limits share: amounts, rates as exact fractions, and what a limit tells about itself.
// Whoever uses this room owns its objects and calls them from one thread. Times are MonoTime; one
// that goes back counts as the latest seen.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace squadload::limits {

// Wide enough for amount × nanoseconds.
__extension__ using Wide = __int128;

// Limits, depths and weights lie in [0, kMaxAmount]; what lies outside counts as the nearer end.
inline constexpr std::int64_t kMaxAmount = 1'000'000'000'000;

// `amount` per `per`, exact: 30 per minute is Rate{30, 60s}. amount >= 0, per > 0.
struct Rate {
    std::int64_t amount = 0;
    Nanos per = std::chrono::seconds(1);
    friend bool operator==(const Rate&, const Rate&) = default;
};

// The fraction amount / per_ns as a Rate: exact where the reduced numbers fit, else rounded down,
// both losing as many bits as the larger has beyond 63. amount >= 0, per_ns > 0.
[[nodiscard]] Rate rate_of(Wide amount, Wide per_ns);
// factor in [0, 1], rounded down to parts in 1,000,000.
[[nodiscard]] Rate scaled(Rate rate, double factor);

// A bucket for the sending side, such that a provider's bucket (rate r, depth b) never overflows
// though calls take longer or shorter by up to `guard` (g) on the way. A bucket (r', b') admits m
// within D only if D >= (m - b') / r'. The provider sees them within T >= D - g, and needs
// T >= (m - b) / r for every m > b. That holds for
//   k = min(ceil(r g), b - 1),  b' = b - k,  r' = r min(1, (k + 1) / (1 + r g)):
// a smaller depth at the full rate as long as the depth allows it, else depth 1 at a lower rate.
struct BucketShape {
    Rate rate;
    std::int64_t depth = 1;
};
[[nodiscard]] BucketShape guarded(Rate rate, std::int64_t depth, Nanos guard);  // depth >= 1

// What a limit tells about itself, for rate-limit headers and /health.
struct Level {
    std::int64_t limit = 0;
    std::int64_t used = 0;       // above limit after a cut, or when usage exceeded its reservation
    std::int64_t remaining = 0;  // max(0, limit - used)
    Nanos next_after{};          // until remaining > 0, when nothing more is admitted; 0 if it is
    Nanos reset_after{};         // until used = 0, likewise
    friend bool operator==(const Level&, const Level&) = default;
};

// Of a limit of which so much is used; the waits are left to who knows them.
[[nodiscard]] inline Level level_of(std::int64_t limit, std::int64_t used) {
    return Level{limit, used, std::max<std::int64_t>(0, limit - used), Nanos{}, Nanos{}};
}

// A place in a limit's history, for amending it later.
using Mark = std::uint64_t;

}  // namespace squadload::limits
