#include "target/squad_api/stores/gateway_gate.h"

#include <algorithm>

#include "base/check.h"

namespace squadload::squad_api {
namespace {

constexpr double kSmallestFactor = 0.001;

// A part (0, 1] of a limit, rounded down but never to 0.
std::int64_t part_of(std::int64_t limit, double factor) {
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(static_cast<double>(limit) * factor + 1e-6));
}

}  // namespace

GatewayGate::Entry GatewayGate::enter(MonoTime now) {
    Entry entry;
    if (pace_) entry.wait = pace_->wait_for(1, now);
    if (entry.wait > Nanos::zero()) {
        entry.refused_by = limits::Limit::throttle;
        return entry;
    }
    if (const std::int64_t most = at_once(); most > 0 && in_flight_ >= most) {
        entry.refused_by = limits::Limit::concurrency;
        return entry;
    }
    entry.entered = true;
    if (pace_) entry.pace = pace_->take(1, now).value_or(0);
    ++in_flight_;
    return entry;
}

void GatewayGate::leave() {
    SQUADLOAD_CHECK(in_flight_ > 0);
    --in_flight_;
}

void GatewayGate::undo(const Entry& entry, MonoTime now) {
    leave();
    if (pace_ && entry.pace != 0) pace_->undo(entry.pace, 1, now);
}

void GatewayGate::set_factor(double factor, MonoTime now) {
    const double next = factor >= kSmallestFactor ? std::min(factor, 1.0) : kSmallestFactor;
    if (next == factor_) return;
    factor_ = next;
    if (factor_ >= 1 || settings_.requests == 0) {
        pace_.reset();
        return;
    }
    const limits::Rate rate = limits::scaled({settings_.requests, settings_.window}, factor_);
    const std::int64_t depth = part_of(settings_.requests, factor_ / 60);
    if (pace_) {
        pace_->change(rate, depth, now);
        return;
    }
    pace_.emplace(rate, depth, now);
    pace_->set_level(0, now);
}

std::int64_t GatewayGate::at_once() const {
    if (settings_.concurrency == 0 || factor_ >= 1) return settings_.concurrency;
    return part_of(settings_.concurrency, factor_);
}

std::optional<limits::Level> GatewayGate::concurrency() const {
    const std::int64_t most = at_once();
    if (most == 0) return std::nullopt;
    limits::Level level;
    level.limit = most;
    level.used = in_flight_;
    level.remaining = std::max<std::int64_t>(0, most - in_flight_);
    return level;
}

}  // namespace squadload::squad_api
