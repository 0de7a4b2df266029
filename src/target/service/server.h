// An HTTP/1.1 server on an io_context of one thread: connections, bounds, timeouts, drain. Framing
// follows RFC 9112; whatever two readers could understand differently is refused with 400 and a
// close: Content-Length beside Transfer-Encoding, a repeated Content-Length, a Transfer-Encoding
// other than "chunked", folded lines, spaces before the colon, no or several Host fields.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "target/service/router.h"

namespace squadload::service {

// Timeouts are looked at by one sweep over all connections, so they strike up to a quarter of the
// shortest one late (1 s at the most). Zero is no timeout.
struct ServerOptions {
    std::string address = "127.0.0.1";  // an IPv4 or IPv6 address, or "localhost"
    std::uint16_t port = 0;             // 0: a free one
    // At the bound no more are accepted until one closes; the kernel's backlog holds the others.
    std::size_t max_connections = 20'000;
    std::size_t max_header_bytes = 16 * 1024;         // request line and fields; beyond: 431
    std::size_t max_body_bytes = 1024 * 1024;         // beyond: 413
    std::size_t max_requests_in_flight = 20'000;      // of Handlers; beyond: 503 and Retry-After
    Nanos header_timeout = std::chrono::seconds(10);  // first byte to the end of the fields; 408
    Nanos body_timeout = std::chrono::seconds(30);  // end of the fields to the end of the body; 408
    Nanos idle_timeout = std::chrono::seconds(75);  // without a byte of a request
    Nanos write_timeout = std::chrono::seconds(30);  // without progress in sending an answer
};

// Totals since the start, but for the two that say "now".
struct ServerCounters {
    std::uint64_t connections = 0;
    std::uint64_t connections_now = 0;
    std::uint64_t requests = 0;        // complete ones, well-formed
    std::uint64_t in_flight_now = 0;   // Handlers at work
    std::uint64_t replies = 0;         // handed to the kernel whole
    std::uint64_t bad_requests = 0;    // 400
    std::uint64_t too_large = 0;       // 413 and 431
    std::uint64_t overloaded = 0;      // 503 for max_requests_in_flight
    std::uint64_t timeouts = 0;        // header, body and write; an idle connection is none
    std::uint64_t hangups = 0;         // the client left while an answer was due
    std::uint64_t handler_errors = 0;  // exceptions: 500
    std::uint64_t accept_errors = 0;   // descriptors ran out, for instance
};

class ServerCore;

// Owned by who runs the io_context; used on its thread, or while it does not run. Its end closes
// every connection and cancels their handlers, which may outlive it: what they refer to must last
// as long as the io_context.
class Server {
  public:
    // Listens at once, with SO_REUSEADDR. Error of kind resources: the address cannot be had.
    [[nodiscard]] static Result<std::unique_ptr<Server>> listen(asio::io_context& io,
                                                                ServerOptions options,
                                                                Router router);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string url() const;  // "http://127.0.0.1:8080", "http://[::1]:8080"
    [[nodiscard]] const ServerCounters& counters() const;
    [[nodiscard]] bool draining() const;

    // Stops accepting, closes idle connections, answers what is in flight or half received with
    // "Connection: close", then closes; after `grace` whatever is left. Gives whether nothing was
    // cut off. Takes grace and a little at the most.
    [[nodiscard]] asio::awaitable<bool> drain(Nanos grace);
    // Closes everything now, without an answer.
    void stop();

  private:
    explicit Server(std::shared_ptr<ServerCore> core);
    std::shared_ptr<ServerCore> core_;
};

}  // namespace squadload::service
