// What a gateway that shares a quota keeps to itself: calls in flight (a gateway that dies must not
// take slots with it) and the throttle's pace (limits/pace.h). Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/limits/pace.h"
#include "target/limits/quota.h"

namespace squadload::squad_api {

class GatewayGate {
  public:
    struct Entry {
        bool entered = false;
        limits::Limit refused_by = limits::Limit::none;
        Nanos wait{};
        limits::Pace::Entry pace;  // for undo()
    };

    explicit GatewayGate(const limits::QuotaSettings& settings);

    [[nodiscard]] Entry enter(MonoTime now);
    void leave();                                 // the call has ended
    void undo(const Entry& entry, MonoTime now);  // it never was

    void set_factor(double factor, MonoTime now) { pace_.set_factor(factor, now); }
    [[nodiscard]] double factor() const { return pace_.factor(); }
    [[nodiscard]] std::int64_t in_flight() const { return in_flight_; }
    [[nodiscard]] std::optional<limits::Level> concurrency() const;

  private:
    limits::Pace pace_;
    std::int64_t in_flight_ = 0;
};

}  // namespace squadload::squad_api
