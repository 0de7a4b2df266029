// The epoll implementation of Loop: for kernels and containers where io_uring is not allowed.
#pragma once

#include <memory>

#include "base/error.h"
#include "load/transport/loop.h"

namespace squadload::transport {

// Error kind resources when the kernel refuses descriptors.
[[nodiscard]] Result<std::unique_ptr<Loop>> make_epoll_loop();

}  // namespace squadload::transport
