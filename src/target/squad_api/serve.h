// A chat request's whole way: along the chain, through the wait queue, to an answer or a verdict.
// Internal to this room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "target/squad_api/call.h"
#include "target/squad_api/core.h"

namespace squadload::squad_api {

// call and served outlive the coroutine. Cancelled when the client hangs up: whatever it held goes
// back, and served tells how far it came.
[[nodiscard]] asio::awaitable<void> serve(std::shared_ptr<Core> core, ChatCall* call,
                                          Served* served);

// Hands out what comes free to the wait queue, until core->stopping. Started once.
[[nodiscard]] asio::awaitable<void> pump_queue(std::shared_ptr<Core> core);

// When this request would have room, as far as is known: the earliest provider's, and after those
// who wait already. `known`: not before that.
[[nodiscard]] Nanos retry_hint(Core& core, const ChatCall& call, std::optional<Nanos> known,
                               MonoTime now);

}  // namespace squadload::squad_api
