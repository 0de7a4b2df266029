#include "target/squad_api/stores/deadline_event.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace squadload::squad_api {

asio::awaitable<bool> DeadlineEvent::wait(MonoTime deadline) {
    while (!happened_ && mono_now() < deadline) {
        boost::system::error_code ignored;
        // Time points far away overflow where clocks are converted.
        timer_.expires_at(std::min(deadline, mono_now() + std::chrono::hours(1)));
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return happened_;
}

}  // namespace squadload::squad_api
