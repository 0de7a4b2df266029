#include "load/transport/epoll_wait.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/check.h"

namespace squadload::transport {

namespace {

std::size_t count(int result) {
    SQUADLOAD_CHECK(result >= 0 || errno == EINTR);
    return result < 0 ? 0 : static_cast<std::size_t>(result);
}

int wait_for(int epoll, std::span<epoll_event> events, Nanos left) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    timespec timeout{};
    timeout.tv_sec = static_cast<std::time_t>(seconds.count());
    timeout.tv_nsec = static_cast<long>((left - seconds).count());
    return ::epoll_pwait2(epoll, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
}

// The kernel lets a wait last 0.1 % longer than asked (select_estimate_accuracy in fs/select.c): a
// timer would fire 1 ms late after a pause of 1 s. So a long wait stops that much short, and a
// short one follows.
Nanos cautious(Nanos left) {
    constexpr std::chrono::milliseconds kLong{10};
    return left > kLong ? left / 512 * 511 : left;
}

}  // namespace

EpollWait::~EpollWait() {
    if (wake_ >= 0) ::close(wake_);
    if (epoll_ >= 0) ::close(epoll_);
}

int EpollWait::open(bool fine_wait) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return errno;
    wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_ < 0) return errno;
    if (fine_wait) {
        // Old kernels know no epoll_pwait2, and old container profiles forbid what they do not
        // know.
        epoll_event none{};
        const timespec at_once{};
        fine_ = ::epoll_pwait2(epoll_, &none, 1, &at_once, nullptr) >= 0;
    }
    // Edge-triggered, so the counter need never be read: every write is an edge.
    return add(wake_, EPOLLIN | EPOLLET, kWakeKey);
}

int EpollWait::add(int fd, std::uint32_t events, std::uint64_t key) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

std::size_t EpollWait::poll(std::span<epoll_event> events) {
    return count(::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0));
}

std::size_t EpollWait::wait(std::span<epoll_event> events, MonoTime now, MonoTime until) {
    const int size = static_cast<int>(events.size());
    if (until == MonoTime::max()) return count(::epoll_wait(epoll_, events.data(), size, -1));
    const Nanos left = std::max(until - now, Nanos{0});
    if (fine_) return count(wait_for(epoll_, events, cautious(left)));
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int timeout = static_cast<int>(std::min<std::int64_t>(ms, 1'000'000));
    return count(::epoll_wait(epoll_, events.data(), size, timeout));
}

void EpollWait::wake() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop has edges enough to wake for.
    static_cast<void>(!::write(wake_, &one, sizeof one));
}

}  // namespace squadload::transport
