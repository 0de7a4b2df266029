// The simulated loop: no sockets, no sleeping. Time jumps from event to event, so a ten-minute ramp
// takes milliseconds, and the same input gives the same run, byte for byte.
//
// The network has no latency: a client's connect, send and close reach the server during the call,
// at the present time; the client's completions come in the next run_once at the earliest, as with
// every Loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "load/transport/loop.h"

namespace squadload::transport {

// The server's side of one simulated connection. Owned by the SimLoop; valid until
// SimServer::on_close, or until SimServer::on_connect returns an error. Everything happens `after`
// (>= 0) from the present simulated time, in the order of time, then of the call; nothing happens
// at the client before it is connected, nor after its end or its close.
class SimConnection {
  public:
    virtual void reply(Nanos after, std::string bytes) = 0;
    virtual void close(Nanos after) = 0;             // FIN; the client may still send
    virtual void reset(Nanos after, int error) = 0;  // read error at the client, e.g. ECONNRESET
    [[nodiscard]] virtual std::uint64_t id() const = 0;  // counts connections from 0
    // What the client asked to connect from; default made if it did not.
    [[nodiscard]] virtual const Address& source() const = 0;

  protected:
    ~SimConnection() = default;
};

// A scripted server. Called by the loop at the simulated time of the event.
class SimServer {
  public:
    virtual ~SimServer() = default;
    struct Accept {
        int error = 0;  // 0 accepts, else the errno on_connected gets
        Nanos after{};
    };
    virtual Accept on_connect(SimConnection& connection) {
        static_cast<void>(connection);
        return {};
    }
    virtual void on_bytes(SimConnection& connection, std::span<const char> bytes) = 0;
    // The client gave the connection up. Not called for what on_connect refused.
    virtual void on_close(SimConnection& connection) { static_cast<void>(connection); }
};

class SimLoop : public Loop {
  public:
    // `server` outlives the loop. Time starts at MonoTime{} + 1000 s (never 0, so that a forgotten
    // start shows).
    [[nodiscard]] static std::unique_ptr<SimLoop> make(SimServer& server);

    // A planted stall: the loop's owner "was busy" for `d` (>= 0): now() jumps, and events that
    // fell into it are delivered by the next run_once as one batch. Callable from callbacks too.
    virtual void stall(Nanos d) = 0;
    // Makes the next n connect() calls fail at once with `error` (EMFILE, EADDRNOTAVAIL …).
    virtual void fail_connects(int n, int error) = 0;
};

}  // namespace squadload::transport
