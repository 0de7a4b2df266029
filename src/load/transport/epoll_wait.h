// An epoll set with an event to wake it, and waiting on it until a time.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "base/time.h"

namespace squadload::transport {

class EpollWait {
  public:
    static constexpr std::uint64_t kWakeKey = ~std::uint64_t{0};  // data.u64 of the event of wake()

    EpollWait() = default;
    EpollWait(const EpollWait&) = delete;
    EpollWait& operator=(const EpollWait&) = delete;
    ~EpollWait();

    [[nodiscard]] int open(bool fine_wait);                                  // 0 or errno
    [[nodiscard]] int add(int fd, std::uint32_t events, std::uint64_t key);  // 0 or errno

    // What is ready now; a number of events.
    [[nodiscard]] std::size_t poll(std::span<epoll_event> events);
    // Waits from `now` until `until` (MonoTime::max(): for ever), an event or a signal. A long wait
    // ends a little before its time, so that the kernel's tolerance does not make it late; ask
    // again.
    [[nodiscard]] std::size_t wait(std::span<epoll_event> events, MonoTime now, MonoTime until);

    void wake();  // any thread, async-signal-safe

  private:
    int epoll_ = -1;
    int wake_ = -1;
    bool fine_ = false;
};

}  // namespace squadload::transport
