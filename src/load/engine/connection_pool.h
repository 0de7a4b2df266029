// Slots handed out last in, first out, so that light load keeps few connections open. Grows up to
// its bound.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "load/engine/connection.h"
#include "load/engine/free_time.h"

namespace squadload::engine {

// Owned by a driver; single thread.
class ConnectionPool {
  public:
    ConnectionPool(ChannelContext& channels, const Plan& plan, const EntryTable& entries,
                   ExchangeOwner& owner, std::uint64_t max);

    [[nodiscard]] bool has_free() const { return !free_.empty() || all_.size() < max_; }
    void begin(MonoTime start) { free_time_.begin(start); }
    // Requires has_free(). Tells the job its slot, and since when one was free for it; to be called
    // in the order of the intended starts.
    [[nodiscard]] Connection& take(Connection::Job& job);
    void put_back(std::uint32_t slot);
    [[nodiscard]] std::uint32_t in_use() const {
        return static_cast<std::uint32_t>(all_.size() - free_.size());
    }

    void abandon_all();
    [[nodiscard]] bool shut();
    [[nodiscard]] std::uint64_t opened() const;

  private:
    ChannelContext& channels_;
    const Plan& plan_;
    const EntryTable& entries_;
    ExchangeOwner& owner_;
    std::uint64_t max_;
    FreeTime free_time_;
    std::vector<std::unique_ptr<Connection>> all_;
    std::vector<std::uint32_t> free_;  // indices into all_
};

}  // namespace squadload::engine
