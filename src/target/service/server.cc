#include "target/service/server.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "base/log.h"
#include "target/service/server_connection.h"

namespace squadload::service {
namespace {

using boost::system::error_code;

constexpr int kBacklog = 4096;
// Connections taken in a row before others have their turn.
constexpr int kAcceptBurst = 64;
constexpr Nanos kAcceptPause = std::chrono::milliseconds(50);
constexpr Nanos kShortestSweep = std::chrono::milliseconds(5);
constexpr Nanos kLongestSweep = std::chrono::seconds(1);
// For cancelled handlers to come to their end.
constexpr Nanos kUnwind = std::chrono::seconds(1);

Nanos sweep_period(const ServerOptions& options) {
    auto shortest = kLongestSweep * 4;
    for (const auto timeout : {options.header_timeout, options.body_timeout, options.idle_timeout,
                               options.write_timeout})
        if (timeout > Nanos::zero()) shortest = std::min(shortest, timeout);
    return std::clamp(shortest / 4, kShortestSweep, kLongestSweep);
}

// IMF-fixdate, RFC 9110 §5.6.7.
std::string http_date(WallTime now) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

std::string authority(const asio::ip::tcp::endpoint& endpoint) {
    const auto address = endpoint.address().to_string();
    if (endpoint.address().is_v6()) return fmt::format("[{}]:{}", address, endpoint.port());
    return fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace

ServerCore::ServerCore(asio::io_context& io_context, ServerOptions server_options,
                       Router server_router)
    : io(io_context),
      options(std::move(server_options)),
      router(std::move(server_router)),
      acceptor_(io_context),
      accept_timer_(io_context),
      sweep_timer_(io_context),
      sweep_period_(sweep_period(options)),
      date_(http_date(wall_now())) {}

Result<void> ServerCore::open() {
    error_code error;
    const std::string text = options.address == "localhost" ? "127.0.0.1" : options.address;
    const auto address = asio::ip::make_address(text, error);
    if (error)
        return fail(ErrorKind::config,
                    fmt::format("\"{}\" is no address to listen on", options.address));
    const asio::ip::tcp::endpoint endpoint(address, options.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(kBacklog, error);
    if (!error) acceptor_.non_blocking(true, error);
    if (!error) local = acceptor_.local_endpoint(error);
    if (error)
        return fail(ErrorKind::resources,
                    fmt::format("cannot listen on {}: {}", authority(endpoint), error.message()));
    return {};
}

void ServerCore::start() {
    accept();
    sweep_later();
}

void ServerCore::accept() {
    if (accepting_ || draining_ || stopped_) return;
    if (counters.connections_now >= options.max_connections) return;  // closed() calls again
    accepting_ = true;
    acceptor_.async_accept([self = shared_from_this()](error_code error, Socket socket) {
        self->accepting_ = false;
        if (self->stopped_ || self->draining_) return;
        if (!error) {
            self->add(std::move(socket));
            self->take_backlog(kAcceptBurst);
        } else if (error != asio::error::connection_aborted) {
            self->report_accept_error(error);
            self->accepting_ = true;
            self->accept_timer_.expires_after(kAcceptPause);
            self->accept_timer_.async_wait([self](const error_code&) {
                self->accepting_ = false;
                self->accept();
            });
            return;
        }
        self->accept();
    });
}

void ServerCore::take_backlog(int most) {
    for (int i = 0; i < most && counters.connections_now < options.max_connections; ++i) {
        error_code error;
        Socket socket(io);
        acceptor_.accept(socket, error);
        if (error) return;
        add(std::move(socket));
    }
}

void ServerCore::add(Socket socket) {
    error_code error;
    socket.non_blocking(true, error);
    if (!error) socket.set_option(asio::ip::tcp::no_delay(true), error);
    if (error) return;  // it is gone already
    ++counters.connections;
    ++counters.connections_now;
    const auto place = connections_.insert(
        connections_.end(),
        std::make_shared<ServerConnection>(shared_from_this(), std::move(socket)));
    (*place)->start(place);
}

void ServerCore::closed(ConnectionList::iterator place) {
    connections_.erase(place);
    --counters.connections_now;
    accept();
    wake_drains();
}

void ServerCore::handler_ended() {
    --counters.in_flight_now;
    wake_drains();
}

// Logged when their number is a power of two: nothing that repeats may fill the disk.
void ServerCore::report_accept_error(const error_code& error) {
    const auto number = ++counters.accept_errors;
    if (!std::has_single_bit(number)) return;
    log::error(fmt::format("cannot accept connections on {} ({} times by now): {}{}",
                           authority(local), number, error.message(),
                           error == asio::error::no_descriptors ? "; see ulimit -n" : ""));
}

void ServerCore::report_handler_error(const std::exception_ptr& error) {
    const auto number = ++counters.handler_errors;
    if (!std::has_single_bit(number)) return;
    std::string what;
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        what = e.what();
    } catch (...) {
        what = "an exception of unknown type";
    }
    log::error(fmt::format("internal error in a handler (number {}): {}", number, what));
}

void ServerCore::sweep_later() {
    sweep_timer_.expires_after(sweep_period_);
    sweep_timer_.async_wait([self = shared_from_this()](const error_code& error) {
        if (error || self->stopped_) return;
        self->sweep();
        self->sweep_later();
    });
}

void ServerCore::sweep() {
    date_ = http_date(wall_now());
    const auto now = mono_now();
    std::vector<std::shared_ptr<ServerConnection>> late;  // timing out changes the list
    for (const auto& connection : connections_)
        if (connection->deadline() <= now) late.push_back(connection);
    for (const auto& connection : late) connection->time_out();
}

void ServerCore::close_all() {
    while (!connections_.empty()) {
        const auto connection = connections_.front();
        connection->close();
    }
}

void ServerCore::stop() {
    stopped_ = true;
    error_code error;
    acceptor_.close(error);
    accept_timer_.cancel();
    sweep_timer_.cancel();
    close_all();
    wake_drains();
}

// Who connected before the drain is served: only then is the door closed.
void ServerCore::begin_drain() {
    if (draining_ || stopped_) return;
    take_backlog(kBacklog);
    draining_ = true;
    error_code error;
    acceptor_.close(error);
    accept_timer_.cancel();
    // In the next turn: what was read from the sockets already is shown to the connections before.
    asio::post(io, [self = shared_from_this()] {
        const std::vector<std::shared_ptr<ServerConnection>> all(self->connections_.begin(),
                                                                 self->connections_.end());
        for (const auto& connection : all) connection->close_if_idle();
    });
}

void ServerCore::wake_drains() {
    if (connections_.empty() && counters.in_flight_now == 0)
        for (auto* timer : drains_) timer->cancel();
}

// Gives whether nothing is left.
asio::awaitable<bool> ServerCore::wait_until_empty(std::shared_ptr<ServerCore> core,
                                                   MonoTime until) {
    Timer timer(core->io);
    const Waiting waiting(core->drains_, &timer);
    const auto empty = [&] {
        return core->connections_.empty() && core->counters.in_flight_now == 0;
    };
    while (!empty() && mono_now() < until) {
        error_code error;
        timer.expires_at(until);
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    co_return empty();
}

asio::awaitable<bool> ServerCore::drain(std::shared_ptr<ServerCore> core, Nanos grace) {
    const auto until = mono_now() + grace;
    core->begin_drain();
    bool clean = co_await wait_until_empty(core, until);
    if (!clean) {
        const auto& left = core->connections_;
        clean = core->counters.in_flight_now == 0 &&
                std::ranges::none_of(left, [](const auto& c) { return c->has_work(); });
        core->close_all();
        co_await wait_until_empty(core, mono_now() + kUnwind);
    }
    core->stop();
    co_return clean;
}

Result<std::unique_ptr<Server>> Server::listen(asio::io_context& io, ServerOptions options,
                                               Router router) {
    auto core = std::make_shared<ServerCore>(io, std::move(options), std::move(router));
    if (auto opened = core->open(); !opened) return tl::unexpected(opened.error());
    core->start();
    return std::unique_ptr<Server>(new Server(std::move(core)));
}

Server::Server(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {}

Server::~Server() {
    core_->stop();
}

std::uint16_t Server::port() const {
    return core_->local.port();
}

std::string Server::url() const {
    return "http://" + authority(core_->local);
}

const ServerCounters& Server::counters() const {
    return core_->counters;
}

bool Server::draining() const {
    return core_->draining();
}

asio::awaitable<bool> Server::drain(Nanos grace) {
    return ServerCore::drain(core_, grace);
}

void Server::stop() {
    core_->stop();
}

}  // namespace squadload::service
