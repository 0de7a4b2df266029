#include "target/limits/token_bucket.h"

#include <algorithm>
#include <limits>

namespace squadload::limits {
namespace {

std::int64_t clamped(std::int64_t amount, std::int64_t low = 0) {
    return std::clamp(amount, low, kMaxAmount);
}

}  // namespace

TokenBucket::TokenBucket(Rate rate, std::int64_t depth, MonoTime now)
    : rate_(rate), depth_(clamped(depth, 1)), at_(now) {
    level_ = units(depth_);
}

std::optional<Mark> TokenBucket::take(std::int64_t n, MonoTime now) {
    advance(now);
    if (n > depth_ || level_ < units(clamped(n))) return std::nullopt;
    level_ -= units(clamped(n));
    return ++takes_;
}

Nanos TokenBucket::wait_for(std::int64_t n, MonoTime now) const {
    if (n > depth_) return Nanos::max();
    return until(units(clamped(n)), now);
}

void TokenBucket::amend(Mark /*mark*/, std::int64_t from, std::int64_t to, MonoTime now) {
    advance(now);
    level_ += units(clamped(from)) - units(clamped(to));
    level_ = std::clamp(level_, -units(kMaxAmount), units(depth_));
}

void TokenBucket::undo(Mark mark, std::int64_t n, MonoTime now) {
    if (mark == takes_) amend(mark, n, 0, now);
}

void TokenBucket::change(Rate rate, std::int64_t depth, MonoTime now) {
    advance(now);
    const Wide old_per = rate_.per.count();
    Wide whole = level_ / old_per;
    Wide fraction = level_ % old_per;
    if (fraction < 0) {  // rounding is down, towards fewer tokens
        --whole;
        fraction += old_per;
    }
    rate_ = rate;
    depth_ = clamped(depth, 1);
    const Wide per = rate_.per.count();
    level_ = std::min(whole * per + fraction * per / old_per, units(depth_));
}

void TokenBucket::set_level(std::int64_t tokens, MonoTime now) {
    advance(now);
    level_ = units(std::clamp(tokens, -kMaxAmount, depth_));
}

double TokenBucket::level(MonoTime now) const {
    return static_cast<double>(level_at(now)) / static_cast<double>(rate_.per.count());
}

std::int64_t TokenBucket::tokens(MonoTime now) const {
    return static_cast<std::int64_t>(std::max(Wide{0}, level_at(now)) / rate_.per.count());
}

Level TokenBucket::report(MonoTime now) const {
    Level level;
    level.limit = depth_;
    level.remaining = tokens(now);
    // Rounded up, below 0 as well: what is not whole is used.
    const Wide missing = units(depth_) - level_at(now);
    const Wide per = rate_.per.count();
    level.used = static_cast<std::int64_t>((missing + per - 1) / per);
    level.next_after = until(units(1), now);
    level.reset_after = until(units(depth_), now);
    return level;
}

Wide TokenBucket::units(std::int64_t tokens) const {
    return Wide{tokens} * rate_.per.count();
}

Wide TokenBucket::level_at(MonoTime now) const {
    if (now <= at_) return level_;
    const Wide passed = (now - at_).count();  // below 2^63, as the rate's amount is: fits
    return std::min(level_ + passed * rate_.amount, units(depth_));
}

Nanos TokenBucket::until(Wide level, MonoTime now) const {
    const Wide missing = level - level_at(now);
    if (missing <= 0) return Nanos::zero();
    if (rate_.amount == 0) return Nanos::max();
    const Wide wait = (missing + rate_.amount - 1) / rate_.amount;
    return wait >= Nanos::max().count() ? Nanos::max() : Nanos{static_cast<std::int64_t>(wait)};
}

void TokenBucket::advance(MonoTime now) {
    level_ = level_at(now);
    at_ = std::max(at_, now);
}

}  // namespace squadload::limits
