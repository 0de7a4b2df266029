// The epoll implementation of Loop: for kernels and containers where io_uring is not allowed.
#pragma once

#include <memory>

#include "base/error.h"
#include "load/transport/loop.h"

namespace squadload::transport {

struct EpollOptions {
    // Waits to the nanosecond with epoll_pwait2 where the kernel has it (5.11); otherwise, and
    // without this, to the next full millisecond, so that timers fire up to 1 ms late.
    bool fine_wait = true;
};

// To be called on the thread that runs the loop: lowers that thread's timer slack, so that waits
// end on time. Error kind resources when the kernel refuses descriptors.
[[nodiscard]] Result<std::unique_ptr<Loop>> make_epoll_loop(EpollOptions options = {});

}  // namespace squadload::transport
