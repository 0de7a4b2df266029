#include "load/engine/connection_pool.h"

#include "base/check.h"

namespace squadload::engine {

ConnectionPool::ConnectionPool(ChannelContext& channels, const Plan& plan,
                               const EntryTable& entries, ExchangeOwner& owner, std::uint64_t max)
    : channels_(channels), plan_(plan), entries_(entries), owner_(owner), max_(max) {}

Connection& ConnectionPool::take(Connection::Job& job) {
    job.free_since = free_time_.free_since();
    job.free_before = free_time_.earlier(job.intended);
    if (free_.empty()) {
        SQUADLOAD_CHECK(all_.size() < max_);
        all_.push_back(std::make_unique<Connection>(channels_, plan_, entries_, owner_));
        free_.push_back(static_cast<std::uint32_t>(all_.size() - 1));
    }
    job.slot = free_.back();
    free_.pop_back();
    if (!has_free()) free_time_.filled(channels_.loop.now());
    return *all_[job.slot];
}

void ConnectionPool::put_back(std::uint32_t slot) {
    // The first to be free may have been since the loop last looked.
    if (!has_free()) free_time_.freed(channels_.loop.batch_earliest());
    free_.push_back(slot);
}

void ConnectionPool::abandon_all() {
    for (std::size_t i = 0; i < all_.size(); ++i) all_[i]->abandon();
}

bool ConnectionPool::shut() {
    bool any_open = false;
    for (const auto& connection : all_) {
        connection->shut();
        any_open = any_open || connection->open();
    }
    return !any_open;
}

std::uint64_t ConnectionPool::opened() const {
    std::uint64_t sum = 0;
    for (const auto& connection : all_) sum += connection->opened();
    return sum;
}

}  // namespace squadload::engine
