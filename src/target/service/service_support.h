// For the tests of this room: a served router on a thread of its own, a client made of a bare
// socket, and coroutines run to their end with a bound.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "target/service/client.h"
#include "target/service/server.h"
#include "target/service/service_thread.h"

namespace squadload::service {

// Longer than anything takes; a test that waits so long has failed.
inline constexpr std::chrono::seconds kPatience{20};

// A server and the thread it runs on.
class Served {
  public:
    explicit Served(Router router, ServerOptions options = {}) : thread_("served") {
        thread_.call([&] {
            auto listening = Server::listen(thread_.io(), std::move(options), std::move(router));
            if (!listening) ADD_FAILURE() << listening.error().text();
            server_ = std::move(*listening);
        });
    }
    ~Served() {
        if (!stopped_) thread_.call([this] { server_.reset(); });
    }
    // The loop ends with whatever is under way.
    void stop_loop() {
        thread_.stop();
        stopped_ = true;
    }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;

    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    [[nodiscard]] Origin origin() const { return {false, "127.0.0.1", port()}; }
    [[nodiscard]] ServiceThread& thread() { return thread_; }
    [[nodiscard]] Server& server() { return *server_; }
    [[nodiscard]] ServerCounters counters() {
        return thread_.call([this] { return server_->counters(); });
    }
    // Asks the loop until it is so.
    template <class Condition>
    [[nodiscard]] bool comes_true(Condition condition) {
        const auto until = mono_now() + kPatience;
        while (mono_now() < until)
            if (condition(counters())) return true;
        return false;
    }

  private:
    ServiceThread thread_;
    std::unique_ptr<Server> server_;
    bool stopped_ = false;
};

// A bare blocking socket; whatever it waits for is bounded by kPatience.
class RawClient {
  public:
    explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const timeval patience{kPatience.count(), 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            ADD_FAILURE() << "cannot connect to port " << port;
    }
    ~RawClient() {
        if (fd_ >= 0) ::close(fd_);
    }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    // What cannot be sent because the server is gone is no failure of the test.
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    void end() { ::shutdown(fd_, SHUT_WR); }
    void close() { ::close(std::exchange(fd_, -1)); }
    void reset() {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    // Everything until the server ends the connection.
    [[nodiscard]] std::string rest() {
        while (receive()) {
        }
        return std::exchange(received_, {});
    }
    // One answer by its Content-Length (none with `to_head`).
    [[nodiscard]] std::string answer(bool to_head = false) {
        std::size_t end = 0;
        while ((end = received_.find("\r\n\r\n")) == std::string::npos)
            if (!receive()) return std::exchange(received_, {});
        end += 4;
        const auto field = received_.find("Content-Length: ");
        const auto length =
            to_head || field > end ? 0 : std::stoul(received_.substr(field + 16, 12));
        while (received_.size() < end + length)
            if (!receive()) break;
        const auto size = std::min(received_.size(), end + length);
        auto answer = received_.substr(0, size);
        received_.erase(0, size);
        return answer;
    }
    [[nodiscard]] bool was_reset() const { return error_ == ECONNRESET; }
    [[nodiscard]] bool waited_in_vain() const { return error_ == EAGAIN; }

  private:
    bool receive() {
        char buffer[16384];
        const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
        error_ = n < 0 ? errno : 0;
        if (error_ == EAGAIN) ADD_FAILURE() << "nothing came for a long time";
        if (n > 0) received_.append(buffer, static_cast<std::size_t>(n));
        return n > 0;
    }

    int fd_;
    int error_ = 0;
    std::string received_;
};

// The loop of the test's own thread: coroutines are started and then awaited.
class TestLoop {
  public:
    [[nodiscard]] asio::io_context& io() { return io_; }
    [[nodiscard]] std::unique_ptr<Client> client(ClientOptions options = {}) {
        return std::move(*Client::create(io_, std::move(options)));
    }
    // Runs until `work` is over; its result.
    template <class T>
    [[nodiscard]] T run(asio::awaitable<T> work) {
        std::optional<T> result;
        asio::co_spawn(io_, std::move(work), [&](const std::exception_ptr& error, T value) {
            if (error) std::rethrow_exception(error);
            result = std::move(value);
        });
        until([&] { return result.has_value(); });
        return result ? std::move(*result) : T{};
    }
    [[nodiscard]] Answer send(Client& client, ClientRequest request, Nanos within = kPatience) {
        return run(client.send(std::move(request), mono_now() + within));
    }
    // Runs the loop until it is so.
    template <class Condition>
    void until(Condition condition) {
        const auto end = mono_now() + kPatience;
        io_.restart();
        while (!condition() && mono_now() < end) io_.run_one_for(std::chrono::milliseconds(100));
        EXPECT_TRUE(condition()) << "waited for a long time";
    }

  private:
    asio::io_context io_{1};
};

// Tells when it is destroyed: the end of a coroutine's frame, however it ends.
class EndSign {
  public:
    explicit EndSign(std::promise<void>* ended) : ended_(ended) {}
    EndSign(EndSign&& other) noexcept : ended_(std::exchange(other.ended_, nullptr)) {}
    EndSign& operator=(EndSign&&) = delete;
    ~EndSign() {
        if (ended_ != nullptr) ended_->set_value();
    }

  private:
    std::promise<void>* ended_;
};

[[nodiscard]] inline bool comes(std::future<void>& sign) {
    return sign.wait_for(kPatience) == std::future_status::ready;
}

inline asio::awaitable<void> pause(Nanos time) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(time);
    co_await timer.async_wait(asio::use_awaitable);
}

// Handlers that tests route to.
inline asio::awaitable<Reply> reply_later(Nanos time, std::string text) {
    co_await pause(time);
    co_return text_reply(200, std::move(text));
}
inline asio::awaitable<Reply> never_reply() {
    co_await pause(std::chrono::hours(1));
    co_return text_reply(200, "too late");
}

inline Reply echo(const Request& request) {
    auto reply = text_reply(200, request.body.empty() ? request.path : request.body);
    reply.headers.add("x-method", request.method);
    return reply;
}

inline Router echo_router() {
    Router router;
    router.add_quick("GET", "/{rest...}", echo);
    router.add_quick("POST", "/{rest...}", echo);
    return router;
}

}  // namespace squadload::service
