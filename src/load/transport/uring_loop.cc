#include "load/transport/uring_loop.h"

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/check.h"
#include "load/transport/socket.h"
#include "load/transport/uring_buffers.h"
#include "load/transport/uring_ring.h"
#include "load/transport/uring_sends.h"
#include "load/transport/uring_socket.h"

namespace squadload::transport {

namespace {

// The kernel posts about 20 events at a time (one that goes on, of a fast sender, counts anew), and
// is asked for more until there are so many.
constexpr unsigned kBatchEvents = 64;
constexpr int kLooks = 8;

using Op = UringOp;
using State = UringSocket::State;

// Operations are queued and given to the kernel together: when the loop asks for completions, or
// when the queue is full. Each socket has one receive under way from connect to close, which the
// kernel repeats by itself (multishot) into buffers it picks; no operation outlives its socket's
// slot. Descriptors are not registered with the ring: that saved nothing that could be measured.
class UringLoop final : public Loop {
  public:
    ~UringLoop() override;
    [[nodiscard]] Result<void> open(const UringOptions& options);

    [[nodiscard]] std::string_view name() const override { return "io_uring"; }
    [[nodiscard]] MonoTime now() const override { return mono_now(); }
    [[nodiscard]] MonoTime batch_time() const override { return batch_time_; }
    [[nodiscard]] MonoTime batch_earliest() const override { return batch_earliest_; }

    [[nodiscard]] ConnectStart connect(const Address& address, SocketHandler& handler,
                                       const Address* source) override;
    void send(SocketId socket, std::span<const char> bytes) override;
    void close(SocketId socket, bool reset) override;
    void run_once(MonoTime limit) override;
    void wake() override { ring_.wake(); }

  private:
    io_uring_sqe& start(Op op, SocketId socket, UringSocket& s);
    void cancel_all(SocketId socket, UringSocket& s);
    void start_receive(SocketId socket, UringSocket& s, bool expects_none);

    void take_batch(MonoTime limit);
    void deliver(const io_uring_cqe& event);
    void finish_connect(SocketId socket, UringSocket& s, int error);
    void receive(SocketId socket, UringSocket& s, const io_uring_cqe& event);
    void receive_again(SocketId socket, UringSocket& s, int result);
    static void end(UringSocket& s, int error);

