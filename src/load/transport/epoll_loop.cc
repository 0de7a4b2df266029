#include "load/transport/epoll_loop.h"

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/check.h"
#include "load/transport/epoll_wait.h"
#include "load/transport/slot_table.h"
#include "load/transport/socket.h"

namespace squadload::transport {

namespace {

constexpr std::size_t kBatchEvents = 1024;
constexpr std::size_t kReceiveBytes = std::size_t{64} * 1024;
constexpr int kReadsPerTurn = 4;  // of one socket, so that a fast sender does not starve the others

constexpr std::uint32_t kConnectDone = EPOLLOUT | EPOLLERR | EPOLLHUP;
constexpr std::uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP;
constexpr std::uint32_t kEnding = EPOLLRDHUP | EPOLLERR | EPOLLHUP;
constexpr std::uint32_t kWritable = EPOLLOUT | EPOLLERR | EPOLLHUP;

enum class State { connecting, failed, open, closing };

struct Socket {
    SocketHandler* handler = nullptr;
    int fd = -1;
    State state = State::connecting;
    std::uint64_t sent_turn = 0;  // the turn of the latest send
    bool sending = false;         // until on_sent is delivered
    bool read_queued = false;     // bytes left by the bound on reads
    bool ended = false;           // on_end delivered
    int send_error = 0;  // taken from the socket by a send; the read that follows sees a plain end
    std::span<const char> rest = {};  // not yet with the kernel
};

// What is delivered by the next run_once without asking the kernel.
struct Pending {
    enum class Kind { sent, closed, read } kind;
    SocketId socket;
    std::uint32_t generation;
    int error;
};

// Sockets are watched edge-triggered for everything, from connect to close: one epoll_ctl per
// connection. An edge must be used up, so reads and writes go on until the kernel has no more (or
// `Pending::read`).
class EpollLoop final : public Loop {
  public:
    ~EpollLoop() override {
        sockets_.for_each([](Socket& s) {
            if (s.fd >= 0) ::close(s.fd);
        });
    }
    [[nodiscard]] int open(const EpollOptions& options) { return epoll_.open(options.fine_wait); }

    [[nodiscard]] std::string_view name() const override { return "epoll"; }
    [[nodiscard]] MonoTime now() const override { return mono_now(); }
    [[nodiscard]] MonoTime batch_time() const override { return batch_time_; }
    [[nodiscard]] MonoTime batch_earliest() const override { return batch_earliest_; }

    [[nodiscard]] ConnectStart connect(const Address& address, SocketHandler& handler,
                                       const Address* source) override;
    void send(SocketId socket, std::span<const char> bytes) override;
    void close(SocketId socket, bool reset) override;
    void run_once(MonoTime limit) override;
    void wake() override { epoll_.wake(); }

  private:
    std::size_t take_batch(MonoTime limit);
    void deliver_pending();
    void deliver(const Pending& item);
    void deliver(const epoll_event& event);
    static void finish_connect(Socket& s, std::uint32_t events);
    void receive(SocketId socket, Socket& s, bool ending);
    static void end(Socket& s, int error);
    void push_out(SocketId socket, Socket& s);
    void queue(Pending::Kind kind, SocketId socket, int error = 0);

