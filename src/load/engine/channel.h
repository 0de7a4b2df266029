// The way of a connection's bytes to one origin: plain TCP or TLS over it. The one place where
// anything comes between a connection and its socket.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "load/engine/engine.h"
#include "load/http/tls_context.h"
#include "load/measure/outcome.h"
#include "load/transport/loop.h"

namespace squadload::engine {

class TlsChannel;

// What the channels of one worker share. Owned by the worker, used on its thread alone; outlives
// its channels.
struct ChannelContext {
    transport::Loop& loop;
    const Plan& plan;
    std::size_t connects = 0;  // so far: which of the plan's sources is next
    std::unique_ptr<http::TlsContext>
        tls{};                // made by prepare_tls, or for the first https:// origin
    std::string tls_error{};  // why there is none
    std::string tls_used{};   // of the first handshake: "TLSv1.3 TLS_AES_256_GCM_SHA384"

    // Errors: of http::TlsContext::make. To be called before the load starts, so that reading
    // certificates delays no request.
    [[nodiscard]] Result<void> prepare_tls();

    [[nodiscard]] const transport::Address* next_source() {
        return plan.sources.empty() ? nullptr : &plan.sources[connects++ % plan.sources.size()];
    }
};

// Why a channel could not be opened, in words for the user.
struct ConnectFailure {
    std::string message;     // the same text for the same cause
    bool own_limit = false;  // not the target's doing: no port or descriptor was left here
    std::string remedy{};    // what may help; "": nothing known
};

// Why an open channel failed.
struct ChannelFailure {
    measure::Outcome outcome = measure::Outcome::connection_closed;
    std::string message;
};

// Owned by its user, on one thread. The completions go to the handler by the rules of a socket
// (transport/loop.h): after open() returned 0, on_connected once; then on_sent once per send(),
// on_received any number of times (plaintext), on_end at most once; after close(), on_closed once,
// and then the channel may be opened again, to another origin, too. A plain channel costs nothing:
// the loop calls the handler itself. What TLS needs is allocated when it is first used.
class Channel {
  public:
    // Beside errno, what on_connected() and on_end() may be told. kFailed: connect_failure() or
    // failure() says why. kTruncated: the peer closed, but without TLS close_notify, so that an
    // attacker may have cut the answer.
    static constexpr int kFailed = -1;
    static constexpr int kTruncated = -2;

    enum class Stage { connecting, tunnelling, handshaking, open };

    Channel(ChannelContext& context, transport::SocketHandler& handler);
    ~Channel();

    // 0, or the error of an immediate failure: then no completion follows, and there is nothing to
    // close. `origin` stays valid until on_closed.
    [[nodiscard]] int open(const Origin& origin);
    // One at a time; `bytes` stay valid until on_sent or on_closed.
    void send(std::span<const char> bytes) {
        if (secured_ == nullptr) {
            context_.loop.send(socket_, bytes);
        } else {
            send_secured(bytes);
        }
    }
    void close(bool reset);

    // What the error of open() or on_connected() means.
    [[nodiscard]] ConnectFailure connect_failure(int error) const;
    // What kFailed of on_end() means.
    [[nodiscard]] ChannelFailure failure() const;
    // How far a channel that is not connected yet has come.
    [[nodiscard]] Stage stage() const;

    // The TLS handshake of a channel that is connected.
    struct Handshake {
        MonoTime started{};  // the TCP connection was there
        bool resumed = false;
    };
    [[nodiscard]] bool secured() const { return secured_ != nullptr; }
    [[nodiscard]] Handshake handshake() const;  // requires secured()

  private:
    void send_secured(std::span<const char> bytes);

    ChannelContext& context_;
    transport::SocketHandler& handler_;
    const Origin* origin_ = nullptr;
    std::unique_ptr<TlsChannel> tls_;
    TlsChannel* secured_ = nullptr;  // tls_ while the origin is https://
    transport::SocketId socket_ = 0;
};

}  // namespace squadload::engine
