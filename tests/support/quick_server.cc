#include "support/quick_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace squadload::test_support {
namespace {

constexpr std::size_t kEvents = 256;

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    event.data.fd = fd;
    SQUADLOAD_CHECK(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

}  // namespace

QuickServer::QuickServer(std::string answer, std::function<void(std::uint64_t)> on_request,
                         const TlsContext* tls)
    : answer_(std::move(answer)), on_request_(std::move(on_request)), tls_(tls) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    SQUADLOAD_CHECK(listener_ >= 0);
    SQUADLOAD_CHECK(::bind(listener_, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
    SQUADLOAD_CHECK(::listen(listener_, 4096) == 0);
    socklen_t size = sizeof any;
    SQUADLOAD_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size) == 0);
    port_ = ntohs(any.sin_port);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    stop_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    SQUADLOAD_CHECK(epoll_ >= 0 && stop_ >= 0);
    watch(epoll_, listener_);
    watch(epoll_, stop_);
    thread_ = std::thread([this] { run(); });
}

QuickServer::~QuickServer() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_, &one, sizeof one));
    thread_.join();
    for (const auto& [fd, session] : open_) ::close(fd);
    for (const int fd : {stop_, epoll_, listener_}) ::close(fd);
}

void QuickServer::run() {
    std::array<epoll_event, kEvents> events{};
    for (;;) {
        const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(kEvents), -1);
        for (int i = 0; i < n; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == stop_) return;
            if (fd == listener_) {
                accept_all();
            } else {
                answer(fd);
            }
        }
    }
}

void QuickServer::accept_all() {
    for (;;) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        const int on = 1;
        static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
        watch(epoll_, fd);
        open_[fd] = tls_ != nullptr ? std::make_unique<ServerTls>(*tls_, accepted_++) : nullptr;
    }
}

void QuickServer::answer(int fd) {
    std::array<char, 16384> buffer;
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EAGAIN) return;
    ServerTls* session = open_[fd].get();
    if (n > 0 && session != nullptr) {
        if (answer_tls(fd, {buffer.data(), static_cast<std::size_t>(n)}, *session)) return;
    } else if (n > 0) {
        on_request_(++requests_);
        const ssize_t sent = ::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        if (sent == static_cast<ssize_t>(answer_.size())) return;
    }
    open_.erase(fd);
    ::close(fd);
}

bool QuickServer::answer_tls(int fd, std::string_view bytes, ServerTls& session) {
    std::string request;
    const bool alive = session.feed(bytes, request);
    if (!request.empty()) {
        on_request_(++requests_);
        session.write(answer_, As::data);
    }
    std::deque<std::string> segments;
    static_cast<void>(session.take(segments));
    for (const std::string& segment : segments) {
        const ssize_t sent = ::send(fd, segment.data(), segment.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(segment.size())) return false;
    }
    return alive;
}

}  // namespace squadload::test_support
