// The chat endpoints: from a client's request to its answer, with one audit row each. Internal to
// this room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "target/service/message.h"
#include "target/squad_api/core.h"

namespace squadload::squad_api {

enum class Endpoint { agents_chat, agent, chat_completions };

[[nodiscard]] asio::awaitable<service::Reply> chat(std::shared_ptr<Core> core, Endpoint endpoint,
                                                   service::Request request);

}  // namespace squadload::squad_api
