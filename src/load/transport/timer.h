// Timers of one loop: intrusive, no allocation per use, ordered by deadline in an indexed heap.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"

namespace squadload::transport {

// Embedded in its owner, which must cancel it (Loop::cancel_timer) before it dies.
class Timer {
  public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer();  // ends the program if still armed

    [[nodiscard]] bool armed() const { return slot_ != kIdle; }
    [[nodiscard]] MonoTime deadline() const { return deadline_; }

  protected:
    // Called by the loop at or after the deadline; the timer is idle then and may be set again
    // or destroyed.
    virtual void on_timer() = 0;

  private:
    friend class TimerHeap;
    static constexpr std::size_t kIdle = static_cast<std::size_t>(-1);
    static constexpr std::size_t kDue = kIdle / 2 + 1;  // slots from here on number due_, not heap_
    MonoTime deadline_{};
    std::size_t slot_ = kIdle;
};

// Timers with equal deadlines fire in no particular order (the same one for the same calls).
class TimerHeap {
  public:
    TimerHeap() = default;
    TimerHeap(const TimerHeap&) = delete;
    TimerHeap& operator=(const TimerHeap&) = delete;
    ~TimerHeap();  // timers still set become idle

    void set(Timer& timer, MonoTime deadline);  // arms or moves
    void cancel(Timer& timer);                  // no effect when idle
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] MonoTime next() const {  // MonoTime::max() when empty
        return heap_.empty() ? MonoTime::max() : heap_.front().deadline;
    }
    // Fires every timer due at `now`, earliest first; a timer set during the call for a time <= now
    // waits for the next call. A timer cancelled or moved by another's on_timer does not fire.
    void fire(MonoTime now);

  private:
    struct Entry {  // the deadline beside the pointer: sifting does not touch the timers compared
        MonoTime deadline;
        Timer* timer;
    };
    void place(std::size_t slot, Entry entry);
    void sift_up(std::size_t slot, Entry entry);
    void sift_down(std::size_t slot, Entry entry);
    void remove(std::size_t slot);

    std::vector<Entry> heap_;  // 4-ary: children of i are 4i+1 … 4i+4
    std::vector<Timer*> due_;  // what fire() has taken out; nullptr once cancelled
};

}  // namespace squadload::transport
