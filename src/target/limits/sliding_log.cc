#include "target/limits/sliding_log.h"

#include <algorithm>

namespace squadload::limits {
namespace {

constexpr std::size_t kExactEntries = 8192;
constexpr std::int64_t kMaxWeight = 100 * kMaxAmount;  // of an entry; 16,385 of them fit int64

}  // namespace

SlidingLog::SlidingLog(std::int64_t limit, Nanos window)
    : limit_(std::clamp<std::int64_t>(limit, 0, kMaxAmount)), window_(window) {}

std::optional<Mark> SlidingLog::take(std::int64_t n, MonoTime now) {
    expire(now);
    if (n > limit_ || used_ > limit_ - std::max<std::int64_t>(n, 0)) return std::nullopt;
    return add(n, now);
}

Mark SlidingLog::add(std::int64_t n, MonoTime now) {
    expire(now);
    n = std::clamp<std::int64_t>(n, 0, kMaxAmount);
    const bool joins =
        count_ >= kExactEntries &&
        now_ - at(count_ - 1).first < window_ / static_cast<std::int64_t>(kExactEntries);
    if (joins) {
        Entry& newest = at(count_ - 1);
        const std::int64_t weight = std::min(newest.weight + n, kMaxWeight);
        used_ += weight - newest.weight;
        newest.weight = weight;
        newest.last = now_;
    } else {
        push({now_, now_, n});
        used_ += n;
    }
    return head_mark_ + count_ - 1;
}

Nanos SlidingLog::wait_for(std::int64_t n, MonoTime now) {
    expire(now);
    n = std::max<std::int64_t>(n, 0);
    if (n > limit_) return Nanos::max();
    std::int64_t too_many = used_ - (limit_ - n);
    for (std::size_t i = 0; too_many > 0 && i < count_; ++i) {
        too_many -= at(i).weight;
        if (too_many <= 0) return leaves_after(at(i));
    }
    return Nanos::zero();
}

void SlidingLog::amend(Mark mark, std::int64_t from, std::int64_t to, MonoTime now) {
    expire(now);
    if (mark < head_mark_ || mark - head_mark_ >= count_) return;
    Entry& entry = at(static_cast<std::size_t>(mark - head_mark_));
    const std::int64_t difference =
        std::clamp<std::int64_t>(to, 0, kMaxAmount) - std::clamp<std::int64_t>(from, 0, kMaxAmount);
    const std::int64_t weight = std::clamp<std::int64_t>(entry.weight + difference, 0, kMaxWeight);
    used_ += weight - entry.weight;
    entry.weight = weight;
}

void SlidingLog::change(std::int64_t limit, Nanos window, MonoTime now) {
    expire(now);
    limit_ = std::clamp<std::int64_t>(limit, 0, kMaxAmount);
    window_ = window;
    expire(now);
}

std::int64_t SlidingLog::used(MonoTime now) {
    expire(now);
    return used_;
}

Level SlidingLog::report(MonoTime now) {
    expire(now);
    Level level = level_of(limit_, used_);
    level.next_after = wait_for(1, now);
    for (std::size_t i = count_; i > 0 && used_ > 0; --i) {
        if (at(i - 1).weight == 0) continue;  // cancelled
        level.reset_after = leaves_after(at(i - 1));
        break;
    }
    return level;
}

void SlidingLog::clear() {
    while (count_ > 0) pop();
}

void SlidingLog::expire(MonoTime now) {
    now_ = std::max(now_, now);
    while (count_ > 0 && now_ - at(0).last >= window_) pop();
}

void SlidingLog::pop() {
    used_ -= at(0).weight;
    head_ = (head_ + 1) & (ring_.size() - 1);
    ++head_mark_;
    --count_;
}

void SlidingLog::push(Entry entry) {
    if (count_ == ring_.size()) {
        std::vector<Entry> larger(std::max<std::size_t>(16, 2 * ring_.size()));
        for (std::size_t i = 0; i < count_; ++i) larger[i] = at(i);
        ring_ = std::move(larger);
        head_ = 0;
    }
    ++count_;
    at(count_ - 1) = entry;
}

Nanos SlidingLog::leaves_after(const Entry& entry) const {
    return window_ - (now_ - entry.last);
}

}  // namespace squadload::limits
