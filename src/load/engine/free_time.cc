#include "load/engine/free_time.h"

#include <algorithm>

namespace squadload::engine {
namespace {

constexpr Nanos kStep = std::chrono::milliseconds{1};  // between points, at least

constexpr std::size_t kForgottenAtOnce = 64;

}  // namespace

void FreeTime::begin(MonoTime start) {
    free_since_ = filled_ = start;
    points_.reserve(2 * kMaxPoints + 2);  // all it can need; memory is taken up as it is used
    points_.assign(1, {start, Nanos{0}});
    first_ = 0;
}

void FreeTime::freed(MonoTime at) {
    free_since_ = std::max(at, filled_);  // no moment counts twice
}

void FreeTime::filled(MonoTime at) {
    add_point(free_since_);
    total_ += at - free_since_;
    filled_ = at;
    add_point(at);
}

void FreeTime::add_point(MonoTime at) {
    if (at - points_.back().at < kStep) return;
    if (first_ >= kForgottenAtOnce && first_ >= known()) drop_forgotten();
    points_.push_back({at, total_});
    if (known() <= kMaxPoints) return;
    drop_forgotten();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < points_.size(); i += 2) points_[kept++] = points_[i];
    points_.resize(kept);
}

void FreeTime::drop_forgotten() {
    points_.erase(points_.begin(), points_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
}

Nanos FreeTime::total_at(MonoTime t) const {
    const Point& from = points_[first_];
    const Point to = known() > 1 ? points_[first_ + 1] : Point{filled_, total_};
    if (t >= to.at) return to.total;
    if (t <= from.at) return from.total;
    const double share = to_seconds(t - from.at) / to_seconds(to.at - from.at);
    return from.total + from_seconds(share * to_seconds(to.total - from.total));
}

Nanos FreeTime::earlier(MonoTime intended) {
    while (known() > 1 && points_[first_ + 1].at <= intended) ++first_;
    const Nanos wait = free_since_ - intended;
    if (wait <= Nanos{0}) return Nanos{0};
    const Nanos sum = total_ - total_at(intended);
    return sum > wait / 100 * kForgivenPercent ? sum : Nanos{0};
}

}  // namespace squadload::engine
