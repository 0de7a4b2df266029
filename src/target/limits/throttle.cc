#include "target/limits/throttle.h"

#include <algorithm>

namespace squadload::limits {
namespace {

ThrottleSettings within_range(ThrottleSettings settings) {
    settings.trigger = std::max<std::int64_t>(1, settings.trigger);
    settings.window = std::max(settings.window, Nanos{1});
    settings.decrease = std::clamp(settings.decrease, 0.001, 1.0);
    settings.hold = std::max(settings.hold, Nanos::zero());
    settings.floor = std::clamp(settings.floor, 0.001, 1.0);
    settings.calm = std::max(settings.calm, Nanos::zero());
    settings.restore_step = std::clamp(settings.restore_step, 0.001, 1.0);
    return settings;
}

MonoTime later(MonoTime t, Nanos by) {
    return t > MonoTime::max() - by ? MonoTime::max() : t + by;
}

}  // namespace

Throttle::Throttle(const ThrottleSettings& settings)
    : settings_(within_range(settings)),
      recent_(kMaxAmount, settings_.window),
      counting_(kMaxAmount, settings_.window) {}

void Throttle::rate_limited(MonoTime now) {
    advance(now);
    recent_.add(1, now_);
    last_429_ = now_;
    if (lowered_ && now_ - *lowered_ < settings_.hold) return;
    counting_.add(1, now_);
    if (counting_.used(now_) < settings_.trigger || settings_.decrease >= 1) return;
    // At the floor as well: the storm goes on, so calm starts anew.
    factor_ = std::max(settings_.floor, factor_ * settings_.decrease);
    changed_ = now_;
    lowered_ = now_;
    ++steps_down_;
    counting_.clear();
}

double Throttle::factor(MonoTime now) {
    advance(now);
    return factor_;
}

ThrottleState Throttle::state(MonoTime now) {
    advance(now);
    ThrottleState state;
    state.factor = factor_;
    state.since = changed_;
    state.recent_429s = recent_.used(now_);
    state.last_429 = last_429_;
    state.steps_down = steps_down_;
    if (factor_ < 1) state.next_step_after = next_up() - now_;
    return state;
}

void Throttle::change(const ThrottleSettings& settings, MonoTime now) {
    advance(now);
    settings_ = within_range(settings);
    recent_.change(kMaxAmount, settings_.window, now_);
    counting_.change(kMaxAmount, settings_.window, now_);
    factor_ = std::max(factor_, settings_.floor);
    advance(now);
}

void Throttle::advance(MonoTime now) {
    now_ = std::max(now_, now);
    while (factor_ < 1 && next_up() <= now_) {
        changed_ = next_up();
        factor_ += settings_.restore_step;
        if (factor_ > 1 - 1e-9) factor_ = 1;  // sums of decimal steps are not exact
    }
}

MonoTime Throttle::next_up() const {
    const MonoTime step = changed_.value_or(now_);
    const MonoTime quiet_since = last_429_ ? std::max(step, *last_429_) : step;
    const MonoTime latest = later(later(step, settings_.calm), settings_.calm);
    return std::min(later(quiet_since, settings_.calm), latest);
}

}  // namespace squadload::limits
