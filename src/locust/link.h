// The socket: a ZeroMQ DEALER that speaks with a master's ROUTER (locust/rpc/zmqrpc.py), and the
// thread that owns it. It does nothing but move frames, so that heartbeats are on time whatever the
// load does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace squadload::locust {

// What came in. `connection` counts the connections made: what belongs to an earlier one is void.
struct LinkEvent {
    enum class Kind { connected, disconnected, message };
    Kind kind = Kind::message;
    std::uint64_t connection = 0;
    std::string bytes;  // of a message: one frame; of several, all but the last are dropped
};

// Any one thread calls; the socket is the link's own. The destructor waits up to 200 ms for what is
// still to be sent.
class Link {
  public:
    // `node_id` is the socket's identity: 1 to 255 bytes, its first not 0. Connects in the
    // background, again and again. Errors (kind usage): a host or port that ZeroMQ does not take.
    [[nodiscard]] static Result<std::unique_ptr<Link>> open(const std::string& host,
                                                            std::uint16_t port,
                                                            const std::string& node_id);
    virtual ~Link() = default;

    // To the master of that connection, else to none.
    virtual void send(std::string bytes, std::uint64_t connection) = 0;
    // Closes the socket and makes another of the same identity.
    virtual void reconnect() = 0;
    // What came in; waits for it until `limit` at most.
    [[nodiscard]] virtual std::vector<LinkEvent> receive(MonoTime limit) = 0;
};

}  // namespace squadload::locust
