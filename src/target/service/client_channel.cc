#include "target/service/client_channel.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

namespace squadload::service {
namespace {

using boost::system::error_code;

constexpr std::size_t kReadRoom = 4096;

bool is_end(const error_code& error) {
    return error == asio::error::eof || error == asio::error::connection_reset ||
           error == asio::error::broken_pipe || error == asio::error::connection_aborted ||
           error == asio::ssl::error::stream_truncated;
}

}  // namespace

Channel::Channel(std::shared_ptr<ClientCore> core, Slot slot)
    : core_(std::move(core)),
      slot_(std::move(slot)),
      socket_(core_->io),
      reader_({core_->options.max_header_bytes, core_->options.max_body_bytes}),
      watchdog_(core_->io, [this] {
          error_code error;
          socket_.close(error);
      }) {
    ++core_->counters.connections_now;
}

Channel::~Channel() {
    --core_->counters.connections_now;
}

bool Channel::is_alive() {
    char byte = 0;
    const auto n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && errno == EAGAIN;
}

void Channel::rest(MonoTime now) {
    watchdog_.disarm();
    input_.shrink();
    idle_since_ = now;
}

Failure Channel::broken(const Origin& origin, const char* when, const error_code& error) const {
    if (watchdog_.struck()) return {FailureKind::timeout, origin.text() + " took too long " + when};
    if (error == asio::error::operation_aborted)
        return {FailureKind::closed, "the request to " + origin.text() + " was cancelled"};
    if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
        return {FailureKind::closed, origin.text() + " closed the connection " + when};
    return {FailureKind::closed,
            "the connection to " + origin.text() + " broke " + when + ": " + error.message()};
}

asio::awaitable<std::optional<Failure>> Channel::open(const Origin* origin, MonoTime deadline) {
    const auto until = std::min(deadline, mono_now() + core_->options.connect_timeout);
    auto addresses = core_->names->known(origin->host, mono_now());
    if (addresses.empty()) {
        auto resolution = co_await NameCache::resolve(core_->names, origin->host, until);
        if (resolution.addresses.empty())
            co_return Failure{resolution.timed_out ? FailureKind::timeout : FailureKind::resolve,
                              resolution.why};
        addresses = std::move(resolution.addresses);
    }
    watchdog_.arm(until);
    auto error = co_await connect(std::move(addresses), origin->port);
    if (error) {
        if (watchdog_.struck() || error == asio::error::operation_aborted)
            co_return broken(*origin, "to connect", error);
        core_->names->forget(origin->host);
        co_return Failure{FailureKind::connect,
                          "connecting to " + origin->text() + " failed: " + error.message()};
    }
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
    if (!error) socket_.non_blocking(true, error);
    if (error)
        co_return Failure{FailureKind::connect,
                          "connecting to " + origin->text() + " failed: " + error.message()};
    if (origin->tls) {
        auto failure = co_await shake_hands(origin);
        if (failure) co_return failure;
    }
    ++core_->counters.connections_opened;
    co_return std::nullopt;
}

// One address after the other; the last one's error.
asio::awaitable<error_code> Channel::connect(Addresses addresses, std::uint16_t port) {
    error_code error = asio::error::host_not_found;
    for (const auto& address : addresses) {
        if (watchdog_.struck()) break;
        error_code ignored;
        socket_.close(ignored);
        const asio::ip::tcp::endpoint endpoint(address, port);
        co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
        if (!error) break;
    }
    co_return error;
}

asio::awaitable<std::optional<Failure>> Channel::shake_hands(const Origin* origin) {
    tls_.emplace(socket_, *core_->tls);
    prepare_tls(*tls_, origin->host, core_->options.verify);
    error_code error;
    co_await tls_->async_handshake(asio::ssl::stream_base::client,
                                   asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_return std::nullopt;
    if (watchdog_.struck() || error == asio::error::operation_aborted)
        co_return broken(*origin, "to agree on TLS", error);
    co_return Failure{FailureKind::tls, handshake_failure(*tls_, *origin, error)};
}

asio::awaitable<Exchange> Channel::exchange(const ClientRequest* request, const std::string* head,
                                            Answer* answer, MonoTime deadline) {
    watchdog_.arm(deadline);
    auto result = co_await write(request, head);
    if (result.failure) co_return result;
    answer->timings.sent = mono_now();
    result = co_await read(request, answer);
    watchdog_.disarm();
    co_return result;
}

// Plain text usually goes to the kernel at once, without a turn of the loop.
asio::awaitable<Exchange> Channel::write(const ClientRequest* request, const std::string* head) {
    Exchange result;
    error_code error;
    std::size_t written = 0;
    const auto total = head->size() + request->body.size();
    while (!error && written < total) {
        const auto of_head = std::min(written, head->size());
        const auto of_body = written - of_head;
        const std::array<asio::const_buffer, 2> rest{
            asio::buffer(head->data() + of_head, head->size() - of_head),
            asio::buffer(request->body.data() + of_body, request->body.size() - of_body)};
        if (tls_) {
            written += co_await asio::async_write(*tls_, rest,
                                                  asio::redirect_error(asio::use_awaitable, error));
            continue;
        }
        written += socket_.write_some(rest, error);
        if (error != asio::error::would_block) continue;
        error.clear();
        co_await socket_.async_wait(Socket::wait_write,
                                    asio::redirect_error(asio::use_awaitable, error));
    }
    if (error) {
        result.failure = broken(request->origin, "while the request was sent", error);
        result.peer_left = is_end(error) && !watchdog_.struck();
    }
    co_return result;
}

asio::awaitable<Exchange> Channel::read(const ClientRequest* request, Answer* answer) {
    Exchange result;
    reader_.begin(request->method == "HEAD", answer->headers, answer->body);
    for (;;) {
        const auto room = input_.room(kReadRoom);
        const auto buffer = asio::buffer(room.data(), room.size());
        error_code error;
        std::size_t n = 0;
        if (tls_)
            n = co_await tls_->async_read_some(buffer,
                                               asio::redirect_error(asio::use_awaitable, error));
        else
            n = co_await socket_.async_read_some(buffer,
                                                 asio::redirect_error(asio::use_awaitable, error));
        const bool answering = answer->timings.first_byte != MonoTime{};
        if (error) {
            if (error == asio::error::eof && reader_.feed_end() == ReadState::done) {
                answer->status = reader_.status();
                co_return result;
            }
            result.failure =
                broken(request->origin,
                       answering ? "in the middle of the answer" : "before it answered", error);
            result.peer_left = is_end(error) && !answering && !watchdog_.struck();
            co_return result;
        }
        if (!answering) answer->timings.first_byte = mono_now();
        input_.commit(room.data(), n);
        const auto progress = reader_.feed(input_.bytes());
        input_.consume(progress.used);
        switch (progress.state) {
            case ReadState::need_more:
                break;
            case ReadState::done:
                answer->status = reader_.status();
                result.keep = reader_.keep_alive() && input_.empty() && !watchdog_.struck();
                co_return result;
            case ReadState::header_too_large:
                result.failure =
                    Failure{FailureKind::too_large, "the header of the answer of " +
                                                        request->origin.text() + " is too large"};
                co_return result;
            case ReadState::body_too_large:
                result.failure =
                    Failure{FailureKind::too_large, "the body of the answer of " +
                                                        request->origin.text() + " is too large"};
                co_return result;
            case ReadState::bad:
                result.failure = Failure{FailureKind::protocol,
                                         "the answer of " + request->origin.text() +
                                             " is malformed: " + std::string(reader_.problem())};
                co_return result;
        }
    }
}

}  // namespace squadload::service
