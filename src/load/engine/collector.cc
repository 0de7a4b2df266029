#include "load/engine/collector.h"

#include <algorithm>

namespace squadload::engine {

Collector::Collector(std::uint32_t workers, std::size_t entries, std::size_t sequences,
                     std::size_t most_claims)
    : queues_(workers),
      done_(workers, false),
      entries_(entries),
      sequences_(sequences),
      most_claims_(most_claims) {}

std::unique_ptr<measure::Interval> Collector::exchange(std::uint32_t worker,
                                                       std::unique_ptr<measure::Interval> full) {
    const std::lock_guard lock(mutex_);
    queues_[worker].push_back(std::move(full));
    arrived_.notify_one();
    if (empty_.empty())
        return std::make_unique<measure::Interval>(entries_, sequences_, most_claims_);
    auto interval = std::move(empty_.back());
    empty_.pop_back();
    return interval;
}

// Every worker hands over every second in order, so the heads of the queues are the same second.
bool Collector::second_is_complete() const {
    for (std::size_t w = 0; w < queues_.size(); ++w) {
        if (queues_[w].empty() && !done_[w]) return false;
    }
    return true;
}

std::unique_ptr<measure::Interval> Collector::next() {
    std::vector<std::unique_ptr<measure::Interval>> heads;
    {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [&] { return failed_ || second_is_complete(); });
        if (failed_) return nullptr;
        for (std::size_t w = 0; w < queues_.size(); ++w) {
            if (queues_[w].empty()) continue;
            heads.push_back(std::move(queues_[w].front()));
            queues_[w].erase(queues_[w].begin());
            done_[w] = heads.back()->last;
        }
    }
    if (heads.empty()) return nullptr;
    for (std::size_t i = 1; i < heads.size(); ++i) {
        heads[0]->merge(*heads[i]);
        recycle(std::move(heads[i]));
    }
    return std::move(heads[0]);
}

void Collector::recycle(std::unique_ptr<measure::Interval> interval) {
    interval->clear();
    const std::lock_guard lock(mutex_);
    empty_.push_back(std::move(interval));
}

void Collector::worker_failed() {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    arrived_.notify_one();
}

}  // namespace squadload::engine
