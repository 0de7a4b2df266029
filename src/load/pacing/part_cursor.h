// The intended starts of one worker that runs a part of a schedule, where the part's size changes
// while the run goes: the rest of a gap is stretched or shrunk by the change, so that at any moment
// the worker's rate is its share of the schedule's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "load/pacing/schedule.h"

namespace squadload::pacing {

// From `from` (since the start of the run) on, a worker starts `share` of what the profile offers
// at the time `ahead` later. share >= 0; ahead >= 0.
struct SchedulePart {
    Nanos from{};
    double share = 0;
    Nanos ahead{};
};

// One worker's walk. Two cursors over the same parts walk alike, wherever each stands when a part
// is added. Owned by one worker.
class PartCursor {
  public:
    // Start number i of this worker is called first + i * stride. `phase` in [0, 1): where in the
    // first gap it begins, so that workers do not start in step (constant arrivals). `parts` grows
    // at its end, in order of time, and outlives this.
    PartCursor(const Schedule& schedule, const std::vector<SchedulePart>& parts,
               std::uint64_t first, std::uint64_t stride, double phase);

    [[nodiscard]] std::uint64_t index() const { return index_; }
    // Since the start of the run. kNever while the worker's share, or what is left of the schedule,
    // is nothing.
    [[nodiscard]] Nanos offset() const { return offset_; }
    void advance();
    void part_added() { settle(); }

    static constexpr Nanos kNever = std::chrono::hours{100'000};

  private:
    void enter(std::size_t part, long double mass);
    void settle();
    [[nodiscard]] long double gap() const;  // to the next start, in starts

    const Schedule& schedule_;
    const std::vector<SchedulePart>& parts_;
    std::uint64_t index_;
    std::uint64_t stride_;
    std::size_t part_ = 0;  // the one the search has come to
    bool begun_ = false;    // it is one of parts_
    long double base_ = 0;  // expected starts of the whole schedule up to that part
    long double mass_ = 0;  // starts of this worker since then, the next one included
    Nanos offset_ = kNever;
};

}  // namespace squadload::pacing
