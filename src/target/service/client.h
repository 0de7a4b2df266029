// An HTTP/1.1 client with kept connections, bounded per origin, over TCP or TLS.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "target/service/headers.h"
#include "target/service/url.h"

namespace squadload::service {

namespace asio = boost::asio;

struct ClientOptions {
    std::size_t max_connections_per_origin = 512;  // beyond: requests wait in order of arrival
    std::size_t max_idle_per_origin = 512;
    std::size_t max_header_bytes = 64 * 1024;         // of an answer
    std::size_t max_body_bytes = 16 * 1024 * 1024;    // of an answer
    Nanos connect_timeout = std::chrono::seconds(5);  // resolve, connect and TLS together
    Nanos idle_timeout = std::chrono::seconds(30);    // then a kept connection is closed
    Nanos resolve_for = std::chrono::seconds(30);     // how long a name's addresses are believed
    std::string ca_file;                              // PEM; empty: the system's certificates
    bool verify = true;  // the server's certificate and name; false is for tests at home
};

// Host, Content-Length and Connection are the client's; fields that set them or that are malformed
// are left out as in Reply.
struct ClientRequest {
    std::string method = "GET";
    Origin origin;
    std::string target = "/";
    Headers headers;
    std::string body;
};

enum class FailureKind { resolve, connect, tls, timeout, closed, protocol, too_large };
[[nodiscard]] const char* name_of(FailureKind kind);  // "resolve", …

struct Failure {
    FailureKind kind = FailureKind::closed;
    std::string sentence;  // for people: "127.0.0.1:80 refused the connection"
};

// Each is zero (MonoTime{}) until it happened.
struct Timings {
    MonoTime started;       // send() was called
    MonoTime connected_at;  // a connection was there, new (after TLS) or kept
    MonoTime sent;          // the request was with the kernel
    MonoTime first_byte;    // of the answer
    MonoTime done;          // the answer was complete, or the failure known
};

struct Answer {
    std::optional<Failure> failure;  // then there is no status, headers and body
    int status = 0;                  // 200 … 599
    Headers headers;
    std::string body;  // as sent, chunks joined; content codings are not undone
    Timings timings;
    bool reused = false;   // over a kept connection
    bool retried = false;  // the kept connection was found closed, a fresh one used

    [[nodiscard]] bool ok() const { return !failure.has_value(); }
};

struct ClientCounters {
    std::uint64_t requests = 0;
    std::uint64_t connections_opened = 0;
    std::uint64_t connections_now = 0;  // all origins, idle ones included
    std::uint64_t idle_now = 0;
    std::uint64_t waiting_now = 0;  // for a connection
    std::uint64_t retries = 0;      // on a fresh connection
};

class ClientCore;

// Used on the io_context's thread. Requests may outlive it: they then end by themselves.
//
// A kept connection is looked at before it is used, and the kernel knows of a peer's close, so that
// a stale one carries a request only when the close was on its way. Then, if no byte of an answer
// came, GET, HEAD, OPTIONS, PUT and DELETE (idempotent, RFC 9110 §9.2.2) are sent again, once, on a
// fresh connection. A POST is never repeated, since it may have been processed: it fails with
// `closed`.
class Client {
  public:
    // Error of kind config: the CA file cannot be read.
    [[nodiscard]] static Result<std::unique_ptr<Client>> create(asio::io_context& io,
                                                                ClientOptions options);
    ~Client();  // as close()
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Ends by `deadline`, waiting for a connection included; never throws but when the awaiting
    // coroutine is cancelled, which closes the connection.
    [[nodiscard]] asio::awaitable<Answer> send(ClientRequest request, MonoTime deadline);

    [[nodiscard]] const ClientCounters& counters() const;
    // Closes idle connections now and busy ones after their answer; none is kept afterwards.
    void close();

  private:
    explicit Client(std::shared_ptr<ClientCore> core);
    std::shared_ptr<ClientCore> core_;
};

}  // namespace squadload::service
