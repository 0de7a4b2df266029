// One connection of the test server: reads requests, writes replies as scripted. No epoll, no
// timers of its own: the server tells it when to go on, and asks what it waits for.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "support/server_tls.h"
#include "support/test_server.h"

namespace squadload::test_support {

struct ServerShared;  // what all connections count and log

struct ActiveReply {
    Reply reply;
    std::optional<std::uint64_t> number;  // of its request; none: nobody asked
    MonoTime received;
    MonoTime due;
    std::size_t piece = 0;
    bool queued = false;  // the piece, or the repeated block, is on its way
};

class ServerConnection {
  public:
    ServerConnection(int socket, std::uint64_t id, ServerShared& shared);
    ~ServerConnection();
    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    void on_readable();
    void advance();  // does everything that can be done now

    [[nodiscard]] bool done() const { return done_; }  // to be destroyed
    [[nodiscard]] bool wants_write() const { return blocked_; }
    [[nodiscard]] std::optional<MonoTime> deadline() const { return deadline_; }
    [[nodiscard]] bool idle() const { return !active_; }
    [[nodiscard]] int socket() const { return socket_; }
    void reset();  // RST

  private:
    [[nodiscard]] bool listening() const;
    [[nodiscard]] bool unasked_is_due() const;
    bool take_request();
    void start(Request request);
    void answer(Reply reply);
    bool write_reply();  // false: waits
    bool write(const std::string& bytes, As as);
    bool flush();  // false: the socket takes no more now, or never again
    void end_reply();
    void end(Then then);  // once everything queued is written

    int socket_;
    std::uint64_t id_;
    ServerShared& shared_;
    std::unique_ptr<ServerTls> tls_;  // null: plain
    std::string input_;
    MonoTime input_time_;
    std::size_t received_ = 0;
    std::uint64_t requests_ = 0;
    std::optional<ActiveReply> active_;
    std::deque<std::string> queue_;  // segments for the socket
    std::size_t written_ = 0;        // of the first of them
    std::optional<MonoTime> deadline_;
    Then when_idle_ = Then::keep_open;
    Then after_queue_ = Then::keep_open;
    bool unasked_done_ = false;
    bool blocked_ = false;
    bool half_closed_ = false;
    bool muted_ = false;
    bool done_ = false;
};

struct ServerShared {
    ServerOptions options;
    std::unique_ptr<TlsContext> tls;  // null: plain
    std::atomic<std::uint64_t> connections{0}, open_connections{0}, requests{0}, replies{0},
        bytes_written{0};
    mutable std::mutex mutex;
    std::vector<DelayEntry> delays;  // under mutex
};

}  // namespace squadload::test_support
