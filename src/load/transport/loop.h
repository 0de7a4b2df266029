// The event loop: completion-based. An operation is submitted and its completion is delivered
// later, from run_once, never from inside the submitting call, so there is no recursion and
// io_uring fits without emulation.
//
// One loop per worker thread; only wake() may be called from another thread. The loop owns its
// sockets and receive buffers; handlers belong to the caller.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"
#include "load/transport/address.h"
#include "load/transport/timer.h"

namespace squadload::transport {

using SocketId = std::uint32_t;

// One connection's completions. After connect() returned an id: on_connected once; then on_sent
// once per send(), on_received any number of times, on_end at most once; after close(): on_closed
// once, and it is the last call.
class SocketHandler {
  public:
    virtual void on_connected(
        int error) = 0;  // 0, or errno: the socket is unusable and waits for close()
    // The whole buffer is with the kernel (0), or errno. The buffer is free again.
    virtual void on_sent(int error) = 0;
    // Bytes in order; valid during the call. The handler may call send() or close(); after close()
    // no more arrive.
    virtual void on_received(std::span<const char> bytes) = 0;
    virtual void on_end(int error) = 0;  // the peer closed its side (0), or a read error (errno);
                                         // then no more bytes
    virtual void on_closed() = 0;  // everything is released, a send buffer too; the handler may be
                                   // destroyed or reused

  protected:
    ~SocketHandler() = default;
};

struct ConnectStart {
    int error =
        0;  // errno of an immediate failure (EMFILE, EADDRNOTAVAIL …): no id, no completion follows
    SocketId id = 0;
};

class Loop {
  public:
    Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    virtual ~Loop() = default;

    [[nodiscard]] virtual std::string_view name() const = 0;  // "epoll", "io_uring", "simulated"

    // Reads the clock (simulated: the simulated one).
    [[nodiscard]] virtual MonoTime now() const = 0;
    // When the batch being delivered was taken from the kernel: one clock reading for all its
    // events.
    [[nodiscard]] virtual MonoTime batch_time() const = 0;
    // The earliest time at which the events of this batch can have happened. If the loop slept for
    // them that is batch_time(); if they were already waiting, it is when the kernel was asked
    // before: a busy or stalled loop cannot tell more exactly, and whoever measures must assume the
    // worst about it.
    [[nodiscard]] virtual MonoTime batch_earliest() const = 0;

    // Opens a non-blocking TCP socket (TCP_NODELAY) and connects; completes by on_connected.
    [[nodiscard]] virtual ConnectStart connect(const Address& address, SocketHandler& handler) = 0;
    // Sends all of `bytes`, which stay valid until on_sent or on_closed. One send at a time per
    // socket.
    virtual void send(SocketId socket, std::span<const char> bytes) = 0;
    // Gives the socket up. Operations under way are cancelled without a completion of their own;
    // on_closed follows. `reset`: discard unsent data and send RST instead of FIN (used when the
    // response is not wanted any more).
    virtual void close(SocketId socket, bool reset = false) = 0;

    void set_timer(Timer& timer, MonoTime deadline) { timers_.set(timer, deadline); }
    void cancel_timer(Timer& timer) { timers_.cancel(timer); }

    // Delivers what is ready, waiting for it until `limit` or the next timer at the most; fires due
    // timers last.
    virtual void run_once(MonoTime limit) = 0;
    // Ends a wait in run_once early. Any thread, and async-signal-safe.
    virtual void wake() = 0;

  protected:
    TimerHeap timers_;
};

}  // namespace squadload::transport
