#include "load/engine/free_time.h"

#include <algorithm>

namespace squadload::engine {
namespace {

constexpr Nanos kStep = std::chrono::milliseconds{1};  // between points, at least

}  // namespace

void FreeTime::begin(MonoTime start) {
    free_since_ = filled_ = start;
    points_.assign(1, {start, Nanos{0}});
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
    points_.push_back({at, total_});
    if (points_.size() <= kMaxPoints) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < points_.size(); i += 2) points_[kept++] = points_[i];
    points_.resize(kept);
}

Nanos FreeTime::total_at(MonoTime t) const {
    const Point& from = points_.front();
    const Point to = points_.size() > 1 ? points_[1] : Point{filled_, total_};
    if (t >= to.at) return to.total;
    if (t <= from.at) return from.total;
    const double share = to_seconds(t - from.at) / to_seconds(to.at - from.at);
    return from.total + from_seconds(share * to_seconds(to.total - from.total));
}

Nanos FreeTime::earlier(MonoTime intended) {
    while (points_.size() > 1 && points_[1].at <= intended) points_.pop_front();
    const Nanos wait = free_since_ - intended;
    if (wait <= Nanos{0}) return Nanos{0};
    const Nanos sum = total_ - total_at(intended);
    return sum > wait / 100 * kForgivenPercent ? sum : Nanos{0};
}

}  // namespace squadload::engine
