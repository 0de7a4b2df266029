#include "load/engine/tls_channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace squadload::engine {
namespace {

// Encrypted at a time, so that a large body is not held twice.
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

}  // namespace

int TlsChannel::open(const Origin& origin) {
    const auto started = context_.loop.connect(origin.address, *this, context_.next_source());
    if (started.error != 0) return started.error;
    origin_ = &origin;
    socket_ = started.id;
    state_ = State::connecting;
    sending_ = handler_waits_ = reset_ = false;
    rest_ = {};
    return 0;
}

void TlsChannel::on_connected(int error) {
    if (error == 0 && !session_.start(origin_->host)) error = ENOMEM;
    if (error != 0) {
        handler_.on_connected(error);
        return;
    }
    connected_at_ = context_.loop.batch_time();
    state_ = State::handshaking;
    flush();
}

void TlsChannel::on_received(std::span<const char> bytes) {
    session_.feed(bytes);
    if (state_ == State::handshaking) {
        if (session_.state() == http::TlsSession::State::handshaking) {
            flush();
            return;
        }
        if (session_.state() != http::TlsSession::State::open) {
            handshake_failed();
            return;
        }
        if (context_.tls_used.empty()) context_.tls_used = session_.description();
        state_ = State::open;
        // What the handler sends goes out together with the end of the handshake.
        handler_.on_connected(0);
    }
    deliver();
}

void TlsChannel::handshake_failed() {
    flush();  // the alert that says why
    state_ = State::ended;
    handler_.on_connected(Channel::kFailed);
}

void TlsChannel::deliver() {
    while (state_ == State::open) {
        const auto plaintext = session_.read();
        if (plaintext.empty()) break;
        handler_.on_received(plaintext);
    }
    if (state_ != State::open) return;
    pump();
    if (session_.state() == http::TlsSession::State::open) return;
    state_ = State::ended;
    handler_.on_end(session_.state() == http::TlsSession::State::ended ? 0 : Channel::kFailed);
}

void TlsChannel::on_end(int error) {
    if (state_ == State::handshaking) {
        reset_ = error != 0;
        session_.feed_end();
        handshake_failed();
    } else if (state_ == State::open) {
        state_ = State::ended;
        handler_.on_end(error != 0 ? error : Channel::kTruncated);
    }
}

void TlsChannel::send(std::span<const char> bytes) {
    rest_ = bytes;
    handler_waits_ = true;
    pump();
}

// Encrypts and sends as far as the socket is free to take it.
void TlsChannel::pump() {
    if (!sending_ && !rest_.empty()) {
        const auto piece = rest_.first(std::min(rest_.size(), kPieceBytes));
        // A session that failed has said so, or will when it is read from.
        rest_ = session_.write(piece) ? rest_.subspan(piece.size()) : std::span<const char>{};
    }
    flush();
}

void TlsChannel::flush() {
    if (sending_ || session_.output().empty()) return;
    sent_.clear();
    std::swap(sent_, session_.output());
    sending_ = true;
    context_.loop.send(socket_, sent_);
}

void TlsChannel::on_sent(int error) {
    sending_ = false;
    if (error == 0) {
        pump();
        if (sending_) return;
    }
    if (std::exchange(handler_waits_, false)) {
        rest_ = {};
        handler_.on_sent(error);
    }
}

void TlsChannel::close(bool reset) {
    if (state_ == State::closing) return;
    if (!reset && !sending_ && (state_ == State::open || state_ == State::ended)) {
        session_.close();
        flush();  // what is queued still goes out
    }
    state_ = State::closing;
    context_.loop.close(socket_, reset);
}

void TlsChannel::on_closed() {
    session_.stop();
    sending_ = handler_waits_ = false;
    handler_.on_closed();
}

Channel::Stage TlsChannel::stage() const {
    switch (state_) {
        case State::connecting:
            return Channel::Stage::connecting;
        case State::handshaking:
            return Channel::Stage::handshaking;
        default:
            return Channel::Stage::open;
    }
}

std::string TlsChannel::connect_failure() const {
    return fmt::format(
        "TLS with {}: {}", origin_->address.text(),
        reset_ ? "the server reset the connection during the handshake" : session_.message());
}

ChannelFailure TlsChannel::failure() const {
    using Failure = http::TlsSession::Failure;
    switch (session_.failure()) {
        case Failure::handshake:
            return {measure::Outcome::connect_error, connect_failure()};
        case Failure::protocol:
            return {measure::Outcome::protocol_error, session_.message()};
        default:
            return {measure::Outcome::connection_closed, session_.message()};
    }
}

}  // namespace squadload::engine
