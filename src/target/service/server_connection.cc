#include "target/service/server_connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace squadload::service {
namespace {

using boost::system::error_code;

constexpr std::size_t kReadRoom = 2048;
// Pipelined requests are kept up to here while an answer is due; then TCP holds them back.
constexpr std::size_t kReadAhead = 64 * 1024;
// Requests answered in a row before other connections have their turn.
constexpr int kBurst = 32;
// How long a peer that was refused may go on sending before the connection is cut.
constexpr Nanos kLinger = std::chrono::seconds(1);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

MonoTime after(MonoTime now, Nanos timeout) {
    return timeout == Nanos::zero() ? MonoTime::max() : now + timeout;
}

std::string peer_text(const Socket& socket) {
    error_code error;
    const auto endpoint = socket.remote_endpoint(error);
    if (error) return {};
    auto address = endpoint.address().to_string(error);
    if (endpoint.address().is_v6()) address = "[" + address + "]";
    return address + ":" + std::to_string(endpoint.port());
}

}  // namespace

ServerConnection::ServerConnection(std::shared_ptr<ServerCore> core, Socket socket)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      reader_({core_->options.max_header_bytes, core_->options.max_body_bytes}),
      hangup_(std::make_shared<Hangup>()),
      peer_(peer_text(socket_)) {}

void ServerConnection::start(ConnectionList::iterator place) {
    place_ = place;
    active_ = mono_now();
    next_request();
    read();
}

void ServerConnection::read() {
    if (input_ended_ && state_ == State::reading && input_.empty()) close();
    if (read_pending_ || input_ended_ || state_ == State::closed) return;
    if (state_ != State::reading && state_ != State::lingering && input_.size() >= kReadAhead)
        return;
    read_pending_ = true;
    const auto room = input_.room(kReadRoom);
    socket_.async_read_some(
        asio::buffer(room.data(), room.size()),
        [self = shared_from_this(), bytes = room.data()](const error_code& error, std::size_t n) {
            self->on_read(error, bytes, n);
        });
}

void ServerConnection::on_read(const error_code& error, const char* bytes, std::size_t size) {
    read_pending_ = false;
    if (state_ == State::closed) return;
    if (error) {
        input_ended_ = true;
        on_end_of_input();
        return;
    }
    if (state_ == State::lingering) {
        read();  // into the same room: what comes now is thrown away
        return;
    }
    active_ = mono_now();
    if (input_.empty() && !header_seen_) {
        first_byte_ = active_;
        if (state_ == State::reading) deadline_ = after(active_, core_->options.header_timeout);
    }
    input_.commit(bytes, size);
    if (state_ == State::reading) process();
    read();
}

void ServerConnection::on_end_of_input() {
    switch (state_) {
        case State::handling:
            ++core_->counters.hangups;
            close();
            break;
        case State::writing:  // it may have closed its sending side only: the answer goes out
            break;
        case State::reading:  // likewise: what it sent before is answered
            process();
            read();
            break;
        default:
            close();
    }
}

// Answers what is complete, until bytes are missing or an answer takes its time.
void ServerConnection::process() {
    for (int n = 0; state_ == State::reading; ++n) {
        if (n == kBurst) {
            asio::post(core_->io, [self = shared_from_this()] {
                if (self->state_ != State::reading) return;
                self->process();
                self->read();
            });
            return;
        }
        const auto progress = reader_.feed(input_.bytes());
        input_.consume(progress.used);
        switch (progress.state) {
            case ReadState::need_more:
                on_need_more();
                return;
            case ReadState::done:
                answer();
                break;
            case ReadState::bad:
                ++core_->counters.bad_requests;
                refuse(400, "bad_request", reader_.problem());
                break;
            case ReadState::header_too_large:
                ++core_->counters.too_large;
                refuse(431, "header_too_large",
                       "the request line and header fields are larger than " +
                           std::to_string(core_->options.max_header_bytes) + " bytes");
                break;
            case ReadState::body_too_large:
                ++core_->counters.too_large;
                refuse(413, "body_too_large",
                       "the body is larger than " + std::to_string(core_->options.max_body_bytes) +
                           " bytes");
                break;
        }
    }
}

void ServerConnection::on_need_more() {
    if (input_ended_) {
        close();
        return;
    }
    if (header_seen_ || !reader_.header_done()) return;
    header_seen_ = true;
    deadline_ = after(active_, core_->options.body_timeout);
    if (!reader_.expects_continue()) return;
    // Nothing else is under way, so the kernel takes these few bytes, or the connection is broken.
    error_code error;
    if (socket_.write_some(asio::buffer(kContinue), error) != kContinue.size()) close();
}

void ServerConnection::answer() {
    ++core_->counters.requests;
    deadline_ = MonoTime::max();
    header_seen_ = false;
    request_.peer = peer_;
    request_.arrived = first_byte_;
    first_byte_ = active_;  // of what is pipelined behind it
    request_.hangup = hangup_;
    head_only_ = request_.method == "HEAD";
    close_after_ = !reader_.keep_alive();
    try {
        auto choice = core_->router.choose(request_);
        if (choice.reply)
            send(std::move(*choice.reply));
        else if (choice.quick != nullptr)
            send((*choice.quick)(request_));
        else
            start_handler(*choice.handler);
    } catch (...) {
        core_->report_handler_error(std::current_exception());
        send(error_reply(500, "internal_error", "the request could not be handled"));
    }
}

