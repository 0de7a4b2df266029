#include "load/engine/tls_channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace squadload::engine {
namespace {

// Encrypted at a time, so that a large body is not held twice.
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxTunnelHead = std::size_t{16} * 1024;  // of a proxy's answer to CONNECT
constexpr std::size_t kShownBytes = 100;

// Somebody else's words, as they may stand in a message.
std::string shown(std::string_view text) {
    std::string out(text.substr(0, kShownBytes));
    std::ranges::replace_if(out, [](char c) { return c < ' ' || c >= '\x7f'; }, '?');
    return out;
}

}  // namespace

int TlsChannel::open(const Origin& origin) {
    const auto started = context_.loop.connect(origin.address, *this, context_.next_source());
    if (started.error != 0) return started.error;
    origin_ = &origin;
    socket_ = started.id;
    state_ = State::connecting;
    sending_ = handler_waits_ = reset_ = false;
    rest_ = {};
    tunnel_.clear();
    return 0;
}

void TlsChannel::on_connected(int error) {
    if (error != 0) {
        handler_.on_connected(error);
    } else if (origin_->tunnel.empty()) {
        begin_handshake();
    } else {
        state_ = State::tunnelling;
        sending_ = true;
        context_.loop.send(socket_, origin_->tunnel);
    }
}

void TlsChannel::begin_handshake() {
    connected_at_ = context_.loop.batch_time();
    state_ = State::handshaking;
    const std::string& name = origin_->tls_name;
    if (!session_.start(name.empty() ? origin_->host : name)) {
        state_ = State::ended;
        handler_.on_connected(ENOMEM);
        return;
    }
    flush();
}

// The proxy's answer to CONNECT (RFC 9110 §9.3.6): a head alone, and then the bytes are the
// target's.
void TlsChannel::read_tunnel(std::span<const char> bytes) {
    tunnel_.append(bytes.data(), std::min(bytes.size(), kMaxTunnelHead - tunnel_.size()));
    const auto end = tunnel_.find("\r\n\r\n");
    const std::string_view line = std::string_view(tunnel_).substr(0, tunnel_.find('\r'));
    const bool is_http = std::string_view("HTTP/1.").starts_with(line.substr(0, 7));
    if (is_http && end == std::string::npos && tunnel_.size() < kMaxTunnelHead) return;
    const bool opened = is_http && line.size() >= 12 && line[8] == ' ' && line[9] == '2' &&
                        end + 4 == tunnel_.size();
    if (opened) {
        tunnel_.clear();
        begin_handshake();
        return;
    }
    tunnel_ = is_http && line.size() > 9
                  ? fmt::format("refused the tunnel: {}", shown(line.substr(9)))
                  : std::string("answered CONNECT with something that is not HTTP");
    open_failed();
}

void TlsChannel::on_received(std::span<const char> bytes) {
    if (state_ == State::tunnelling) {
        read_tunnel(bytes);
        return;
    }
    session_.feed(bytes);
    if (state_ == State::handshaking) {
        if (session_.state() == http::TlsSession::State::handshaking) {
            flush();
            return;
        }
        if (session_.state() != http::TlsSession::State::open) {
            flush();  // the alert that says why
            open_failed();
            return;
        }
        if (context_.tls_used.empty()) context_.tls_used = session_.description();
        state_ = State::open;
        // What the handler sends goes out together with the end of the handshake.
        handler_.on_connected(0);
    }
    deliver();
}

void TlsChannel::open_failed() {
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
        open_failed();
    } else if (state_ == State::tunnelling) {
        tunnel_ = "closed the connection instead of opening a tunnel";
        open_failed();
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
    if (state_ == State::tunnelling) return;
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
        case State::tunnelling:
            return Channel::Stage::tunnelling;
        case State::handshaking:
            return Channel::Stage::handshaking;
        default:
            return Channel::Stage::open;
    }
}

std::string TlsChannel::connect_failure() const {
    if (!tunnel_.empty()) return fmt::format("the proxy {} {}", origin_->proxy, tunnel_);
    return fmt::format(
        "TLS with {}: {}", origin_->address.text(),
        reset_ ? "the server reset the connection during the handshake" : session_.message());
}

std::string TlsChannel::remedy() const {
    return tunnel_.empty() ? std::string(session_.remedy()) : "";
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
