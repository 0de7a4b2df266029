// The way of a connection's bytes to one origin: plain TCP, and the one place where anything else
// comes between a connection and its socket.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "load/engine/engine.h"
#include "load/transport/loop.h"

namespace squadload::engine {

// What the channels of one worker share. Owned by the worker, used on its thread alone; outlives
// its channels.
struct ChannelContext {
    transport::Loop& loop;
    const Plan& plan;
};

// Why a channel could not be opened, in words for the user.
struct ConnectFailure {
    std::string message;     // the same text for the same cause
    bool own_limit = false;  // not the target's doing: no port or descriptor was left here
};

// Owned by its user, on one thread. The completions go to the handler by the rules of a socket
// (transport/loop.h): after open() returned 0, on_connected once; then on_sent once per send(),
// on_received any number of times, on_end at most once; after close(), on_closed once, and then the
// channel may be opened again, to another origin, too. A plain channel costs nothing: the loop
// calls the handler itself.
class Channel {
  public:
    Channel(ChannelContext& context, transport::SocketHandler& handler)
        : context_(context), handler_(handler) {}

    // 0, or the errno of an immediate failure: then no completion follows, and there is nothing to
    // close. `origin` stays valid until on_closed.
    [[nodiscard]] int open(const Origin& origin);
    // One at a time; `bytes` stay valid until on_sent or on_closed.
    void send(std::span<const char> bytes) { context_.loop.send(socket_, bytes); }
    void close(bool reset) { context_.loop.close(socket_, reset); }

    // What the error of open() or on_connected() means.
    [[nodiscard]] ConnectFailure connect_failure(int error) const;

  private:
    ChannelContext& context_;
    transport::SocketHandler& handler_;
    const Origin* origin_ = nullptr;
    transport::SocketId socket_ = 0;
};

}  // namespace squadload::engine
