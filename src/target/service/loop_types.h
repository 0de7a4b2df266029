// Sockets and timers of this room, bound to an io_context without the indirection of
// any_io_executor.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <vector>

namespace squadload::service {

namespace asio = boost::asio;

using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

// Stands in a list of timers as long as it lives: whoever makes what they wait for true cancels
// them.
class Waiting {
  public:
    Waiting(std::vector<Timer*>& timers, Timer* timer) : timers_(timers), timer_(timer) {
        timers_.push_back(timer_);
    }
    ~Waiting() { std::erase(timers_, timer_); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

  private:
    std::vector<Timer*>& timers_;
    Timer* timer_;
};

}  // namespace squadload::service
