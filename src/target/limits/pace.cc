#include "target/limits/pace.h"

#include <algorithm>

namespace squadload::limits {
namespace {

constexpr double kSmallestFactor = 0.001;

// A part (0, 1] of a limit, rounded down but never to 0.
std::int64_t part_of(std::int64_t limit, double factor) {
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(static_cast<double>(limit) * factor + 1e-6));
}

}  // namespace

void Pace::set_limits(std::int64_t requests, Nanos window, std::int64_t concurrency, MonoTime now) {
    requests_ = requests;
    window_ = window;
    concurrency_ = concurrency;
    build(now);
}

void Pace::set_factor(double factor, MonoTime now) {
    const double next = factor >= kSmallestFactor ? std::min(factor, 1.0) : kSmallestFactor;
    if (next == factor_) return;
    factor_ = next;
    build(now);
}

void Pace::build(MonoTime now) {
    if (factor_ >= 1 || requests_ == 0) {
        bucket_.reset();
        return;
    }
    const Rate rate = scaled({requests_, window_}, factor_);
    const std::int64_t depth = part_of(requests_, factor_ / 60);
    if (bucket_) {
        bucket_->change(rate, depth, now);
        return;
    }
    bucket_.emplace(rate, depth, now);
    bucket_->set_level(0, now);
    ++epoch_;
}

Nanos Pace::wait(MonoTime now) const {
    return bucket_ ? bucket_->wait_for(1, now) : Nanos::zero();
}

Pace::Entry Pace::take(MonoTime now) {
    return bucket_ ? Entry{bucket_->take(1, now).value_or(0), epoch_} : Entry{};
}

void Pace::undo(const Entry& entry, MonoTime now) {
    if (bucket_ && entry.epoch == epoch_) bucket_->undo(entry.mark, 1, now);
}

std::int64_t Pace::concurrency() const {
    if (concurrency_ == 0 || factor_ >= 1) return concurrency_;
    return part_of(concurrency_, factor_);
}

}  // namespace squadload::limits
