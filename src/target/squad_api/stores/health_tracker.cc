#include "target/squad_api/stores/health_tracker.h"

#include <utility>

namespace squadload::squad_api {

HealthTracker::HealthTracker(std::string kind, MonoTime now) {
    health_.kind = std::move(kind);
    enter(StoreStatus::down, "not reached yet", now);
}

void HealthTracker::up(std::string detail, MonoTime now) {
    enter(StoreStatus::up, std::move(detail), now);
}

void HealthTracker::down(std::string detail, MonoTime now) {
    if (health_.status == StoreStatus::up) ++health_.losses;
    enter(StoreStatus::down, std::move(detail), now);
}

void HealthTracker::enter(StoreStatus status, std::string detail, MonoTime now) {
    if (health_.status != status) health_.since = now;
    health_.status = status;
    health_.detail = std::move(detail);
}

}  // namespace squadload::squad_api
