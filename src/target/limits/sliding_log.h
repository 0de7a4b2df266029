// Sliding log: at most `limit` in any window. An entry of time a counts in (t - window, t], that is
// while t - a < window; at a + window it is out.
//
// Bound: for every t, weight in (t - window, t] <= limit. The whole limit may go at once: put a
// bucket beside it where that matters.
//
// Memory: an entry of 24 bytes for each arrival up to 8,192 entries. Beyond, an arrival within
// window / 8,192 of the newest entry's first arrival joins that entry, which then leaves as late as
// its last arrival should: never too early, and at most 1/8,192 of the window too late. So a log
// never holds more than 16,385 entries (400 kB), and up to 8,192 of them it is exact.
// Cost: take, amend and used are O(1) amortised; wait_for and report walk the entries that have to
// leave first: one for requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "target/limits/rate.h"

namespace squadload::limits {

class SlidingLog {
  public:
    // limit >= 0; window > 0. Without a limit it only counts.
    SlidingLog(std::int64_t limit, Nanos window);

    std::optional<Mark> take(std::int64_t n, MonoTime now);  // nothing when it would exceed
    Mark add(std::int64_t n, MonoTime now);                  // counts it without asking
    // Until n could be taken, when nobody takes before; 0: now; Nanos::max(): never (n > limit).
    [[nodiscard]] Nanos wait_for(std::int64_t n, MonoTime now);

    // The entry's weight becomes `to`, at the time of its arrival, whatever the order of
    // amendments. No effect once it has left the window. Usage above the reservation may lift
    // `used` over the limit; then nothing is admitted until it is back.
    void amend(Mark mark, std::int64_t from, std::int64_t to, MonoTime now);
    void undo(Mark mark, std::int64_t n, MonoTime now) { amend(mark, n, 0, now); }  // exact

    // Keeps what is in the window. A longer window cannot bring back what has already left.
    void change(std::int64_t limit, Nanos window, MonoTime now);

    [[nodiscard]] std::int64_t used(MonoTime now);
    [[nodiscard]] Level report(MonoTime now);
    [[nodiscard]] std::int64_t limit() const { return limit_; }
    [[nodiscard]] Nanos window() const { return window_; }
    [[nodiscard]] std::size_t entries() const { return count_; }
    void clear();

  private:
    struct Entry {
        MonoTime first;
        MonoTime last;
        std::int64_t weight = 0;
    };
    void expire(MonoTime now);
    void pop();
    void push(Entry entry);
    [[nodiscard]] Entry& at(std::size_t i) { return ring_[(head_ + i) & (ring_.size() - 1)]; }
    [[nodiscard]] Nanos leaves_after(const Entry& entry) const;

    std::int64_t limit_;
    Nanos window_;
    std::int64_t used_ = 0;
    MonoTime now_{};           // latest seen
    std::vector<Entry> ring_;  // size a power of two
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    Mark head_mark_ = 1;
};

}  // namespace squadload::limits
