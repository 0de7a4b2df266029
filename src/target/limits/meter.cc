#include "target/limits/meter.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace squadload::limits {
namespace {

using Kept = std::variant<TokenBucket, SlidingLog, FixedWindow>;

Nanos longer(Nanos window, Nanos guard) {
    guard = std::max(guard, Nanos::zero());
    return window > Nanos::max() - guard ? Nanos::max() : window + guard;
}

BucketShape shape_of(const MeterSettings& settings) {
    return guarded({settings.limit, settings.window}, settings.depth, settings.guard);
}

Kept made(const MeterSettings& settings, MonoTime now) {
    if (settings.algorithm == Algorithm::token_bucket) {
        const BucketShape shape = shape_of(settings);
        return TokenBucket(shape.rate, shape.depth, now);
    }
    if (settings.algorithm == Algorithm::fixed_window && settings.guard <= Nanos::zero()) {
        return FixedWindow(settings.limit, settings.window, settings.align, settings.origin);
    }
    return SlidingLog(settings.limit, longer(settings.window, settings.guard));
}

}  // namespace

Meter::Meter(const MeterSettings& settings, MonoTime now, std::uint32_t epoch)
    : settings_(settings), kept_(made(settings, now)), epoch_(epoch) {}

Nanos Meter::wait_for(std::int64_t n, MonoTime now) {
    return std::visit([&](auto& kept) { return kept.wait_for(n, now); }, kept_);
}

Meter::Entry Meter::take(std::int64_t n, MonoTime now) {
    const std::optional<Mark> mark =
        std::visit([&](auto& kept) { return kept.take(n, now); }, kept_);
    return {mark.value_or(0), epoch_};
}

void Meter::amend(Entry entry, std::int64_t from, std::int64_t to, MonoTime now) {
    if (entry.epoch != epoch_ || entry.mark == 0) return;
    std::visit([&](auto& kept) { kept.amend(entry.mark, from, to, now); }, kept_);
}

void Meter::undo(Entry entry, std::int64_t n, MonoTime now) {
    if (entry.epoch != epoch_ || entry.mark == 0) return;
    std::visit([&](auto& kept) { kept.undo(entry.mark, n, now); }, kept_);
}

void Meter::change(const MeterSettings& settings, MonoTime now, std::uint32_t epoch) {
    Kept next = made(settings, now);
    const bool same_grid = settings.align == settings_.align && settings.origin == settings_.origin;
    settings_ = settings;
    if (next.index() == kept_.index()) {
        if (auto* bucket = std::get_if<TokenBucket>(&kept_)) {
            const BucketShape shape = shape_of(settings);
            return bucket->change(shape.rate, shape.depth, now);
        }
        if (auto* log = std::get_if<SlidingLog>(&kept_)) {
            return log->change(settings.limit, longer(settings.window, settings.guard), now);
        }
        if (same_grid) {
            return std::get<FixedWindow>(kept_).change(settings.limit, settings.window, now);
        }
    }
    const std::int64_t used = std::min(report(now).used, kMaxAmount);
    kept_ = std::move(next);
    epoch_ = epoch;
    if (used > 0) count_as_used(used, now);
}

void Meter::count_as_used(std::int64_t used, MonoTime now) {
    if (auto* bucket = std::get_if<TokenBucket>(&kept_)) {
        bucket->set_level(bucket->depth() - used, now);
    } else if (auto* log = std::get_if<SlidingLog>(&kept_)) {
        log->add(used, now);
    } else {
        auto& window = std::get<FixedWindow>(kept_);
        if (const std::optional<Mark> mark = window.take(0, now)) window.amend(*mark, 0, used, now);
    }
}

Level Meter::report(MonoTime now) {
    return std::visit([&](auto& kept) { return kept.report(now); }, kept_);
}

std::int64_t Meter::largest() const {
    if (const auto* bucket = std::get_if<TokenBucket>(&kept_)) return bucket->depth();
    if (const auto* log = std::get_if<SlidingLog>(&kept_)) return log->limit();
    return std::get<FixedWindow>(kept_).limit();
}

}  // namespace squadload::limits
