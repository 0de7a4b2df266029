#include "target/squad_api/stores/redis_link.h"

#include <fmt/core.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace squadload::squad_api {
namespace {

using boost::system::error_code;

// What the system says, in the words of the person who reads /health.
std::string words_of(const error_code& error, const std::string& where) {
    if (error == asio::error::connection_refused) return where + " refused the connection";
    if (error == asio::error::eof) return where + " closed the connection";
    if (error == asio::error::connection_reset || error == asio::error::broken_pipe) {
        return where + " reset the connection";
    }
    return fmt::format("{}: {}", where, error.message());
}

}  // namespace

RedisLink::RedisLink(const asio::any_io_executor& executor, const RedisOptions& options,
                     std::function<void(const std::string&)> on_closed)
    : options_(options),
      where_(options.address.text()),
      on_closed_(std::move(on_closed)),
      socket_(executor),
      open_timer_(executor),
      watchdog_(executor),
      decoder_(options.bounds) {}

// Commands of the handshake, encoded: AUTH, SELECT, the greeting, SCRIPT LOAD of each script.
std::vector<std::string> RedisLink::hello() const {
    std::vector<std::string> commands;
    const auto add = [&](const std::vector<std::string_view>& command) {
        commands.push_back(encode_command(command));
    };
    const RedisAddress& address = options_.address;
    if (!address.password.empty() && address.user.empty()) add({"AUTH", address.password});
    if (!address.user.empty()) add({"AUTH", address.user, address.password});
    if (address.database != 0) add({"SELECT", std::to_string(address.database)});
    for (const auto& command : options_.greeting) {
        add(std::vector<std::string_view>(command.begin(), command.end()));
    }
    for (const std::string_view script : options_.scripts) add({"SCRIPT", "LOAD", script});
    return commands;
}

asio::awaitable<std::optional<std::vector<RedisReply>>> RedisLink::open(MonoTime deadline) {
    open_timer_.expires_at(deadline);
    open_timer_.async_wait([self = weak_from_this()](const error_code& error) {
        const auto link = self.lock();
        if (!error && link && link->opening_) {
            link->close(link->where_ + " did not answer in time");
        }
    });
    const bool connected = co_await connect();
    if (!connected) co_return std::nullopt;

    const std::vector<std::string> commands = hello();
    for (const std::string& command : commands) unsent_ += command;
    flush();
    std::vector<RedisReply> replies;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        std::optional<RedisReply> reply = co_await next_reply();
        if (!reply) co_return std::nullopt;
        if (reply->is_error()) {
            close(refusal(i, reply->text));
            co_return std::nullopt;
        }
        replies.push_back(std::move(*reply));
    }
    opening_ = false;
    open_timer_.cancel();
    const std::size_t scripts = options_.scripts.size();
    for (std::size_t i = replies.size() - scripts; i < replies.size(); ++i) {
        script_hashes_.push_back(std::move(replies[i].text));
    }
    replies.resize(replies.size() - scripts);
    const std::size_t before = replies.size() - options_.greeting.size();  // AUTH, SELECT
    replies.erase(replies.begin(), replies.begin() + static_cast<std::ptrdiff_t>(before));
    co_return replies;
}

// Why it does not let us in. Only the server's words and the place: never what we sent.
std::string RedisLink::refusal(std::size_t command, const std::string& error) const {
    const bool credentials = !options_.address.password.empty() || !options_.address.user.empty();
    if (command == 0 && credentials) {
        return fmt::format("{} refused the user or password: {}", where_, error);
    }
    if (error.starts_with("NOAUTH")) return where_ + " wants a password: " + error;
    return fmt::format("{} refused: {}", where_, error);
}

asio::awaitable<bool> RedisLink::connect() {
    const RedisAddress& address = options_.address;
    if (address.host.empty()) {
        if (address.path.size() > 107) {  // sun_path of unix(7), with its zero
            close("the path of the socket is longer than 107 bytes");
            co_return false;
        }
        const asio::local::stream_protocol::endpoint endpoint(address.path);
        const bool connected = co_await connect_to(endpoint);
        co_return connected;
    }
    error_code error;
    const auto number = asio::ip::make_address(address.host, error);
    if (!error) {
        const asio::ip::tcp::endpoint endpoint(number, address.port);
        const bool connected = co_await connect_to(endpoint);
        co_return connected;
    }
    asio::ip::tcp::resolver resolver(socket_.get_executor());
    const auto found =
        co_await resolver.async_resolve(address.host, std::to_string(address.port),
                                        asio::redirect_error(asio::use_awaitable, error));
    if (closed_) co_return false;
    if (error) {
        close(words_of(error, where_));
        co_return false;
    }
    std::size_t left = found.size();
    for (const auto& entry : found) {
        const asio::ip::tcp::endpoint endpoint = entry.endpoint();
        // Only the last one's failure is final.
        if (--left > 0) {
            co_await socket_.async_connect(endpoint,
                                           asio::redirect_error(asio::use_awaitable, error));
            if (closed_) co_return false;
            if (!error) co_return true;
            socket_.close(error);
            continue;
        }
        const bool connected = co_await connect_to(endpoint);
        co_return connected;
    }
    close(where_ + " has no address");
    co_return false;
}

