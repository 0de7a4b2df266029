// Who steers a run from outside while it goes: how many users there are to be, or how large a share
// of the schedule is this process's. For runs whose size another decides, such as a Locust master.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "base/time.h"

namespace squadload::engine {

struct LoadTarget {
    // Closed model: users of each class of the scenario, in file order, over all workers; in force
    // as soon as a worker reads it.
    std::vector<std::uint32_t> users;
    // Open model: of the scenario's rate, over all workers; 0: nothing starts.
    double share = 0;
    // Open model: how far the schedule is ahead of this run's clock, for a run that joined late.
    Nanos ahead{};
};

// set(), set_grace() and taken_by_all() by the thread that steers, the rest by the workers.
// Outlives the run.
class Steering {
  public:
    explicit Steering(std::uint32_t workers) : taken_(workers) {}

    void set(LoadTarget target);
    // How long a stop that follows awaits what is in flight, in place of the scenario's
    // graceful_stop.
    void set_grace(Nanos grace) { grace_.store(grace.count(), std::memory_order_release); }
    [[nodiscard]] std::optional<Nanos> grace() const;
    [[nodiscard]] bool taken_by_all() const;  // every worker acts on the last target

    // Counts the targets set; 0: none yet.
    [[nodiscard]] std::uint64_t generation() const {
        return generation_.load(std::memory_order_acquire);
    }
    // The last target, and its number.
    [[nodiscard]] LoadTarget target(std::uint64_t& generation) const;
    void taken(std::uint32_t worker, std::uint64_t generation);

  private:
    mutable std::mutex mutex_;
    LoadTarget target_;
    std::atomic<std::uint64_t> generation_{0};
    std::atomic<std::int64_t> grace_{-1};  // ns; < 0: none set
    std::vector<std::atomic<std::uint64_t>> taken_;
};

}  // namespace squadload::engine
