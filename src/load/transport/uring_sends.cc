#include "load/transport/uring_sends.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace squadload::transport {

namespace {

using State = UringSocket::State;
using Sending = UringSocket::Sending;

constexpr std::size_t kSmallBytes = std::size_t{64} * 1024;
constexpr std::size_t kBytesAtOnce = std::size_t{1} << 30;  // an operation's size has 32 bits
constexpr int kPatience = 8;                                // turns

}  // namespace

void UringSends::start(SocketId socket, UringSocket& s, std::span<const char> bytes) {
    s.rest = bytes;
    if (bytes.size() <= kSmallBytes) {
        queue_now(socket, s);
    } else {
        queue_later(socket, s);
    }
}

// MSG_DONTWAIT: the operation is over when the kernel returns from taking it. MSG_WAITALL: less
// than all of it is a failure, and failures are told (io_send and req_set_fail in the kernel).
void UringSends::queue_now(SocketId socket, UringSocket& s) {
    s.sending = Sending::now;
    silent_.push_back({socket, sockets_.generation(socket), 0});
    if (s.rest.empty()) return;
    io_uring_sqe& sqe = ring_.operation(sockets_.key(UringOp::send_now, socket));
    io_uring_prep_send(&sqe, s.fd, s.rest.data(), s.rest.size(),
                       MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void UringSends::queue_later(SocketId socket, UringSocket& s) {
    s.sending = Sending::later;
    s.send_hung = true;
    s.under_way |= bit(UringOp::send_later);
    io_uring_sqe& sqe = ring_.operation(sockets_.key(UringOp::send_later, socket));
    io_uring_prep_send(&sqe, s.fd, s.rest.data(), std::min(s.rest.size(), kBytesAtOnce),
                       MSG_NOSIGNAL | MSG_WAITALL);
}

void UringSends::find_complaints(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        const io_uring_cqe& event = ring_.at(i);
        if (UringSockets::op(event.user_data) != UringOp::send_now) continue;
        UringSocket* s = sockets_.of(event.user_data);
        if (s == nullptr || s->state == State::closing) continue;
        finish(static_cast<SocketId>(event.user_data), *s, event.res);
    }
}

void UringSends::tell_done(unsigned count) {
    if (silent_.empty()) return;
    find_complaints(count);
    // What did not fit among the completions may be a complaint as well.
    if (ring_.overflown() || ring_.queued() > 0) return;
    std::swap(silent_, telling_);
    for (const Send& send : telling_) {
        UringSocket* s = sockets_.find(send.socket, send.generation);
        if (s == nullptr || s->state == State::closing || s->sending != Sending::now) continue;
        s->sending = Sending::no;
        s->handler->on_sent(0);
    }
    telling_.clear();
}

void UringSends::finish(SocketId socket, UringSocket& s, int result) {
    if (result < 0 && result != -EAGAIN && result != -EINTR) {
        if (result != -EPIPE) s.send_error = -result;
        s.sending = Sending::failed;
        s.rest = {};
        failed_.push_back({socket, sockets_.generation(socket), -result});
        return;
    }
    if (result > 0) s.rest = s.rest.subspan(static_cast<std::size_t>(result));
    if (!s.rest.empty()) {
        queue_later(socket, s);
    } else {
        s.sending = Sending::no;
        s.handler->on_sent(0);
    }
}

void UringSends::tell_failed(bool more) {
    if (failed_.empty() || (more && ++patience_ < kPatience)) return;
    patience_ = 0;
    std::swap(failed_, telling_);
    for (const Send& send : telling_) {
        UringSocket* s = sockets_.find(send.socket, send.generation);
        if (s == nullptr || s->state == State::closing) continue;
        s->sending = Sending::no;
        s->handler->on_sent(send.error);
    }
    telling_.clear();
}

}  // namespace squadload::transport
