#include "load/transport/uring_ring.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "base/check.h"
#include "load/transport/socket.h"

namespace squadload::transport {

namespace {

// Completions are made only when this thread asks for them (DEFER_TASKRUN, Linux 6.1), and the
// kernel says in shared memory whether there are any (TASKRUN_FLAG).
constexpr unsigned kSetup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                            IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                            IORING_SETUP_SUBMIT_ALL;

std::string likely_cause(int error) {
    if (error == EPERM || error == EACCES) {
        int disabled = 0;
        std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
        if (disabled != 0) return fmt::format("kernel.io_uring_disabled is {}", disabled);
        return "it is forbidden here, most likely by a container's seccomp profile";
    }
    if (error == ENOSYS) {
        return "this kernel was built without it, or a container's seccomp profile hides it";
    }
    if (error == EINVAL) return "this kernel is older than Linux 6.1";
    if (error == ENOMEM) return "not enough memory may be locked (ulimit -l)";
    return error_words(error);
}

// What does not count as an error of a call: a signal, the end of the time, and shortages that end
// when completions are taken.
bool harmless(int result) {
    return result >= 0 || result == -EINTR || result == -ETIME || result == -EAGAIN ||
           result == -EBUSY;
}

}  // namespace

tl::unexpected<Error> UringRing::refused(int error) {
    if (error == EMFILE || error == ENFILE) {
        return fail(ErrorKind::resources,
                    fmt::format("cannot make an event loop: {}", error_words(error)));
    }
    return fail(ErrorKind::resources,
                fmt::format("io_uring is not available: {}", likely_cause(error)));
}

UringRing::~UringRing() {
    if (open_) io_uring_queue_exit(&ring_);
    if (wake_ >= 0) ::close(wake_);
}

Result<void> UringRing::open(unsigned submissions, unsigned completions) {
    io_uring_params params{};
    params.flags = kSetup;
    params.cq_entries = completions;
    const int result = io_uring_queue_init_params(submissions, &ring_, &params);
    if (result < 0) return refused(-result);
    open_ = true;
    // Saves looking the descriptor up at every call. Refusal costs only that.
    static_cast<void>(io_uring_register_ring_fd(&ring_));
    wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_ < 0) return refused(errno);
    watch_wake();
    return {};
}

io_uring_sqe& UringRing::operation(std::uint64_t key) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
        submit();
        sqe = io_uring_get_sqe(&ring_);
    }
    io_uring_sqe_set_data64(sqe, key);
    return *sqe;
}

void UringRing::submit() {
    SQUADLOAD_CHECK(harmless(io_uring_submit(&ring_)));
}

void UringRing::look() {
    SQUADLOAD_CHECK(harmless(io_uring_submit_and_get_events(&ring_)));
}

void UringRing::wait(MonoTime now, MonoTime until) {
    io_uring_cqe* first = nullptr;
    int result = 0;
    if (until == MonoTime::max()) {
        result = io_uring_wait_cqes(&ring_, &first, 1, nullptr, nullptr);
    } else {
        const Nanos left = std::max(until - now, Nanos{0});
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        __kernel_timespec timeout{};
        timeout.tv_sec = seconds.count();
        timeout.tv_nsec = (left - seconds).count();
        result = io_uring_wait_cqes(&ring_, &first, 1, &timeout, nullptr);
    }
    SQUADLOAD_CHECK(harmless(result));
}

// Edge-triggered, so the counter need never be read: every write is an event.
void UringRing::watch_wake() {
    io_uring_sqe& sqe = operation(kWakeKey);
    io_uring_prep_poll_multishot(&sqe, wake_, POLLIN | static_cast<unsigned>(EPOLLET));
}

void UringRing::wake() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop has events enough to wake for.
    static_cast<void>(!::write(wake_, &one, sizeof one));
}

unsigned UringRing::cancel_all() {
    if (!open_) return 0;
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) {
        static_cast<void>(io_uring_submit(&ring_));
        sqe = io_uring_get_sqe(&ring_);
    }
    if (sqe != nullptr) {
        io_uring_prep_cancel64(sqe, 0,
                               IORING_ASYNC_CANCEL_ANY | static_cast<int>(IORING_ASYNC_CANCEL_ALL));
        io_uring_sqe_set_data64(sqe, kWakeKey);
    }
    static_cast<void>(io_uring_submit_and_get_events(&ring_));
    return ready();
}

}  // namespace squadload::transport
