// Running an io_context: on a thread of its own, or on the main thread until a signal.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>

namespace squadload::service {

namespace asio = boost::asio;

// One service: an io_context and the thread that runs it. An exception that reaches the loop is
// logged as an internal error and counted; the loop goes on.
// What lives on the loop (Server, Client, timers) is made and destroyed on its thread, by call(),
// or after stop() and before this object.
class ServiceThread {
  public:
    explicit ServiceThread(std::string name);  // starts; the first 15 characters name the thread
    ~ServiceThread();                          // stop()
    ServiceThread(const ServiceThread&) = delete;
    ServiceThread& operator=(const ServiceThread&) = delete;

    [[nodiscard]] asio::io_context& io() { return *io_; }
    [[nodiscard]] std::uint64_t internal_errors() const { return errors_; }

    void post(std::function<void()> work);  // any thread
    // Runs `work` on the loop and gives its result or exception; from any other thread, before
    // stop(). From the loop's own thread or later it would wait for ever: SQUADLOAD_CHECK.
    template <class F>
    auto call(F work) -> std::invoke_result_t<F&> {
        check_callable();
        // Shared: the loop is still inside it when the result is already here.
        const auto task =
            std::make_shared<std::packaged_task<std::invoke_result_t<F&>()>>(std::move(work));
        auto result = task->get_future();
        post([task] { (*task)(); });
        return result.get();
    }
    // Ends the loop without waiting for what is under way, and joins. Not from the loop's thread.
    void stop();

  private:
    void check_callable() const;  // it runs, and not on this thread

    std::string name_;
    std::atomic<std::uint64_t> errors_ = 0;
    std::unique_ptr<asio::io_context> io_;
    std::thread thread_;
};

// Runs the loop on this thread until SIGTERM or SIGINT came and `on_stop` (drain) ended; a second
// signal ends it at once. Gives the first signal's number. Exceptions as above.
[[nodiscard]] int run_until_signal(asio::io_context& io,
                                   std::function<asio::awaitable<void>()> on_stop);

}  // namespace squadload::service
