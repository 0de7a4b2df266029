#include "support/server_thread.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <future>
#include <utility>

#include "base/check.h"

namespace squadload::test_support {
namespace {

// epoll tags; connections follow.
constexpr std::uint64_t kListenerTag = 0;
constexpr std::uint64_t kWakeTag = 1;
constexpr std::uint64_t kTimerTag = 2;
constexpr std::uint64_t kFirstConnectionTag = 3;

int open_listener(bool ipv6) {
    const int listener =
        socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    SQUADLOAD_CHECK(listener >= 0);
    const int on = 1;  // inherited by what it accepts: when the kernel received a request
    SQUADLOAD_CHECK(setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    const auto* address =
        ipv6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
    SQUADLOAD_CHECK(bind(listener, address, ipv6 ? sizeof v6 : sizeof v4) == 0);
    SQUADLOAD_CHECK(listen(listener, SOMAXCONN) == 0);
    return listener;
}

std::uint16_t port_of(int socket) {
    sockaddr_in6 address{};  // the port lies at the same place in both families
    socklen_t size = sizeof address;
    SQUADLOAD_CHECK(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return ntohs(address.sin6_port);
}

}  // namespace

ServerThread::ServerThread(ServerOptions options)
    : listener_(open_listener(options.ipv6)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    SQUADLOAD_CHECK(epoll_ >= 0 && wake_ >= 0 && timer_ >= 0);
    shared.options = std::move(options);
    if (shared.options.tls) shared.tls = std::make_unique<TlsContext>(*shared.options.tls);
    port = port_of(listener_);
    watch(EPOLL_CTL_ADD, listener_, kListenerTag, EPOLLIN);
    watch(EPOLL_CTL_ADD, wake_, kWakeTag, EPOLLIN);
    watch(EPOLL_CTL_ADD, timer_, kTimerTag, EPOLLIN);
    thread_ = std::thread([this] { loop(); });
}

ServerThread::~ServerThread() {
    thaw();
    run_on_thread([this] { stopping_ = true; });
    thread_.join();
    connections_.clear();
    for (const int descriptor : {listener_, epoll_, wake_, timer_}) {
        if (descriptor >= 0) close(descriptor);
    }
}

void ServerThread::watch(int operation, int socket, std::uint64_t tag, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    SQUADLOAD_CHECK(epoll_ctl(epoll_, operation, socket, &event) == 0);
}

void ServerThread::loop() {
    prctl(PR_SET_TIMERSLACK, 1);
    std::array<epoll_event, 64> events;
    while (!stopping_) {
        arm_timer();
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            on_event(event.data.u64, event.events);
        }
        fire_deadlines();
        run_commands();
    }
}

void ServerThread::on_event(std::uint64_t tag, std::uint32_t events) {
    std::uint64_t ignored = 0;
    if (tag == kListenerTag) {
        accept_all();
    } else if (tag == kWakeTag) {
        static_cast<void>(!read(wake_, &ignored, sizeof ignored));
    } else if (tag == kTimerTag) {
        static_cast<void>(!read(timer_, &ignored, sizeof ignored));
    } else if (const auto found = connections_.find(tag - kFirstConnectionTag);
               found != connections_.end()) {
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) found->second->on_readable();
        advance(found->first);
    }
}

void ServerThread::accept_all() {
    while (true) {
        const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) return;
        const std::uint64_t id = shared.connections.fetch_add(1);
        const int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto connection = std::make_unique<ServerConnection>(socket, id, shared);
        const OnAccept what =
            shared.options.on_accept ? shared.options.on_accept(id) : OnAccept::serve;
        if (what == OnAccept::reset) connection->reset();
        if (what == OnAccept::close || what == OnAccept::reset) continue;  // its destructor closes
        connections_.emplace(id, std::move(connection));
        if (what == OnAccept::ignore) continue;
        watched_[id] = EPOLLIN;
        watch(EPOLL_CTL_ADD, socket, id + kFirstConnectionTag, EPOLLIN);
        if (shared.options.unasked) advance(id);
    }
}

void ServerThread::advance(std::uint64_t id) {
    ServerConnection& connection = *connections_.at(id);
    connection.advance();
    if (connection.done()) return destroy(id);
    const std::uint32_t events = connection.wants_write() ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (std::exchange(watched_[id], events) != events) {
        watch(EPOLL_CTL_MOD, connection.socket(), id + kFirstConnectionTag, events);
    }
    if (const auto old = deadline_of_.find(id); old != deadline_of_.end()) {
        deadlines_.erase({old->second, id});
        deadline_of_.erase(old);
    }
    if (const auto deadline = connection.deadline()) {
        deadlines_.emplace(*deadline, id);
        deadline_of_.emplace(id, *deadline);
    }
}

void ServerThread::destroy(std::uint64_t id) {
    if (const auto old = deadline_of_.find(id); old != deadline_of_.end()) {
        deadlines_.erase({old->second, id});
        deadline_of_.erase(old);
    }
    watched_.erase(id);
    connections_.erase(id);
}

void ServerThread::fire_deadlines() {
    std::vector<std::uint64_t> due;
    const MonoTime now = mono_now();
    for (const auto& [deadline, id] : deadlines_) {
        if (deadline > now) break;
        due.push_back(id);
    }
    for (const std::uint64_t id : due) advance(id);
}

void ServerThread::arm_timer() const {
    itimerspec spec{};  // zero disarms
    if (!deadlines_.empty()) {
        const Nanos at = deadlines_.begin()->first.time_since_epoch();
        spec.it_value.tv_sec = at / std::chrono::seconds{1};
        spec.it_value.tv_nsec = (at % std::chrono::seconds{1}).count();
    }
    timerfd_settime(timer_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void ServerThread::run_commands() {
    std::vector<std::function<void()>> commands;
    {
        const std::lock_guard lock(mutex_);
        commands.swap(commands_);
    }
    for (const auto& command : commands) command();
}

void ServerThread::run_on_thread(const std::function<void()>& work) {
    std::promise<void> done;
    {
        const std::lock_guard lock(mutex_);
        commands_.emplace_back([&] {
            work();
            done.set_value();
        });
    }
    const std::uint64_t one = 1;
    SQUADLOAD_CHECK(write(wake_, &one, sizeof one) == sizeof one);
    done.get_future().wait();
}

void ServerThread::freeze() {
    std::unique_lock lock(mutex_);
    if (frozen_) return;
    frozen_ = true;
    commands_.emplace_back([this] { stand_still(); });
    const std::uint64_t one = 1;
    SQUADLOAD_CHECK(write(wake_, &one, sizeof one) == sizeof one);
    changed_.wait(lock, [this] { return standing_; });
}

void ServerThread::stand_still() {
    std::unique_lock lock(mutex_);
    standing_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !frozen_; });
    standing_ = false;
    changed_.notify_all();
}

void ServerThread::thaw() {
    std::unique_lock lock(mutex_);
    frozen_ = false;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !standing_; });
}

void ServerThread::close_idle() {
    std::vector<std::uint64_t> idle;
    for (const auto& [id, connection] : connections_) {
        if (connection->idle()) idle.push_back(id);
    }
    for (const std::uint64_t id : idle) destroy(id);
}

void ServerThread::die() {
    if (listener_ >= 0) close(std::exchange(listener_, -1));
    while (!connections_.empty()) {
        connections_.begin()->second->reset();
        destroy(connections_.begin()->first);
    }
}

}  // namespace squadload::test_support
