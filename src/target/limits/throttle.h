// Slowing down when a provider says 429, and coming back. A factor in [floor, 1], to be applied to
// rate and concurrency (Quota::set_factor).
//
// Down: `trigger` 429s within `window` multiply the factor by `decrease`, not below `floor`. Those
// within `hold` of a step are the old rate's doing and do not count for the next one.
// Up: after `calm` without a step and without a 429 the factor grows by `restore_step`. 429s too
// few to trigger put that off by `calm` at most: a step up comes `calm` after the last of them,
// and at the latest 2 `calm` after the step before. So it always recovers: unless triggered again,
// it is 1 within ceil((1 - floor) / restore_step) × calm after the last 429, and even under a
// trickle of stray ones within twice that.
// Owner: whoever calls the provider; one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/limits/sliding_log.h"

namespace squadload::limits {

struct ThrottleSettings {
    std::int64_t trigger = 3;  // >= 1
    Nanos window = std::chrono::seconds(10);
    double decrease = 0.5;  // (0, 1]; 1: never slows down
    Nanos hold = std::chrono::seconds(1);
    double floor = 0.1;  // (0, 1]
    Nanos calm = std::chrono::seconds(3);
    double restore_step = 0.1;  // [0.001, 1]
    friend bool operator==(const ThrottleSettings&, const ThrottleSettings&) = default;
};

struct ThrottleState {
    double factor = 1;
    std::optional<MonoTime> since;  // the last step, down or up; none: there was none
    std::int64_t recent_429s = 0;   // in the window before now
    std::optional<MonoTime> last_429;
    std::uint64_t steps_down = 0;          // since the start
    std::optional<Nanos> next_step_after;  // until it grows, without a 429 before; none at 1
};

class Throttle {
  public:
    explicit Throttle(const ThrottleSettings& settings);  // out of range: the nearer end

    void rate_limited(MonoTime now);  // a 429 came
    [[nodiscard]] double factor(MonoTime now);
    [[nodiscard]] ThrottleState state(MonoTime now);
    void change(const ThrottleSettings& settings, MonoTime now);  // keeps the factor
    [[nodiscard]] const ThrottleSettings& settings() const { return settings_; }

  private:
    void advance(MonoTime now);
    [[nodiscard]] MonoTime next_up() const;

    ThrottleSettings settings_;
    SlidingLog recent_;    // all of them, to be shown
    SlidingLog counting_;  // those that count for the next step
    double factor_ = 1;
    MonoTime now_{};
    std::optional<MonoTime> changed_;  // last step in either direction
    std::optional<MonoTime> lowered_;
    std::optional<MonoTime> last_429_;
    std::uint64_t steps_down_ = 0;
};

}  // namespace squadload::limits
