// A TLS session on a socket of the loop: what makes a channel to an https:// origin. Handlers see
// plaintext.
#pragma once

#include <span>
#include <string>

#include "load/engine/channel.h"
#include "load/http/tls_session.h"

namespace squadload::engine {

// Owned by a Channel, whose rules hold; reused from connection to connection. Requires that the
// context's TLS is prepared.
class TlsChannel final : private transport::SocketHandler {
  public:
    TlsChannel(ChannelContext& context, transport::SocketHandler& handler)
        : context_(context), handler_(handler), session_(*context.tls) {}

    [[nodiscard]] int open(const Origin& origin);
    void send(std::span<const char> bytes);
    void close(bool reset);

    [[nodiscard]] Channel::Stage stage() const;
    [[nodiscard]] MonoTime connected_at() const { return connected_at_; }
    [[nodiscard]] bool resumed() const { return session_.resumed(); }
    [[nodiscard]] std::string connect_failure() const;
    [[nodiscard]] std::string remedy() const;
    [[nodiscard]] ChannelFailure failure() const;

  private:
    enum class State { connecting, tunnelling, handshaking, open, ended, closing };

    void on_connected(int error) override;
    void on_sent(int error) override;
    void on_received(std::span<const char> bytes) override;
    void on_end(int error) override;
    void on_closed() override;

    void begin_handshake();
    void read_tunnel(std::span<const char> bytes);
    void open_failed();
    void pump();
    void flush();
    void deliver();

    ChannelContext& context_;
    transport::SocketHandler& handler_;
    http::TlsSession session_;
    const Origin* origin_ = nullptr;
    transport::SocketId socket_ = 0;
    State state_ = State::closing;
    bool sending_ = false;        // sent_ is with the loop
    bool handler_waits_ = false;  // for the on_sent of its send()
    bool reset_ = false;          // the peer's reset ended the handshake
    std::span<const char> rest_;  // of that send(), not encrypted yet
    std::string sent_;
    std::string tunnel_;  // the proxy's answer, until it is complete; then why it is none
    MonoTime connected_at_{};
};

}  // namespace squadload::engine
