// One connection to a Redis that keeps itself up: many commands under way at once, answered in
// order; a deadline for every answer; connects again by itself after a loss.
//
// A command is sent on the connection that is up now or not at all, and is never sent twice: what
// a loss cut off may or may not have been done, and only the caller knows what that means.
//
// Owner: a limiter or a history. One thread: that of the executor. Everything here is called on it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "target/squad_api/stores/redis_codec.h"
#include "target/squad_api/stores/redis_url.h"

namespace squadload::squad_api {

namespace asio = boost::asio;

struct RedisOptions {
    RedisAddress address;
    // Resolve, connect, AUTH, SELECT and the greeting together.
    Nanos connect_timeout = std::chrono::milliseconds(500);
    // An answer that takes longer means that the connection, and with it the store, is lost.
    Nanos answer_timeout = std::chrono::milliseconds(500);
    // Between attempts to connect, doubling. Starts again after a connection that held for
    // `settled`; after the loss of such a one the first attempt comes at once.
    Nanos backoff_first = std::chrono::milliseconds(20);
    Nanos backoff_max = std::chrono::seconds(1);
    Nanos settled = std::chrono::seconds(1);
    std::size_t max_waiting = 8192;                          // commands without an answer
    std::size_t max_unsent = std::size_t{16} * 1024 * 1024;  // bytes
    RedisBounds bounds;
    // Sent on every new connection, in this order; an error answer fails the attempt.
    std::vector<std::vector<std::string>> greeting;
    // Loaded on every new connection; eval() knows them by their place. Kept by address: static.
    std::vector<std::string_view> scripts;
};

struct RedisAnswer {
    std::optional<RedisReply> reply;  // none: the connection was lost before it came
    MonoTime sent;                    // when the command was handed over
};

class RedisClient {
  public:
    using Done = std::function<void(RedisAnswer)>;

    // None is called after stop() or from inside start().
    struct Events {
        // Connected and greeted; replies of the greeting.
        std::function<void(const std::vector<RedisReply>&)> up;
        // It was up. retries_now: the next attempt starts at once. Comes before the answers (none)
        // of what was under way.
        std::function<void(const std::string& why, bool retries_now)> lost;
        // An attempt failed, or the connection was lost before it was up.
        std::function<void(const std::string& why)> unreachable;
    };

    RedisClient(const asio::any_io_executor& executor, RedisOptions options, Events events);
    ~RedisClient();  // stop()
    RedisClient(const RedisClient&) = delete;
    RedisClient& operator=(const RedisClient&) = delete;

    void start();
    // Closes; answers still due never come, their callbacks are destroyed.
    void stop();

    [[nodiscard]] bool up() const;
    // False: not up, or too much is waiting; then `done` is not called. Otherwise it is called
    // exactly once (but for stop()), never from inside send().
    bool send(const std::vector<std::string_view>& command, Done done);
    // EVALSHA with one key; when the server has forgotten the script (SCRIPT FLUSH), EVAL.
    bool eval(std::size_t script, std::string_view key, std::vector<std::string> arguments,
              Done done);
    // Gives this connection up: lost(why) comes from inside. No effect when not up.
    void drop(const std::string& why);

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace squadload::squad_api
