#include "load/pacing/active_share.h"

#include <algorithm>
#include <cmath>

namespace squadload::pacing {
namespace {

Nanos scaled(Nanos t, double scale) {
    return Nanos{std::llround(static_cast<double>(t.count()) / scale)};
}

}  // namespace

ActiveShare::ActiveShare(double time_scale)
    : window_(scaled(std::chrono::seconds{10}, time_scale)),
      hold_(scaled(std::chrono::seconds{1}, time_scale)),
      calm_(scaled(std::chrono::seconds{3}, time_scale)) {}

void ActiveShare::rate_limited(MonoTime now) {
    advance(now);
    quiet_since_ = now;
    if (lowered_ && now < *lowered_ + hold_) return;
    const MonoTime oldest = recent_[(counted_ + 1) % kTrigger];  // of the last kTrigger, with this
    recent_[counted_ % kTrigger] = now;
    ++counted_;
    if (counted_ < kTrigger || oldest < now - window_) return;
    share_ = std::max(kFloor, share_ * kDecrease);
    lowered_ = now;
    counted_ = 0;
}

void ActiveShare::advance(MonoTime now) {
    while (share_ < 1 && quiet_since_ + calm_ <= now) {
        share_ = share_ + kRestoreStep > 1 - 1e-9 ? 1 : share_ + kRestoreStep;
        quiet_since_ += calm_;
    }
}

std::optional<MonoTime> ActiveShare::next_growth() const {
    if (share_ >= 1) return std::nullopt;
    return quiet_since_ + calm_;
}

std::uint32_t ActiveShare::of(std::uint32_t users) const {
    const auto n = static_cast<std::uint32_t>(std::ceil(share_ * users - 1e-9));
    return std::clamp<std::uint32_t>(n, 1, std::max<std::uint32_t>(1, users));
}

}  // namespace squadload::pacing