    UringBuffers buffers_;  // outlives the ring
    UringRing ring_;
    UringSockets sockets_;
    UringSends sends_{ring_, sockets_};
    std::vector<SocketId> starved_;  // got bytes this turn, and then no buffer
    MonoTime asked_ = mono_now();    // nothing older than this is still in the kernel
    MonoTime asked_before_ = asked_;
    MonoTime batch_time_ = asked_;
    MonoTime batch_earliest_ = asked_;
    std::uint64_t turn_ = 0;   // counts run_once
    std::uint64_t grown_ = 0;  // the turn of the latest growth of the buffers
    bool more_ = false;        // the kernel has events that are not in this batch
};

Result<void> UringLoop::open(const UringOptions& options) {
    if (auto opened = ring_.open(options.submissions, options.completions); !opened) return opened;
    const int error = buffers_.open(ring_.raw(), options.buffers, options.most_buffers);
    if (error != 0) return UringRing::refused(error);
    return {};
}

UringLoop::~UringLoop() {
    // A descriptor whose close is still queued must be closed here, once.
    const unsigned count = ring_.cancel_all();
    for (unsigned i = 0; i < count; ++i) {
        const io_uring_cqe& event = ring_.at(i);
        if (event.user_data == UringRing::kWakeKey) continue;
        UringSocket* s = sockets_.of(event.user_data);
        if (s != nullptr && UringSockets::op(event.user_data) == Op::close) s->fd = -1;
    }
    sockets_.for_each([](UringSocket& s) {
        if (s.fd >= 0) ::close(s.fd);
    });
}

io_uring_sqe& UringLoop::start(Op op, SocketId socket, UringSocket& s) {
    s.under_way |= bit(op);
    return ring_.operation(sockets_.key(op, socket));
}

ConnectStart UringLoop::connect(const Address& address, SocketHandler& handler,
                                const Address* source) {
    int fd = open_stream_socket(address.family(), Blocking::yes);
    if (fd < 0 && errno == EMFILE && ring_.queued() > 0) {  // by descriptors about to be closed
        ring_.submit();
        fd = open_stream_socket(address.family(), Blocking::yes);
    }
    if (fd < 0) return {errno, 0};
    if (source != nullptr) {
        if (const int error = bind_source(fd, *source); error != 0) {
            ::close(fd);
            return {error, 0};
        }
    }
    const SocketId socket = sockets_.acquire();
    UringSocket& s = sockets_[socket];
    s.handler = &handler;
    s.fd = fd;
    s.address = address;
    io_uring_prep_connect(&start(Op::connect, socket, s), fd, s.address.get(), s.address.size());
    return {0, socket};
}

void UringLoop::send(SocketId socket, std::span<const char> bytes) {
    UringSocket& s = sockets_[socket];
    if (s.state == State::closing) return;
    SQUADLOAD_CHECK(s.state == State::open && s.sending == UringSocket::Sending::no);
    sends_.start(socket, s, bytes);
}

void UringLoop::start_receive(SocketId socket, UringSocket& s, bool expects_none) {
    io_uring_sqe& sqe = start(Op::receive, socket, s);
    io_uring_prep_recv_multishot(&sqe, s.fd, nullptr, 0, 0);
    if (expects_none) sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.buf_group = UringBuffers::kGroup;
}

// What is queued is executed in order: a send before it still goes out. The peer is told when the
// last operation under way lets go of the socket.
void UringLoop::close(SocketId socket, bool reset) {
    UringSocket& s = sockets_[socket];
    if (s.state == State::closing) return;
    s.state = State::closing;
    if (reset) {
        const linger discard{1, 0};
        static_cast<void>(::setsockopt(s.fd, SOL_SOCKET, SO_LINGER, &discard, sizeof discard));
    }
    cancel_all(socket, s);
    io_uring_prep_close(&start(Op::close, socket, s), s.fd);
}

void UringLoop::cancel_all(SocketId socket, UringSocket& s) {
    for (const Op op : {Op::connect, Op::receive, Op::send_later}) {
        if ((s.under_way & bit(op)) == 0) continue;
        io_uring_sqe& sqe = ring_.operation(sockets_.key(Op::cancel, socket));
        io_uring_prep_cancel64(&sqe, sockets_.key(op, socket), 0);
        sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
}

void UringLoop::run_once(MonoTime limit) {
    ++turn_;
    take_batch(limit);
    const unsigned count = ring_.ready();
    sends_.tell_done(count);
    for (unsigned i = 0; i < count; ++i) deliver(ring_.at(i));
    ring_.advance(count);
    for (const SocketId socket : starved_) {
        UringSocket& s = sockets_[socket];
        if (s.state == State::open) start_receive(socket, s, false);
    }
    starved_.clear();
    sends_.tell_failed(more_);
    if (!timers_.empty()) timers_.fire(now());
}

// Asks without waiting first: only then is it known whether the events were there already or the
// loop slept for them. That the kernel has nothing more it says in memory that both share: if it
// says so after the clock was read, nothing older than that is left.
void UringLoop::take_batch(MonoTime limit) {
    if (ring_.queued() > 0 || ring_.more()) ring_.look();
    bool slept = false;
    if (ring_.ready() == 0 && !sends_.waiting()) {
        const MonoTime asking = now();
        const MonoTime until = std::min(limit, timers_.next());
        if (until > asking) {
            ring_.wait(asking, until);
            slept = true;
        }
    }
    for (int i = 0; i < kLooks && ring_.more() && ring_.ready() < kBatchEvents; ++i) ring_.look();
    batch_time_ = now();
    batch_earliest_ = slept ? batch_time_ : asked_;
    more_ = ring_.more();
    asked_before_ = asked_;
    if (!more_) asked_ = batch_time_;
}

void UringLoop::deliver(const io_uring_cqe& event) {
    const bool last = (event.flags & IORING_CQE_F_MORE) == 0;
    if (event.user_data == UringRing::kWakeKey) {
        if (last) ring_.watch_wake();
        return;
    }
    const auto socket = static_cast<SocketId>(event.user_data);
    const Op op = UringSockets::op(event.user_data);
    UringSocket* found = sockets_.of(event.user_data);
    if (found == nullptr) {
        // What it was for ended first.
        SQUADLOAD_CHECK(op == Op::cancel || op == Op::send_now);
        return;
    }
    UringSocket& s = *found;
    if (last) s.under_way &= static_cast<std::uint8_t>(~bit(op));
    if (op == Op::receive) {
        receive(socket, s, event);
    } else if (op == Op::close) {
        s.fd = -1;
    } else if (op == Op::cancel) {
        cancel_all(socket, s);  // missed: tries again what is still under way
    } else if (s.state != State::closing) {
        if (op == Op::connect) finish_connect(socket, s, -event.res);
        if (op == Op::send_later) sends_.finish(socket, s, event.res);
    }
    if (s.state == State::closing && s.under_way == 0) {
        SocketHandler& handler = *s.handler;
        sockets_.release(socket);
        handler.on_closed();
    }
}

void UringLoop::finish_connect(SocketId socket, UringSocket& s, int error) {
    if (error == 0 && connected_to_itself(s.fd)) error = ECONNREFUSED;
    s.state = error == 0 ? State::open : State::failed;
    if (error == 0) start_receive(socket, s, true);
    s.handler->on_connected(error);
}

void UringLoop::receive(SocketId socket, UringSocket& s, const io_uring_cqe& event) {
    const bool wanted = s.state == State::open && !s.ended;
    if ((event.flags & IORING_CQE_F_BUFFER) != 0) {
        const unsigned id = event.flags >> IORING_CQE_BUFFER_SHIFT;
        if (wanted && event.res > 0) {
            s.heard_turn = turn_;
            s.handler->on_received(buffers_.bytes(id, static_cast<std::size_t>(event.res)));
        }
        buffers_.give_back(id);
    }
    if (!wanted) return;
    if ((s.under_way & bit(Op::receive)) == 0) receive_again(socket, s, event.res);
}

// The receive has come to its end. Bytes may be waiting, as old as this batch.
void UringLoop::receive_again(SocketId socket, UringSocket& s, int result) {
    if (result == 0 || (result < 0 && result != -ENOBUFS && result != -EINTR)) {
        if (s.state != State::open) return;
        // A send may have taken a reset's error off the socket, also without telling it.
        int error = result == 0 ? s.send_error : -result;
        if (error == 0 && s.send_hung && connection_aborted(s.fd)) error = ECONNRESET;
        end(s, error);
        return;
    }
    asked_ = asked_before_;
    if (result == -ENOBUFS && grown_ != turn_) {
        grown_ = turn_;
        buffers_.grow();
    }
    if (s.state != State::open) return;
    if (result == -ENOBUFS && s.heard_turn == turn_) {
        starved_.push_back(socket);  // behind those that got none
    } else {
        start_receive(socket, s, false);
    }
}

void UringLoop::end(UringSocket& s, int error) {
    s.ended = true;
    s.handler->on_end(error);
}

}  // namespace

Result<std::unique_ptr<Loop>> make_uring_loop(UringOptions options) {
    auto loop = std::make_unique<UringLoop>();
    if (auto opened = loop->open(options); !opened) return tl::unexpected(opened.error());
    // Without this the kernel may end a wait 50 us late. Refusal costs only that.
    static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL));
    return loop;
}

}  // namespace squadload::transport
