// Slots handed out last in, first out, so that light load keeps few connections open. Grows up to
// its bound.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "load/engine/connection.h"

namespace squadload::engine {

// Owned by a driver; single thread.
class ConnectionPool {
  public:
    ConnectionPool(transport::Loop& loop, const Plan& plan, const TaskTable& tasks,
                   ExchangeOwner& owner, std::uint64_t max);

    [[nodiscard]] bool has_free() const { return !free_.empty() || all_.size() < max_; }
    [[nodiscard]] Connection& take();  // requires has_free()
    void put_back(Connection& connection) { free_.push_back(&connection); }
    [[nodiscard]] std::uint32_t in_use() const {
        return static_cast<std::uint32_t>(all_.size() - free_.size());
    }

    void abandon_all();
    [[nodiscard]] bool shut();
    [[nodiscard]] std::uint64_t opened() const;

  private:
    transport::Loop& loop_;
    const Plan& plan_;
    const TaskTable& tasks_;
    ExchangeOwner& owner_;
    std::uint64_t max_;
    std::vector<std::unique_ptr<Connection>> all_;
    std::vector<Connection*> free_;
};

}  // namespace squadload::engine
