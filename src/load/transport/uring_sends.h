// The sends of the io_uring loop. A small one is tried once, without waiting for room, and
// completes in silence: if it was submitted and the kernel did not complain, it is with the kernel.
// What did not fit, and a large one, is left to the kernel, which says when it is done.
#pragma once

#include <vector>

#include "load/transport/uring_ring.h"
#include "load/transport/uring_socket.h"

namespace squadload::transport {

class UringSends {
  public:
    UringSends(UringRing& ring, UringSockets& sockets) : ring_(ring), sockets_(sockets) {}

    void start(SocketId socket, UringSocket& s, std::span<const char> bytes);
    [[nodiscard]] bool waiting() const { return !silent_.empty() || !failed_.empty(); }

    // Tells the sends that completed in silence, going by the first `count` completions posted.
    void tell_done(unsigned count);
    // A completion of UringOp::send_later.
    void finish(SocketId socket, UringSocket& s, int result);
    // Tells the failed ones. To be called after the bytes of this turn are delivered (an answer
    // sent along with a reset is worth more than the failed send); waits for those of the next
    // turns while there are `more`.
    void tell_failed(bool more);

  private:
    struct Send {
        SocketId socket;
        std::uint32_t generation;
        int error;
    };
    void queue_now(SocketId socket, UringSocket& s);
    void queue_later(SocketId socket, UringSocket& s);
    void find_complaints(unsigned count);

    UringRing& ring_;
    UringSockets& sockets_;
    std::vector<Send> silent_;
    std::vector<Send> failed_;
    std::vector<Send> telling_;
    int patience_ = 0;
};

}  // namespace squadload::transport
