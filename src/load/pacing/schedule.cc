#include "load/pacing/schedule.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/random.h"

namespace squadload::pacing {

Schedule::Schedule(RateProfile profile, Arrivals arrivals, std::uint64_t seed,
                   std::optional<std::uint64_t> max_requests)
    : profile_(std::move(profile)), arrivals_(arrivals), seed_(seed), max_requests_(max_requests) {}

double Schedule::expected_total() const {
    const double total = profile_.total();
    // Constant: every k from 0 with k < total.
    const double starts = arrivals_ == Arrivals::constant ? std::ceil(total) : total;
    return max_requests_ ? std::min(starts, static_cast<double>(*max_requests_)) : starts;
}

ScheduleCursor::ScheduleCursor(const Schedule& schedule, std::uint32_t worker,
                               std::uint32_t workers)
    : schedule_(schedule), workers_(workers), k_(worker) {
    SQUADLOAD_CHECK(worker < workers);
    settle();
}

void ScheduleCursor::advance() {
    if (done_) return;
    k_ += workers_;
    settle();
}

void ScheduleCursor::settle() {
    const std::optional<std::uint64_t> bound = schedule_.max_requests();
    if (bound && k_ >= *bound) {
        done_ = true;
        return;
    }
    if (schedule_.arrivals() == Arrivals::constant) {
        position_ = static_cast<long double>(k_);
    } else {
        for (; drawn_ <= k_; ++drawn_) {
            Random random(schedule_.seed(), RandomStream::arrivals, drawn_);
            position_ += static_cast<long double>(random.exponential());
        }
    }
    offset_ = schedule_.profile().time_of(position_);
    done_ = offset_ == Nanos::max();
}

}  // namespace squadload::pacing
