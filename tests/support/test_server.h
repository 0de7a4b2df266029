// A real HTTP server on loopback for tests, scripted per connection and request. One thread, epoll,
// precise up to some 2,000 requests per second; it logs how long each answer really took, as the
// truth to compare measurements with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "support/reply.h"
#include "support/tls_server_options.h"

namespace squadload::test_support {

struct Request {
    std::uint64_t number = 0;         // over all connections, from 0
    std::uint64_t connection = 0;     // from 0
    std::uint64_t on_connection = 0;  // on its connection, from 0
    std::string method, target;
    std::string headers;  // lines as sent
    std::string body;     // by Content-Length
};

// Called on the server's thread.
using Handler = std::function<Reply(const Request&)>;

enum class OnAccept {
    serve,
    ignore,  // stays open, nothing is read or answered
    close,
    reset
};

// min + an exponential draw of mean `mean_extra`, at most max; by seed and request number.
struct RandomDelays {
    std::uint64_t seed = 1;
    Nanos min{};
    Nanos mean_extra{};
    Nanos max = std::chrono::seconds{1};
};

// A reply nobody asked for: written once the client has sent `after_bytes` of whatever (over TLS
// counted after the handshake), before any request is looked at.
struct Unasked {
    std::size_t after_bytes = 0;
    Reply reply;
    std::uint64_t connections = ~std::uint64_t{0};  // only on the first so many
};

struct ServerOptions {
    Handler handler = [](const Request&) { return ok(); };
    std::function<OnAccept(std::uint64_t connection)> on_accept;  // none: serve
    std::optional<RandomDelays> delays;  // for the first byte of every reply, instead of its own
    bool ipv6 = false;
    std::optional<TlsServerOptions> tls;  // none: plain
    std::optional<Unasked> unasked;
};

struct DelayEntry {
    std::uint64_t request = 0;  // Request::number
    Nanos delay{};              // from the whole request at the server's socket (kernel's time;
                    // it takes some milliseconds after the first server's start until it tells) to
                    // the whole reply handed to the kernel
};

class ServerThread;

class TestServer {
  public:
    explicit TestServer(
        ServerOptions options = {});  // listens on a free port; ends the process if it cannot
    explicit TestServer(Handler handler);
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string host() const;  // "127.0.0.1", "::1"
    [[nodiscard]] std::string url() const;   // "http://127.0.0.1:4711", "https://…"

    // Like a stopped process: the kernel goes on accepting, the server does nothing. Returns once
    // it stands still.
    void freeze();
    void thaw();

    // The following wait for the server's thread: not while frozen.
    void settle();  // waits until everything clients have seen so far is counted and logged
    void set_handler(Handler handler);
    void close_idle();  // connections on which no request is being answered
    void die();         // stops listening and resets every connection

    [[nodiscard]] std::uint64_t connections() const;  // accepted so far
    [[nodiscard]] std::uint64_t open_connections() const;
    [[nodiscard]] std::uint64_t requests() const;       // received in full so far
    [[nodiscard]] std::uint64_t replies() const;        // written in full so far
    [[nodiscard]] std::uint64_t bytes_written() const;  // on the wire
    [[nodiscard]] std::vector<DelayEntry> delays()
        const;  // of the replies, in the order they ended

  private:
    std::unique_ptr<ServerThread> thread_;
};

}  // namespace squadload::test_support
