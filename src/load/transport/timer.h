// Timers of one loop: intrusive, no allocation per use, ordered by deadline in an indexed heap.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"

namespace squadload::transport {

// Embedded in its owner, which must cancel it (Loop::cancel) before it dies.
class Timer {
  public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() = default;

    [[nodiscard]] bool armed() const { return slot_ != kIdle; }
    [[nodiscard]] MonoTime deadline() const { return deadline_; }

  protected:
    // Called by the loop at or after the deadline; the timer is idle then and may be set again.
    virtual void on_timer() = 0;

  private:
    friend class TimerHeap;
    static constexpr std::size_t kIdle = static_cast<std::size_t>(-1);
    MonoTime deadline_{};
    std::size_t slot_ = kIdle;
};

// Timers with equal deadlines fire in no particular order.
class TimerHeap {
  public:
    void set(Timer& timer, MonoTime deadline);  // arms or moves
    void cancel(Timer& timer);                  // no effect when idle
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] MonoTime next() const;        // MonoTime::max() when empty
    // Fires every timer due at `now`; a timer set again during the call for a time <= now waits for the next call.
    void fire(MonoTime now);

  private:
    void place(std::size_t slot, Timer* timer);
    void sift_up(std::size_t slot);
    void sift_down(std::size_t slot);

    std::vector<Timer*> heap_;
    std::vector<Timer*> due_;
};

}  // namespace squadload::transport
