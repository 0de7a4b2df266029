// One thread's io_uring with an event to wake it: submitting, looking for completions, waiting for
// them until a time.
#pragma once

#include <liburing.h>

#include <cstdint>

#include "base/error.h"
#include "base/time.h"

namespace squadload::transport {

class UringRing {
  public:
    static constexpr std::uint64_t kWakeKey = ~std::uint64_t{0};  // user_data of wake()'s event

    UringRing() = default;
    UringRing(const UringRing&) = delete;
    UringRing& operator=(const UringRing&) = delete;
    ~UringRing();

    // Error kind resources, with the likely cause of a refusal.
    [[nodiscard]] Result<void> open(unsigned submissions, unsigned completions);
    // errno of a refusal as that error.
    [[nodiscard]] static tl::unexpected<Error> refused(int error);
    [[nodiscard]] io_uring& raw() { return ring_; }

    // An empty operation to be filled in before the next call; submits to make room.
    [[nodiscard]] io_uring_sqe& operation(std::uint64_t key);
    [[nodiscard]] unsigned queued() const { return io_uring_sq_ready(&ring_); }
    void submit();
    // Submits and lets the kernel post what it has: it does so only when asked.
    void look();
    // Waits from `now` until `until` (MonoTime::max(): for ever), a completion or a signal.
    void wait(MonoTime now, MonoTime until);
    // The kernel has more than it posted, or something new.
    [[nodiscard]] bool more() const {
        return (kernel_flags() & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
    }
    // Completions did not fit and wait in the kernel, behind those posted.
    [[nodiscard]] bool overflown() const { return (kernel_flags() & IORING_SQ_CQ_OVERFLOW) != 0; }

    // Completions posted, oldest first; at(i) for i < ready(), valid until advance.
    [[nodiscard]] unsigned ready() const { return io_uring_cq_ready(&ring_); }
    [[nodiscard]] const io_uring_cqe& at(unsigned i) const {
        return ring_.cq.cqes[(*ring_.cq.khead + i) & ring_.cq.ring_mask];
    }
    void advance(unsigned count) { io_uring_cq_advance(&ring_, count); }

    void watch_wake();  // again, when the event's completion says it was the last
    void wake();        // any thread, async-signal-safe

    // Before the end: submits what is queued, cancels every operation and posts what comes of it,
    // as far as that goes. Returns ready().
    unsigned cancel_all();

  private:
    [[nodiscard]] unsigned kernel_flags() const { return IO_URING_READ_ONCE(*ring_.sq.kflags); }

    io_uring ring_{};
    bool open_ = false;
    int wake_ = -1;
};

}  // namespace squadload::transport
