#include "target/limits/fixed_window.h"

#include <algorithm>

namespace squadload::limits {

FixedWindow::FixedWindow(std::int64_t limit, Nanos window, Align align, MonoTime origin)
    : limit_(std::clamp<std::int64_t>(limit, 0, kMaxAmount)),
      window_(window),
      align_(align),
      origin_(origin) {}

std::optional<Mark> FixedWindow::take(std::int64_t n, MonoTime now) {
    advance(now);
    n = std::max<std::int64_t>(n, 0);
    if (n > limit_ || used_ > limit_ - n) return std::nullopt;
    if (!running_) {
        running_ = true;
        ++number_;
        // Of multiples the grid decides; the remainder of a time before the origin is negative.
        const Nanos into = align_ == Align::multiples ? (now_ - origin_) % window_ : Nanos::zero();
        start_ = now_ - (into < Nanos::zero() ? into + window_ : into);
    }
    used_ += n;
    ++takes_;
    return number_;
}

Nanos FixedWindow::wait_for(std::int64_t n, MonoTime now) {
    advance(now);
    n = std::max<std::int64_t>(n, 0);
    if (n > limit_) return Nanos::max();
    return used_ > limit_ - n ? ends_after() : Nanos::zero();
}

void FixedWindow::amend(Mark mark, std::int64_t from, std::int64_t to, MonoTime now) {
    advance(now);
    if (!running_ || mark != number_) return;
    const std::int64_t difference =
        std::clamp<std::int64_t>(to, 0, kMaxAmount) - std::clamp<std::int64_t>(from, 0, kMaxAmount);
    used_ = std::clamp<std::int64_t>(used_ + difference, 0, 100 * kMaxAmount);
}

void FixedWindow::undo(Mark mark, std::int64_t n, MonoTime now) {
    advance(now);
    if (!running_ || mark != number_) return;
    amend(mark, n, 0, now);
    if (--takes_ == 0) close();
}

void FixedWindow::change(std::int64_t limit, Nanos window, MonoTime now) {
    advance(now);
    limit_ = std::clamp<std::int64_t>(limit, 0, kMaxAmount);
    if (running_ && align_ == Align::multiples && window != window_) {
        const Nanos into = (now_ - origin_) % window;
        start_ = now_ - (into < Nanos::zero() ? into + window : into);
    }
    window_ = window;
    advance(now);
}

std::int64_t FixedWindow::used(MonoTime now) {
    advance(now);
    return used_;
}

Level FixedWindow::report(MonoTime now) {
    advance(now);
    Level level = level_of(limit_, used_);
    level.next_after = wait_for(1, now);
    if (used_ > 0) level.reset_after = ends_after();
    return level;
}

void FixedWindow::advance(MonoTime now) {
    now_ = std::max(now_, now);
    if (running_ && now_ - start_ >= window_) close();
}

void FixedWindow::close() {
    running_ = false;
    used_ = 0;
    takes_ = 0;
}

Nanos FixedWindow::ends_after() const {
    return window_ - (now_ - start_);
}

}  // namespace squadload::limits
