#include "load/engine/free_time.h"

#include <algorithm>

namespace squadload::engine {

void FreeTime::freed(MonoTime at) {
    free_since_ = std::max(at, filled_);  // no moment counts twice
}

void FreeTime::filled(MonoTime at) {
    filled_ = at;
    if (at - free_since_ < kTurnaround) return;
    periods_.push_back({free_since_, at});
    if (periods_.size() <= kMaxPeriods) return;
    // The two oldest become one of the same sum.
    const Period oldest = periods_.front();
    periods_.pop_front();
    periods_.front().begin -= oldest.end - oldest.begin;
}

Nanos FreeTime::earlier(MonoTime intended) {
    while (!periods_.empty() && periods_.front().end <= intended) periods_.pop_front();
    Nanos sum{};
    for (const Period& period : periods_) sum += period.end - std::max(period.begin, intended);
    return sum;
}

}  // namespace squadload::engine
