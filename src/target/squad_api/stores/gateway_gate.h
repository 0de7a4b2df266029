// What a gateway that shares a quota keeps to itself: calls in flight (a gateway that dies must not
// take slots with it) and the throttle's pace. As limits::Quota does both: with a factor below 1
// requests are paced by a bucket of rate factor × requests / window and depth
// max(1, factor × requests / 60), empty at first, and concurrency is max(1, factor × concurrency).
// Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/limits/quota.h"
#include "target/limits/token_bucket.h"

namespace squadload::squad_api {

class GatewayGate {
  public:
    struct Entry {
        bool entered = false;
        limits::Limit refused_by = limits::Limit::none;
        Nanos wait{};
        limits::Mark pace = 0;  // for undo()
    };

    explicit GatewayGate(const limits::QuotaSettings& settings) : settings_(settings) {}

    [[nodiscard]] Entry enter(MonoTime now);
    void leave();                                 // the call has ended
    void undo(const Entry& entry, MonoTime now);  // it never was

    void set_factor(double factor, MonoTime now);
    [[nodiscard]] double factor() const { return factor_; }
    [[nodiscard]] std::int64_t in_flight() const { return in_flight_; }
    [[nodiscard]] std::optional<limits::Level> concurrency() const;

  private:
    [[nodiscard]] std::int64_t at_once() const;  // 0: no limit

    limits::QuotaSettings settings_;
    std::optional<limits::TokenBucket> pace_;
    double factor_ = 1;
    std::int64_t in_flight_ = 0;
};

}  // namespace squadload::squad_api
