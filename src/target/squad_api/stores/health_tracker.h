// A store's health as it changes: up, down, since when, how often it was lost.
// One thread at a time (a lock around it is its owner's).
#pragma once

#include <string>

#include "base/time.h"
#include "target/squad_api/store_health.h"

namespace squadload::squad_api {

class HealthTracker {
  public:
    // Down from the start, "not reached yet", until the first up().
    HealthTracker(std::string kind, MonoTime now);

    void up(std::string detail, MonoTime now);
    // No secret in `detail`. Only the step from up to down counts as a loss.
    void down(std::string detail, MonoTime now);
    [[nodiscard]] const StoreHealth& health() const { return health_; }

  private:
    void enter(StoreStatus status, std::string detail, MonoTime now);
    StoreHealth health_;
};

}  // namespace squadload::squad_api