asio::awaitable<bool> RedisLink::connect_to(Socket::endpoint_type endpoint) {
    error_code error;
    co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (closed_) co_return false;
    if (error) {
        close(words_of(error, where_));
        co_return false;
    }
    co_return true;
}

asio::awaitable<std::optional<RedisReply>> RedisLink::next_reply() {
    while (!closed_) {
        Result<std::optional<RedisReply>> reply = decoder_.next();
        if (!reply) {
            close(fmt::format("{}: {}", where_, reply.error().message));
        } else if (*reply) {
            co_return std::move(**reply);
        } else {
            co_await read_some();
        }
    }
    co_return std::nullopt;
}

asio::awaitable<bool> RedisLink::read_some() {
    error_code error;
    const std::size_t size = co_await socket_.async_read_some(
        asio::buffer(incoming_), asio::redirect_error(asio::use_awaitable, error));
    if (closed_) co_return false;
    if (error) {
        close(words_of(error, where_));
        co_return false;
    }
    decoder_.feed(std::string_view(incoming_.data(), size));
    co_return true;
}

asio::awaitable<void> RedisLink::read() {
    while (!closed_) {
        hand_out();
        if (closed_) break;
        co_await read_some();
    }
}

void RedisLink::hand_out() {
    while (!closed_) {
        Result<std::optional<RedisReply>> reply = decoder_.next();
        if (!reply) return close(fmt::format("{}: {}", where_, reply.error().message));
        if (!*reply) return;
        if (waiting_.empty()) return close(where_ + " sent an answer that nobody asked for");
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        if (next.done) next.done(RedisAnswer{std::move(**reply), next.sent});
    }
}

bool RedisLink::send(std::string bytes, RedisClient::Done done) {
    if (waiting_.size() >= options_.max_waiting) return false;
    if (unsent_.size() + bytes.size() > options_.max_unsent) return false;
    waiting_.push_back(Waiting{std::move(done), mono_now()});
    unsent_ += bytes;
    flush();
    watch();
    return true;
}

void RedisLink::flush() {
    if (closed_ || !sending_.empty() || unsent_.empty()) return;
    sending_.swap(unsent_);
    asio::async_write(socket_, asio::buffer(sending_),
                      [self = shared_from_this()](const error_code& error, std::size_t) {
                          self->sending_.clear();
                          if (self->closed_) return;
                          if (error) return self->close(words_of(error, self->where_));
                          self->flush();
                      });
}

// One timer for all answers: they come in order, so the oldest is due first.
void RedisLink::watch() {
    if (closed_ || watching_ || waiting_.empty()) return;
    watching_ = true;
    watchdog_.expires_at(waiting_.front().sent + options_.answer_timeout);
    watchdog_.async_wait([self = weak_from_this()](const error_code& error) {
        const auto link = self.lock();
        if (error || !link) return;
        link->watching_ = false;
        if (link->closed_ || link->waiting_.empty()) return;
        if (mono_now() < link->waiting_.front().sent + link->options_.answer_timeout) {
            return link->watch();
        }
        link->close(link->where_ + " did not answer in time");
    });
}

void RedisLink::close(std::string why) {
    if (closed_) return;
    const auto alive = shared_from_this();
    why_ = std::move(why);
    auto waiting = std::move(waiting_);
    const auto tell = std::move(on_closed_);
    abandon();
    if (tell) tell(why_);
    for (Waiting& one : waiting) {
        if (one.done) one.done(RedisAnswer{std::nullopt, one.sent});
    }
}

void RedisLink::abandon() {
    closed_ = true;
    on_closed_ = nullptr;
    waiting_.clear();
    error_code ignored;
    socket_.close(ignored);
    open_timer_.cancel();
    watchdog_.cancel();
}

}  // namespace squadload::squad_api
