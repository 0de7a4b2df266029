#include "target/service/service_thread.h"

#include <pthread.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <exception>

#include "base/check.h"
#include "base/log.h"

namespace squadload::service {
namespace {

void log_internal_error(const std::string& where, const std::exception_ptr& exception) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        log::error("internal error in " + where + ": " + e.what());
    } catch (...) {
        log::error("internal error in " + where);
    }
}

// Runs until the context is stopped or out of work, whatever its handlers throw.
void run_guarded(asio::io_context& io, const std::string& name,
                 std::atomic<std::uint64_t>& errors) {
    for (;;) {
        try {
            io.run();
            return;
        } catch (...) {
            ++errors;
            log_internal_error(name, std::current_exception());
        }
    }
}

}  // namespace

ServiceThread::ServiceThread(std::string name)
    : name_(std::move(name)), io_(std::make_unique<asio::io_context>(1)), thread_([this] {
          pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
          const auto work = asio::make_work_guard(*io_);
          run_guarded(*io_, name_, errors_);
      }) {}

ServiceThread::~ServiceThread() {
    stop();
}

void ServiceThread::post(std::function<void()> work) {
    asio::post(*io_, std::move(work));
}

void ServiceThread::stop() {
    if (!thread_.joinable()) return;
    check_callable();
    io_->stop();
    thread_.join();
}

void ServiceThread::check_callable() const {
    SQUADLOAD_CHECK(thread_.joinable());
    SQUADLOAD_CHECK(std::this_thread::get_id() != thread_.get_id());
}

int run_until_signal(asio::io_context& io, std::function<asio::awaitable<void>()> on_stop) {
    int first = 0;
    std::atomic<std::uint64_t> errors = 0;
    asio::signal_set signals(io, SIGTERM, SIGINT);
    const auto ended = [&io](const std::exception_ptr& exception) {
        if (exception) log_internal_error("the drain", exception);
        io.stop();
    };
    signals.async_wait([&](const boost::system::error_code& error, int signal) {
        if (error) return;
        first = signal;
        signals.async_wait([&io](const boost::system::error_code& again, int) {
            if (!again) io.stop();
        });
        try {
            asio::co_spawn(io, on_stop(), ended);
        } catch (...) {
            ended(std::current_exception());
        }
    });
    run_guarded(io, "the service", errors);
    return first;
}

}  // namespace squadload::service
