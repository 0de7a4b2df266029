// Something that happens once, and coroutines of one thread that wait for it no longer than until
// a deadline. Held by a shared_ptr of who waits and one of who makes it happen, so that either may
// go first.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/time.h"

namespace squadload::squad_api {

namespace asio = boost::asio;

class DeadlineEvent {
  public:
    explicit DeadlineEvent(const asio::any_io_executor& executor) : timer_(executor) {}

    void happen() {
        happened_ = true;
        timer_.cancel();
    }
    [[nodiscard]] bool happened() const { return happened_; }
    // Whether it happened by then. One waits at a time. Throws when the coroutine is cancelled.
    [[nodiscard]] asio::awaitable<bool> wait(MonoTime deadline);

  private:
    asio::steady_timer timer_;
    bool happened_ = false;
};

}  // namespace squadload::squad_api
