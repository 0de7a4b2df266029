// When a bounded set of slots had one free. A request that waited was blocked while none was, and
// the generator's lag is the rest: also when all slots are taken again by the time it starts,
// because a held or an overloaded worker let them idle before.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"

namespace squadload::engine {

// Single thread.
class FreeTime {
  public:
    // A slot idles a moment between two requests however fast the generator is, and those behind
    // wait through many such moments. Up to this share of their wait it made no difference.
    static constexpr int kForgivenPercent = 10;
    static constexpr std::size_t kMaxPoints = 1U << 14U;

    void begin(MonoTime start);
    void freed(MonoTime at);   // the first slot after none was free; not before filled()
    void filled(MonoTime at);  // the last slot was taken
    // Of the present, or else the last, time with a free slot.
    [[nodiscard]] MonoTime free_since() const { return free_since_; }
    // For how long of the wait from `intended` to free_since() a slot was free; 0 when that is
    // forgiven. Exact to a millisecond, coarser for very long waits. Forgets what lies before
    // `intended`: to be asked in the order of the intended starts.
    [[nodiscard]] Nanos earlier(MonoTime intended);

  private:
    struct Point {
        MonoTime at;
        Nanos total;  // free time until then
    };
    void add_point(MonoTime at);
    void drop_forgotten();
    [[nodiscard]] std::size_t known() const { return points_.size() - first_; }
    [[nodiscard]] Nanos total_at(MonoTime t) const;  // a line from point to point

    // Never empty after begin(). Those before first_ are forgotten; their place is used again, so
    // that going on takes no new memory.
    std::vector<Point> points_;
    std::size_t first_ = 0;
    Nanos total_{};
    MonoTime free_since_{};
    MonoTime filled_{};
};

}  // namespace squadload::engine
