// One connection of the test server: reads requests, writes replies as scripted. No epoll, no
// timers of its own: the server tells it when to go on, and asks what it waits for.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "support/test_server.h"

namespace squadload::test_support {

struct ServerShared;  // what all connections count and log

struct ActiveReply {
    Reply reply;
    std::uint64_t number = 0;  // of its request
    MonoTime received;
    MonoTime due;
    std::size_t piece = 0;
    std::size_t written = 0;  // of the piece, or of the repeated block
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
    bool take_request();
    void start(Request request);
    bool write_reply();  // false: waits
    bool write(const std::string& bytes);
    void end_reply();

    int socket_;
    std::uint64_t id_;
    ServerShared& shared_;
    std::string input_;
    MonoTime input_time_;
    std::uint64_t requests_ = 0;
    std::optional<ActiveReply> active_;
    std::optional<MonoTime> deadline_;
    Reply::Then when_idle_ = Reply::Then::keep_open;
    bool blocked_ = false;
    bool done_ = false;
};

struct ServerShared {
    ServerOptions options;
    std::atomic<std::uint64_t> connections{0}, open_connections{0}, requests{0}, replies{0},
        bytes_written{0};
    mutable std::mutex mutex;
    std::vector<DelayEntry> delays;  // under mutex
};

}  // namespace squadload::test_support
