// For tests: turns a loop until something has come true, or fails after a deadline.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>

#include "base/time.h"

namespace squadload::squad_api {

[[nodiscard]] inline bool turn_until(boost::asio::io_context& io,
                                     const std::function<bool()>& true_by,
                                     Nanos within = std::chrono::seconds(30)) {
    const MonoTime deadline = mono_now() + within;
    while (!true_by()) {
        if (mono_now() >= deadline) return false;
        if (io.stopped()) io.restart();
        io.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
}

// What the coroutine gives.
template <class T>
T result_of(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr error;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown, T value) {
        error = thrown;
        result = std::move(value);
    });
    if (!turn_until(io, [&] { return result.has_value(); })) {
        throw std::runtime_error("the coroutine does not end");
    }
    if (error) std::rethrow_exception(error);
    return std::move(*result);
}

}  // namespace squadload::squad_api
