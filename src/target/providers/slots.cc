#include "target/providers/slots.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <utility>

namespace squadload::providers {

// Stands in the queue for as long as the coroutine that waits has a frame.
class Slots::Waiter {
  public:
    Waiter(const asio::any_io_executor& executor, Nanos longest, std::list<Waiter*>& queue)
        : timer_(executor, longest), queue_(queue), place_(queue.insert(queue.end(), this)) {}
    ~Waiter() { leave(); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    asio::steady_timer& timer() { return timer_; }
    [[nodiscard]] bool granted() const { return granted_; }
    void grant() {
        granted_ = true;
        leave();
        timer_.cancel();
    }

  private:
    void leave() {
        if (std::exchange(queued_, false)) queue_.erase(place_);
    }

    asio::steady_timer timer_;
    std::list<Waiter*>& queue_;
    std::list<Waiter*>::iterator place_;
    bool queued_ = true;
    bool granted_ = false;
};

Slots::Slots(asio::any_io_executor executor, std::int64_t limit, std::int64_t queue, Nanos longest)
    : executor_(std::move(executor)), limit_(limit), longest_queue_(queue), longest_(longest) {}

bool Slots::has_room() const {
    return limit_ == 0 || busy_ < limit_ || waiting() < longest_queue_;
}

bool Slots::try_take() {
    if (limit_ > 0 && busy_ >= limit_) return false;
    ++busy_;
    return true;
}

asio::awaitable<bool> Slots::take() {
    if (try_take()) co_return true;
    if (!has_room()) co_return false;
    Waiter waiter(executor_, longest_, queue_);
    boost::system::error_code error;
    co_await waiter.timer().async_wait(asio::redirect_error(asio::use_awaitable, error));
    co_return waiter.granted();
}

void Slots::release() {
    // The slot goes to the first in the queue, so `busy_` stays.
    if (!queue_.empty()) return queue_.front()->grant();
    --busy_;
}

}  // namespace squadload::providers
