// The io_uring implementation of Loop: fewer kernel entries per request than epoll, where the
// kernel allows it (Linux 6.1 or later, not forbidden by a container or by
// kernel.io_uring_disabled).
#pragma once

#include <memory>

#include "base/error.h"
#include "load/transport/loop.h"

namespace squadload::transport {

// The defaults suit any load; all are powers of two.
struct UringOptions {
    // Operations wait for each other, at the most so many, and are given to the kernel in one call.
    // A request's bytes go out later than its send() by the time the others take, some tens of
    // microseconds at worst: few, so that this stays small.
    unsigned submissions = 16;
    // More wait in the kernel, and while they do no small send is known to be done: a response that
    // comes then costs its connection. So: two for each of 30,000 sockets, in 1 MiB.
    unsigned completions = 65536;
    unsigned buffers = 64;  // receive buffers at first; doubled whenever they run out, up to
    unsigned most_buffers = 1024;
};

// To be called on the thread that runs and destroys the loop; no other thread may use it, but for
// wake(). Lowers that thread's timer slack, so that waits end on time. Error kind resources: the
// kernel refuses descriptors or io_uring, with the likely cause in the sentence.
[[nodiscard]] Result<std::unique_ptr<Loop>> make_uring_loop(UringOptions options = {});

}  // namespace squadload::transport
