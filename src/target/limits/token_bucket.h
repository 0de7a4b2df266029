// Token bucket, exact. The level is kept in whole units of 1/per token, so that `amount` units come
// in each nanosecond and no fraction of a token is ever lost, however often it is asked. It is the
// GCRA in another unit: its theoretical arrival time is now + (depth - level) / rate (ITU-T I.371,
// annex A: virtual scheduling and leaky bucket are the same set).
//
// Bound: for all s <= t, taken[s, t] <= depth + rate (t - s); and nothing is wasted: whatever is
// asked for while the level suffices is given.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/limits/rate.h"

namespace squadload::limits {

class TokenBucket {
  public:
    // Starts full. depth >= 1. A rate of 0 never refills.
    TokenBucket(Rate rate, std::int64_t depth, MonoTime now);

    // Takes n, or nothing when fewer are there (or, for n = 0, when the level is below 0).
    std::optional<Mark> take(std::int64_t n, MonoTime now);
    // Until n could be taken, when nobody takes before; 0: now; Nanos::max(): never (n > depth).
    [[nodiscard]] Nanos wait_for(std::int64_t n, MonoTime now) const;

    // A take of `from` turns out to be `to`: the difference comes back, at most until full, or is
    // charged, if need be below 0. Then the bound is on takes minus what came back, each at its own
    // time.
    void amend(Mark mark, std::int64_t from, std::int64_t to, MonoTime now);
    // A take that never was. Comes back if nothing was taken since, which is exact. Otherwise the
    // bucket may have been full meanwhile, so nothing comes back: the bound above always holds.
    void undo(Mark mark, std::int64_t n, MonoTime now);

    // Tokens come from nowhere but the rate: the level stays, down to the new depth. For s before
    // the change c: taken[s, t] <= old depth + old rate (c - s) + new rate (t - c).
    void change(Rate rate, std::int64_t depth, MonoTime now);
    void set_level(std::int64_t tokens, MonoTime now);  // at most the depth

    [[nodiscard]] double level(MonoTime now) const;         // tokens, with fraction; may be < 0
    [[nodiscard]] std::int64_t tokens(MonoTime now) const;  // whole ones, >= 0
    [[nodiscard]] Level report(MonoTime now) const;         // limit is the depth
    [[nodiscard]] Rate rate() const { return rate_; }
    [[nodiscard]] std::int64_t depth() const { return depth_; }

  private:
    [[nodiscard]] Wide units(std::int64_t tokens) const;
    [[nodiscard]] Wide level_at(MonoTime now) const;
    [[nodiscard]] Nanos until(Wide level, MonoTime now) const;
    void advance(MonoTime now);

    Rate rate_;
    std::int64_t depth_;
    Wide level_ = 0;  // at at_, in 1/per tokens
    MonoTime at_;
    Mark takes_ = 0;
};

}  // namespace squadload::limits
