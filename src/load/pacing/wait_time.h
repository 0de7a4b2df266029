// The closed model: when users appear and how long they think. Meanings are Locust's (wait_time,
// --spawn-rate).
#pragma once

#include <cstdint>

#include "base/random.h"
#include "base/time.h"

namespace squadload::pacing {

struct WaitTime {
    enum class Kind { none, constant, between, constant_pacing, constant_throughput };
    Kind kind = Kind::none;
    Nanos low{};       // constant, constant_pacing: the time; between: lower end
    Nanos high{};      // between: upper end, >= low
    double per_s = 0;  // constant_throughput: tasks per second and user, > 0
    friend bool operator==(const WaitTime&, const WaitTime&) = default;
};

// The user's next intended start after a task that was to start at `started` (intended) and ended
// at `ended` (offsets from the start of the run). Pacing measures from the end of the wait before
// the task, as Locust does, and never catches up after an overrun: then the next start is `ended`.
// `random` is drawn from for `between` alone.
[[nodiscard]] Nanos next_start(const WaitTime& wait, Nanos started, Nanos ended, Random& random);

// When user i (0-based) of a ramp of spawn_rate users per second appears. spawn_rate 0: all at
// once.
[[nodiscard]] Nanos spawn_offset(std::uint64_t user, double spawn_rate_per_s);

}  // namespace squadload::pacing
