#include "target/squad_api/stores/gateway_gate.h"

#include "base/check.h"

namespace squadload::squad_api {

GatewayGate::GatewayGate(const limits::QuotaSettings& settings) {
    pace_.set_limits(settings.requests, settings.window, settings.concurrency, MonoTime{});
}

GatewayGate::Entry GatewayGate::enter(MonoTime now) {
    Entry entry;
    entry.wait = pace_.wait(now);
    if (entry.wait > Nanos::zero()) {
        entry.refused_by = limits::Limit::throttle;
        return entry;
    }
    if (const std::int64_t most = pace_.concurrency(); most > 0 && in_flight_ >= most) {
        entry.refused_by = limits::Limit::concurrency;
        return entry;
    }
    entry.entered = true;
    entry.pace = pace_.take(now);
    ++in_flight_;
    return entry;
}

void GatewayGate::leave() {
    SQUADLOAD_CHECK(in_flight_ > 0);
    --in_flight_;
}

void GatewayGate::undo(const Entry& entry, MonoTime now) {
    leave();
    pace_.undo(entry.pace, now);
}

std::optional<limits::Level> GatewayGate::concurrency() const {
    const std::int64_t most = pace_.concurrency();
    if (most == 0) return std::nullopt;
    return limits::level_of(most, in_flight_);
}

}  // namespace squadload::squad_api
