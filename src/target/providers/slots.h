// How many calls a provider works on at once. Beyond, calls wait in order of arrival; beyond the
// queue's bound there is no room. One thread, its loop's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <list>

#include "base/time.h"

namespace squadload::providers {

namespace asio = boost::asio;

class Slots {
  public:
    // limit 0: no bound, and nobody waits. Waiting ends after `longest`.
    Slots(asio::any_io_executor executor, std::int64_t limit, std::int64_t queue, Nanos longest);

    [[nodiscard]] bool has_room() const;  // there is a slot or a place in the queue
    [[nodiscard]] bool try_take();        // true: a slot is the caller's, to be released once
    // Likewise, waiting for it. False: the wait was cancelled or took too long, or the queue is
    // full.
    [[nodiscard]] asio::awaitable<bool> take();
    void release();

    [[nodiscard]] std::int64_t busy() const { return busy_; }
    [[nodiscard]] std::int64_t waiting() const { return static_cast<std::int64_t>(queue_.size()); }

  private:
    class Waiter;

    asio::any_io_executor executor_;
    std::int64_t limit_;
    std::int64_t longest_queue_;
    Nanos longest_;
    std::int64_t busy_ = 0;
    std::list<Waiter*> queue_;
};

}  // namespace squadload::providers
