// Fixed windows: at most `limit` in each window [start, start + window).
// Bound: N in every such window <= limit; in an arbitrary interval of one window's length up to
// 2 limit - 1 (first hit) or 2 limit (multiples).
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/limits/rate.h"

namespace squadload::limits {

// Where windows start: at the first admitted call after the one before, or at origin + k window.
enum class Align { first_hit, multiples };

class FixedWindow {
  public:
    // limit >= 0; window > 0. `origin` is for multiples alone.
    FixedWindow(std::int64_t limit, Nanos window, Align align = Align::first_hit,
                MonoTime origin = {});

    std::optional<Mark> take(std::int64_t n, MonoTime now);  // nothing when it would exceed
    // Until n could be taken, when nobody takes before; 0: now; Nanos::max(): never (n > limit).
    [[nodiscard]] Nanos wait_for(std::int64_t n, MonoTime now);
    // Within the window of the take; no effect once that is over.
    void amend(Mark mark, std::int64_t from, std::int64_t to, MonoTime now);
    // A take that never was. The window never began if it was the only one. If it was the first of
    // several the window stays where it is, though for the other side it begins with the second:
    // whoever sends under a first_hit limit needs a log instead (Quota's guard does that).
    void undo(Mark mark, std::int64_t n, MonoTime now);
    // Keeps the count of the window under way. Of first_hit it keeps the start, too: a changed
    // length moves its end. Of multiples the grid changes, and what is counted stays counted until
    // the new window is over.
    void change(std::int64_t limit, Nanos window, MonoTime now);

    [[nodiscard]] std::int64_t used(MonoTime now);
    [[nodiscard]] Level report(MonoTime now);
    [[nodiscard]] std::int64_t limit() const { return limit_; }

  private:
    void advance(MonoTime now);
    void close();
    [[nodiscard]] Nanos ends_after() const;

    std::int64_t limit_;
    Nanos window_;
    Align align_;
    MonoTime origin_;
    MonoTime now_{};
    MonoTime start_{};
    bool running_ = false;  // there is a window under way
    std::int64_t used_ = 0;
    std::int64_t takes_ = 0;  // in the window under way, without those undone
    Mark number_ = 0;         // of the window under way
};

}  // namespace squadload::limits
