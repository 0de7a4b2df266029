// When a bounded set of slots had one free. A request that waited was blocked while none was, and
// the generator's lag is the rest: also when all slots are taken again by the time it starts,
// because a held worker let them idle before.
#pragma once

#include <cstddef>
#include <deque>

#include "base/time.h"

namespace squadload::engine {

// Single thread.
class FreeTime {
  public:
    // A slot that is taken again sooner was only turned around: many requests wait through it, and
    // for none of them it makes a difference that counts (the lag budget is never less).
    static constexpr Nanos kTurnaround = std::chrono::milliseconds{10};
    static constexpr std::size_t kMaxPeriods = 4096;

    void begin(MonoTime start) { free_since_ = start; }
    void freed(MonoTime at);   // the first slot after none was free; not before filled()
    void filled(MonoTime at);  // the last slot was taken
    // Of the present, or else the last, time with a free slot.
    [[nodiscard]] MonoTime free_since() const { return free_since_; }
    // How long after `intended` a slot was free before free_since(). Forgets what lies before
    // `intended`: to be asked in the order of the intended starts.
    [[nodiscard]] Nanos earlier(MonoTime intended);

  private:
    struct Period {
        MonoTime begin, end;
    };
    std::deque<Period> periods_;  // at least kTurnaround each
    MonoTime free_since_{};
    MonoTime filled_{};
};

}  // namespace squadload::engine
