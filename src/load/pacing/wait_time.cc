#include "load/pacing/wait_time.h"

#include <algorithm>
#include <cmath>

namespace squadload::pacing {
namespace {

// n periods of 1/per_s; far beyond any run when that is too long for Nanos.
Nanos periods(std::uint64_t n, double per_s) {
    constexpr Nanos kNever = std::chrono::hours{1'000'000};
    const long double nanos = static_cast<long double>(n) * 1e9L / static_cast<long double>(per_s);
    return nanos < static_cast<long double>(kNever.count()) ? Nanos{std::llround(nanos)} : kNever;
}

}  // namespace

Nanos next_start(const WaitTime& wait, Nanos started, Nanos ended, Random& random) {
    switch (wait.kind) {
        case WaitTime::Kind::none:
            return ended;
        case WaitTime::Kind::constant:
            return ended + wait.low;
        case WaitTime::Kind::between:
            return ended + Nanos{random.between(wait.low.count(), wait.high.count())};
        case WaitTime::Kind::constant_pacing:
            return std::max(ended, started + wait.low);
        case WaitTime::Kind::constant_throughput:
            return std::max(ended, started + periods(1, wait.per_s));
    }
    return ended;
}

Nanos spawn_offset(std::uint64_t user, double spawn_rate_per_s) {
    return spawn_rate_per_s > 0 ? periods(user, spawn_rate_per_s) : Nanos{0};
}

}  // namespace squadload::pacing
