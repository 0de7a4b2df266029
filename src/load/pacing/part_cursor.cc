#include "load/pacing/part_cursor.h"

#include <algorithm>

#include "base/random.h"

namespace squadload::pacing {

PartCursor::PartCursor(const Schedule& schedule, const std::vector<SchedulePart>& parts,
                       std::uint64_t first, std::uint64_t stride, double phase)
    : schedule_(schedule), parts_(parts), index_(first), stride_(stride) {
    mass_ = schedule.arrivals() == Arrivals::constant ? static_cast<long double>(phase) : gap();
    settle();
}

long double PartCursor::gap() const {
    if (schedule_.arrivals() == Arrivals::constant) return 1;
    Random random(schedule_.seed(), RandomStream::arrivals, index_);
    return static_cast<long double>(random.exponential());
}

void PartCursor::advance() {
    if (offset_ == kNever) return;
    index_ += stride_;
    mass_ += gap();
    settle();
}

void PartCursor::enter(std::size_t part, long double mass) {
    begun_ = true;
    part_ = part;
    mass_ = mass;
    base_ = static_cast<long double>(
        schedule_.profile().expected_by(parts_[part].from + parts_[part].ahead));
}

// Nothing accumulates within a part: the next start is a function of how many there were in it.
void PartCursor::settle() {
    const RateProfile& profile = schedule_.profile();
    offset_ = kNever;
    if (!begun_) {
        if (parts_.empty()) return;
        enter(0, mass_);
    }
    for (;;) {
        const SchedulePart& part = parts_[part_];
        Nanos next = kNever;
        if (part.share > 0) {
            const Nanos at = profile.time_of(base_ + mass_ / static_cast<long double>(part.share));
            if (at != Nanos::max()) next = std::max(part.from, at - part.ahead);
        }
        if (part_ + 1 == parts_.size() || next < parts_[part_ + 1].from) {
            offset_ = next;
            return;
        }
        const Nanos end = parts_[part_ + 1].from;
        const long double passed =
            (static_cast<long double>(profile.expected_by(end + part.ahead)) - base_) *
            static_cast<long double>(part.share);
        enter(part_ + 1, std::max(0.0L, mass_ - passed));
    }
}

}  // namespace squadload::pacing
