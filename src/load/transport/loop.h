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
// once, and it is the last call. Every call may connect, send, close and set timers.
class SocketHandler {
  public:
    // 0, or errno: the socket is unusable and waits for close().
    virtual void on_connected(int error) = 0;
    // The whole buffer is with the kernel (0), or errno. The buffer is free again.
    virtual void on_sent(int error) = 0;
    // Bytes in order, at least one; valid during the call. After close() no more arrive.
    virtual void on_received(std::span<const char> bytes) = 0;
    // The peer closed its side (0; sending may still work), or a read error (errno). No more bytes.
    virtual void on_end(int error) = 0;
    // Everything is released, a send buffer too; the handler may be destroyed or reused.
    virtual void on_closed() = 0;

  protected:
    ~SocketHandler() = default;
};

struct ConnectStart {
    // errno of an immediate failure (EMFILE, EADDRNOTAVAIL …): no id, and no completion follows.
    int error = 0;
    // Good until on_closed, then used again.
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
    // events. A clock reading of its own for bytes that can be later than that (an answer that
    // came during the batch), so that no answer is earlier than its send(). Never runs backwards.
    [[nodiscard]] virtual MonoTime batch_time() const = 0;
    // The earliest time at which the events of this batch can have happened. If the loop slept for
    // them that is batch_time(); if they were already waiting, it is when the kernel was asked
    // before: a busy or stalled loop cannot tell more exactly, and whoever measures must assume the
    // worst about it.
    [[nodiscard]] virtual MonoTime batch_earliest() const = 0;

    // Opens a TCP socket (TCP_NODELAY) and connects, from the local address `source` if there is
    // one (its port is 0: any that is free towards `address`); completes by on_connected.
    [[nodiscard]] virtual ConnectStart connect(const Address& address, SocketHandler& handler,
                                               const Address* source = nullptr) = 0;
    // Sends all of `bytes`, which stay valid until on_sent or on_closed. One send at a time per
    // socket, from on_connected(0) on; without effect after close().
    virtual void send(SocketId socket, std::span<const char> bytes) = 0;
    // Gives the socket up, at any moment. Operations under way are cancelled without a completion
    // of their own; on_closed follows. `reset`: discard unsent data and send RST instead of FIN
    // (used when the response is not wanted any more). Without effect when called again.
    virtual void close(SocketId socket, bool reset = false) = 0;

    void set_timer(Timer& timer, MonoTime deadline) { timers_.set(timer, deadline); }
    void cancel_timer(Timer& timer) { timers_.cancel(timer); }

    // Delivers what is ready, waiting for it until `limit` or the next timer at the most, and fires
    // due timers last. May return earlier with nothing (a signal, wake(), the kernel's clock): call
    // it in a loop. What a callback submits completes in a later call. Not to be called from a
    // callback.
    virtual void run_once(MonoTime limit) = 0;
    // Ends a wait in run_once early. Any thread, and async-signal-safe.
    virtual void wake() = 0;

  protected:
    TimerHeap timers_;
};

}  // namespace squadload::transport