void ServerConnection::start_handler(const Handler& handler) {
    if (core_->counters.in_flight_now >= core_->options.max_requests_in_flight) {
        ++core_->counters.overloaded;
        auto reply = error_reply(503, "overloaded", "too many requests are in flight");
        reply.headers.add("retry-after", "1");
        send(std::move(reply));
        return;
    }
    auto work = handler(std::move(request_));
    state_ = State::handling;
    ++core_->counters.in_flight_now;
    asio::co_spawn(core_->io, std::move(work),
                   asio::bind_cancellation_slot(
                       cancel_.slot(),
                       [self = shared_from_this()](const std::exception_ptr& error, Reply reply) {
                           self->on_handled(error, std::move(reply));
                       }));
}

void ServerConnection::on_handled(const std::exception_ptr& error, Reply reply) {
    core_->handler_ended();
    if (state_ != State::handling) return;  // the client is gone, or the server
    if (error) {
        core_->report_handler_error(error);
        reply = error_reply(500, "internal_error", "the request could not be handled");
    }
    active_ = mono_now();
    send(std::move(reply));
    // Not from here: the coroutine that called is not quite over, and the next one would reuse its
    // cancellation slot.
    if (state_ == State::reading && !input_.empty())
        asio::post(core_->io, [self = shared_from_this()] {
            if (self->state_ == State::reading) self->process();
            self->read();
        });
    else
        read();
}

// For what cannot be answered as a request: the connection is of no use afterwards.
void ServerConnection::refuse(int status, std::string_view type, std::string_view message) {
    head_only_ = false;
    close_after_ = true;
    linger_after_ = true;
    send(error_reply(status, type, message));
}

ConnectionField ServerConnection::connection_field() const {
    if (close_after_) return ConnectionField::close;
    return reader_.is_http_10() ? ConnectionField::keep_alive : ConnectionField::none;
}

void ServerConnection::send(Reply reply) {
    if (reply.ending == Ending::reset) {
        reset();
        return;
    }
    if (reply.ending == Ending::close) {
        linger();
        return;
    }
    if (reply.ending == Ending::truncate || core_->draining()) close_after_ = true;
    reply_ = std::move(reply);
    head_.clear();
    append_reply_head(head_, reply_, core_->date(), connection_field());
    to_write_of_body_ = reply_.body.size();
    if (head_only_ || !has_body(reply_.status)) to_write_of_body_ = 0;
    if (reply_.ending == Ending::truncate) {
        to_write_of_body_ /= 2;
        linger_after_ = true;
    }
    written_ = 0;
    state_ = State::writing;
    write();
}

// The kernel usually takes it all at once, without a turn of the loop.
void ServerConnection::write() {
    const auto total = head_.size() + to_write_of_body_;
    while (written_ < total) {
        const auto of_head = std::min(written_, head_.size());
        const auto of_body = written_ - of_head;
        const std::array<asio::const_buffer, 2> rest{
            asio::buffer(head_.data() + of_head, head_.size() - of_head),
            asio::buffer(reply_.body.data() + of_body, to_write_of_body_ - of_body)};
        error_code error;
        const auto n = socket_.write_some(rest, error);
        if (error == asio::error::would_block) {
            write_later();
            return;
        }
        if (error) {
            ++core_->counters.hangups;
            close();
            return;
        }
        written_ += n;
    }
    on_written();
}

void ServerConnection::write_later() {
    deadline_ = after(mono_now(), core_->options.write_timeout);
    socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& error) {
        if (self->state_ != State::writing) return;
        if (error) {
            self->close();
            return;
        }
        self->active_ = mono_now();
        self->write();
        if (self->state_ == State::reading) self->process();
        self->read();
    });
}

void ServerConnection::on_written() {
    ++core_->counters.replies;
    if (core_->draining() && input_.empty()) close_after_ = true;
    if (!close_after_) {
        next_request();
    } else if (linger_after_ || !input_.empty()) {
        linger();
    } else {
        close();
    }
}

void ServerConnection::next_request() {
    state_ = State::reading;
    header_seen_ = false;
    if (!read_pending_) input_.shrink();
    reader_.begin(request_);
    deadline_ = after(active_,
                      input_.empty() ? core_->options.idle_timeout : core_->options.header_timeout);
}

// Ends our side and waits a little for the peer's: closing with bytes unread would reset the
// connection, and the peer might lose the answer (RFC 9112 §9.6).
void ServerConnection::linger() {
    error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    if (error || input_ended_) {
        close();
        return;
    }
    state_ = State::lingering;
    deadline_ = mono_now() + kLinger;
    input_.consume(input_.size());
    read();
}

void ServerConnection::reset() {
    error_code error;
    socket_.set_option(asio::socket_base::linger(true, 0), error);
    close();
}

void ServerConnection::time_out() {
    switch (state_) {
        case State::reading:
            if (!header_seen_ && input_.empty()) {
                close();
                return;
            }
            ++core_->counters.timeouts;
            refuse(408, "request_timeout", "the request did not arrive in time");
            read();
            break;
        case State::writing:
            ++core_->counters.timeouts;
            close();
            break;
        case State::lingering:
            close();
            break;
        default:
            deadline_ = MonoTime::max();
            break;
    }
}

void ServerConnection::close_if_idle() {
    if (state_ != State::reading || header_seen_ || !input_.empty()) return;
    error_code error;
    if (socket_.available(error) == 0) close();  // else: a request the loop has not read yet
}

void ServerConnection::close() {
    if (state_ == State::closed) return;
    const bool handling = state_ == State::handling;
    state_ = State::closed;
    const auto self = shared_from_this();
    error_code error;
    socket_.close(error);
    core_->closed(place_);
    if (handling) {
        hangup_->set();
        cancel_.emit(asio::cancellation_type::terminal);
    }
}

}  // namespace squadload::service
