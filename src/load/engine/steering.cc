#include "load/engine/steering.h"

#include <algorithm>
#include <utility>

namespace squadload::engine {

void Steering::set(LoadTarget target) {
    const std::lock_guard lock(mutex_);
    target_ = std::move(target);
    generation_.fetch_add(1, std::memory_order_release);
}

LoadTarget Steering::target(std::uint64_t& generation) const {
    const std::lock_guard lock(mutex_);
    generation = generation_.load(std::memory_order_relaxed);
    return target_;
}

void Steering::taken(std::uint32_t worker, std::uint64_t generation) {
    taken_[worker].store(generation, std::memory_order_release);
}

std::optional<Nanos> Steering::grace() const {
    const std::int64_t grace = grace_.load(std::memory_order_acquire);
    return grace < 0 ? std::nullopt : std::optional(Nanos{grace});
}

bool Steering::taken_by_all() const {
    const auto last = generation();
    return std::all_of(taken_.begin(), taken_.end(), [&](const auto& taken) {
        return taken.load(std::memory_order_acquire) == last;
    });
}

}  // namespace squadload::engine
