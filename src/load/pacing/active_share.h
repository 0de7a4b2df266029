// The adaptive closed model: how large a share of the users is active while the target says 429.
//
// Down: kTrigger 429s within kWindow multiply the share by kDecrease, not below kFloor; those that
// come within kHold of a step are the former users' doing and do not count.
// Up: after every `calm` without a 429 and without a step it grows by kRestoreStep, up to 1.
// The numbers are those of the Squad API's own throttle. Pure: the time is an argument.
// Owned by one worker's driver, which sees its own users' 429s and moves its own share.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace squadload::pacing {

class ActiveShare {
  public:
    static constexpr std::size_t kTrigger = 3;
    static constexpr double kDecrease = 0.5;
    static constexpr double kFloor = 0.1;
    static constexpr double kRestoreStep = 0.1;

    // time_scale divides the three times: window 10 s, hold 1 s, calm 3 s.
    explicit ActiveShare(double time_scale);

    void rate_limited(MonoTime now);
    void advance(MonoTime now);  // what has grown by `now`
    [[nodiscard]] double share() const { return share_; }
    [[nodiscard]] std::optional<MonoTime> next_growth() const;  // none at 1
    // How many of `users` that is: at least 1.
    [[nodiscard]] std::uint32_t of(std::uint32_t users) const;

  private:
    Nanos window_, hold_, calm_;
    double share_ = 1;
    std::array<MonoTime, kTrigger> recent_{};  // the last 429s that count, in a ring
    std::size_t counted_ = 0;
    std::optional<MonoTime> lowered_;
    MonoTime quiet_since_{};  // the last 429 or step
};

}  // namespace squadload::pacing