    EpollWait epoll_;
    SlotTable<Socket> sockets_;
    std::vector<Pending> pending_;
    std::vector<Pending> delivering_;
    MonoTime asked_ = mono_now();  // nothing older than this is still unread in the kernel
    MonoTime batch_time_ = asked_;
    MonoTime batch_earliest_ = asked_;
    std::uint64_t turn_ = 0;                   // counts run_once
    MonoTime batch_earliest_before_ = asked_;  // the same of the batch before
    std::array<epoll_event, kBatchEvents> events_{};
    std::array<char, kReceiveBytes> buffer_{};  // one for all sockets: idle ones cost no memory
};

// Gives `fd` up after a failure and tells it.
ConnectStart refused(int fd, int error) {
    ::close(fd);
    return {error, 0};
}

ConnectStart EpollLoop::connect(const Address& address, SocketHandler& handler,
                                const Address* source) {
    const int fd = open_stream_socket(address.family());
    if (fd < 0) return {errno, 0};
    if (source != nullptr) {
        if (const int error = bind_source(fd, *source); error != 0) return refused(fd, error);
    }
    if (::connect(fd, address.get(), address.size()) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        return refused(fd, errno);
    }
    const SocketId socket = sockets_.acquire();
    Socket& s = sockets_[socket];
    s.handler = &handler;
    s.fd = fd;
    // Watched only now: an unconnected socket would report a hang-up. If it is connected already,
    // this is an edge as well.
    const std::uint64_t key = std::uint64_t{sockets_.generation(socket)} << 32 | socket;
    const int error = epoll_.add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, key);
    if (error != 0) {
        sockets_.release(socket);
        return refused(fd, error);
    }
    return {0, socket};
}

void EpollLoop::send(SocketId socket, std::span<const char> bytes) {
    Socket& s = sockets_[socket];
    if (s.state == State::closing) return;
    SQUADLOAD_CHECK(s.state == State::open && !s.sending);
    s.sending = true;
    s.sent_turn = turn_;
    s.rest = bytes;
    push_out(socket, s);
}

void EpollLoop::push_out(SocketId socket, Socket& s) {
    while (!s.rest.empty()) {
        const ssize_t n = ::send(s.fd, s.rest.data(), s.rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            s.rest = s.rest.subspan(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            const int error = errno;
            if (error != EPIPE) s.send_error = error;
            s.rest = {};
            queue(Pending::Kind::sent, socket, error);
            return;
        }
    }
    queue(Pending::Kind::sent, socket);
}

void EpollLoop::close(SocketId socket, bool reset) {
    Socket& s = sockets_[socket];
    if (s.state == State::closing) return;
    s.state = State::closing;
    if (reset) {
        const linger discard{1, 0};
        static_cast<void>(::setsockopt(s.fd, SOL_SOCKET, SO_LINGER, &discard, sizeof discard));
    }
    ::close(s.fd);  // leaves the epoll set with it; events already taken meet State::closing
    s.fd = -1;
    queue(Pending::Kind::closed, socket);
}

void EpollLoop::queue(Pending::Kind kind, SocketId socket, int error) {
    pending_.push_back({kind, socket, sockets_.generation(socket), error});
}

void EpollLoop::run_once(MonoTime limit) {
    ++turn_;
    const std::size_t count = take_batch(limit);
    deliver_pending();
    for (std::size_t i = 0; i < count; ++i) deliver(events_[i]);
    if (!timers_.empty()) timers_.fire(now());
}

// Asks without waiting first: only then is it known whether the events were there already or the
// loop slept for them. Measuring the wait would not tell, for a thread can lose its processor in
// between.
std::size_t EpollLoop::take_batch(MonoTime limit) {
    MonoTime asking = now();
    bool slept = false;
    std::size_t count = epoll_.poll(events_);
    if (count == 0 && pending_.empty()) {
        const MonoTime until = std::min(limit, timers_.next());
        const MonoTime before_wait = now();  // what came since `asking` is unread unless it waits
        if (until > before_wait) {
            asking = before_wait;
            count = epoll_.wait(events_, asking, until);
            slept = true;
        }
    }
    batch_time_ = now();
    batch_earliest_before_ = batch_earliest_;
    batch_earliest_ = slept ? batch_time_ : asked_;
    if (count < kBatchEvents) asked_ = asking;  // a full batch may have left older ones behind
    return count;
}

void EpollLoop::deliver_pending() {
    std::swap(pending_, delivering_);
    for (const Pending& item : delivering_) deliver(item);
    delivering_.clear();
}

void EpollLoop::deliver(const Pending& item) {
    Socket* s = sockets_.find(item.socket, item.generation);
    if (s == nullptr) return;
    SocketHandler& handler = *s->handler;
    if (item.kind == Pending::Kind::closed) {
        sockets_.release(item.socket);
        handler.on_closed();
        return;
    }
    if (s->state == State::closing) return;
    if (item.kind == Pending::Kind::sent) {
        s->sending = false;
        handler.on_sent(item.error);
        return;
    }
    // These bytes were left by the turn before, and may be as old as its events.
    const MonoTime earliest = std::exchange(batch_earliest_, batch_earliest_before_);
    s->read_queued = false;
    receive(item.socket, *s, true);
    batch_earliest_ = earliest;
}

void EpollLoop::deliver(const epoll_event& event) {
    const std::uint64_t key = event.data.u64;
    if (key == EpollWait::kWakeKey) return;
    const auto socket = static_cast<SocketId>(key);
    Socket* s = sockets_.find(socket, static_cast<std::uint32_t>(key >> 32));
    if (s == nullptr) return;
    if (s->state == State::connecting && (event.events & kConnectDone) != 0) {
        finish_connect(*s, event.events);
    }
    // Reads before writes: an answer sent along with a reset is worth more than the failed send.
    if (s->state == State::open && (event.events & kReadable) != 0 && !s->read_queued) {
        receive(socket, *s, (event.events & kEnding) != 0);
    }
    if (s->state == State::open && (event.events & kWritable) != 0 && !s->rest.empty()) {
        push_out(socket, *s);
    }
}

void EpollLoop::finish_connect(Socket& s, std::uint32_t events) {
    int error = 0;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        socklen_t size = sizeof error;
        if (::getsockopt(s.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    }
    if (error == 0 && connected_to_itself(s.fd)) error = ECONNREFUSED;
    s.state = error == 0 ? State::open : State::failed;
    s.handler->on_connected(error);
}

// `ending`: the peer's end or an error is known to follow, so a short read is not yet the last one.
void EpollLoop::receive(SocketId socket, Socket& s, bool ending) {
    for (int reads = 0; s.state == State::open && !s.ended; ++reads) {
        if (reads == kReadsPerTurn) {
            s.read_queued = true;
            queue(Pending::Kind::read, socket);
            return;
        }
        const ssize_t n = ::recv(s.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        // Bytes of a further read, or an answer to what was sent this turn, may be newer than the
        // batch.
        if (reads > 0 || s.sent_turn == turn_) batch_time_ = now();
        if (n > 0) {
            const auto size = static_cast<std::size_t>(n);
            s.handler->on_received({buffer_.data(), size});
            if (size < buffer_.size() && !ending)
                return;  // emptied: whatever follows is a new edge
        } else if (n == 0) {
            end(s, s.send_error);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            end(s, errno);
        }
    }
}

void EpollLoop::end(Socket& s, int error) {
    s.ended = true;
    s.handler->on_end(error);
}

}  // namespace

Result<std::unique_ptr<Loop>> make_epoll_loop(EpollOptions options) {
    auto loop = std::make_unique<EpollLoop>();
    const int error = loop->open(options);
    if (error != 0) {
        return fail(ErrorKind::resources,
                    fmt::format("cannot make an event loop: {}", error_words(error)));
    }
    // Without this the kernel may end a wait 50 us late. Refusal costs only that.
    static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL));
    return loop;
}

}  // namespace squadload::transport
