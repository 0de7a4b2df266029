// The Squad API: an HTTP service that takes chat requests for agents and has LLM providers answer
// them, inside every provider's quota. See README.md for its endpoints.
//
// Owned by who runs the io_context, made and used on its thread (or while it does not run).
//
//   Gateway gateway(io, config, stores);
//   const auto port = gateway.start();
//   …
//   co_await gateway.drain();   // on SIGTERM
//   gateway.stop();
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "target/service/server.h"
#include "target/squad_api/config.h"
#include "target/squad_api/stores.h"

namespace squadload::squad_api {

struct Core;

class Gateway {
  public:
    // config: as parse_config gave it, or changed and checked by check_config. The stores live as
    // long as the io_context at least; who gave them closes them after the drain.
    Gateway(asio::io_context& io, Config config, Stores stores = {});
    ~Gateway();  // stop()
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    // Listens and gives the port. Errors: the address cannot be had (resources), the certificates
    // cannot be read (config).
    [[nodiscard]] Result<std::uint16_t> start();
    [[nodiscard]] std::string url() const;  // "http://127.0.0.1:8000"; after start()

    // From now on /health says "draining" (503), no connection is accepted, and what is in flight
    // is answered, for config.server.drain at most. Gives whether nothing was cut off.
    [[nodiscard]] asio::awaitable<bool> drain();
    // Closes everything now. Coroutines under way end by themselves or with the io_context.
    void stop();

  private:
    std::shared_ptr<Core> core_;
    std::unique_ptr<service::Server> server_;
};

}  // namespace squadload::squad_api
