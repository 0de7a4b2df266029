// One TCP or Unix connection of a RedisClient, from connect to close: bytes out, replies in, and
// who waits for which. A part of RedisClient.
// Kept alive by the operations under way on it; used on one thread.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "target/squad_api/stores/redis_client.h"

namespace squadload::squad_api {

class RedisLink : public std::enable_shared_from_this<RedisLink> {
  public:
    using Socket = asio::generic::stream_protocol::socket;
    // on_closed: once, from inside close(), before the answers (none) of what was waiting.
    RedisLink(const asio::any_io_executor& executor, const RedisOptions& options,
              std::function<void(const std::string& why)> on_closed);

    // Until `deadline`: connects, authenticates, greets. Gives the replies of the greeting, or
    // nothing after a failure; then it is closed, and why() says why.
    [[nodiscard]] asio::awaitable<std::optional<std::vector<RedisReply>>> open(MonoTime deadline);
    // Reads and hands out answers until it is closed.
    [[nodiscard]] asio::awaitable<void> read();

    // What EVALSHA calls the script at that place; once open.
    [[nodiscard]] const std::string& script_hash(std::size_t script) const {
        return script_hashes_[script];
    }
    // False: too much is waiting. Call only while open.
    bool send(std::string bytes, RedisClient::Done done);
    void close(std::string why);
    // Closes without telling anyone.
    void abandon();
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] const std::string& why() const { return why_; }

  private:
    struct Waiting {
        RedisClient::Done done;
        MonoTime sent;
    };
    [[nodiscard]] asio::awaitable<bool> connect();
    [[nodiscard]] asio::awaitable<bool> connect_to(RedisLink::Socket::endpoint_type endpoint);
    [[nodiscard]] asio::awaitable<std::optional<RedisReply>> next_reply();
    [[nodiscard]] asio::awaitable<bool> read_some();
    [[nodiscard]] std::vector<std::string> hello() const;
    [[nodiscard]] std::string refusal(std::size_t command, const std::string& error) const;
    void flush();
    void watch();
    void hand_out();

    const RedisOptions& options_;
    std::string where_;
    std::function<void(const std::string&)> on_closed_;
    Socket socket_;
    asio::steady_timer open_timer_;
    asio::steady_timer watchdog_;
    bool watching_ = false;
    bool opening_ = true;
    std::vector<std::string> script_hashes_;
    RedisDecoder decoder_;
    std::array<char, 16384> incoming_{};
    std::string unsent_;
    std::string sending_;
    std::deque<Waiting> waiting_;
    bool closed_ = false;
    std::string why_;
};

}  // namespace squadload::squad_api
