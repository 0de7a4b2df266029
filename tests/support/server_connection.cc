#include "support/server_connection.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "base/random.h"

namespace squadload::test_support {
namespace {

constexpr std::size_t kMaxInput = 16 * 1024 * 1024;
constexpr std::size_t kRecordCost = 64;  // what counts for a write however short
constexpr std::size_t kMaxWritePerTurn =
    256 * 1024;  // so that an endless reply leaves room for the others

// When the kernel received what a read returned; now, if it does not say.
MonoTime received_at(msghdr& message) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec t{};
        std::memcpy(&t, CMSG_DATA(c), sizeof t);
        const WallTime wall{std::chrono::seconds{t.tv_sec} + Nanos{t.tv_nsec}};
        return mono_now() - (wall_now() - wall);
    }
    return mono_now();
}

std::size_t content_length(std::string_view headers) {
    constexpr std::string_view kName = "\ncontent-length:";
    for (std::size_t at = 0; at + kName.size() <= headers.size(); ++at) {
        if (strncasecmp(headers.data() + at, kName.data(), kName.size()) != 0) continue;
        std::string_view value = headers.substr(at + kName.size());
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        std::size_t length = 0;
        std::from_chars(value.data(), value.data() + value.size(), length);
        return length;
    }
    return 0;
}

// The first whole request of `input`, taken from it.
std::optional<Request> take_from(std::string& input) {
    const std::size_t head_end = input.find("\r\n\r\n");
    if (head_end == std::string::npos) return std::nullopt;
    const std::string_view head = std::string_view(input).substr(0, head_end);
    const std::size_t body_size = content_length(head);
    if (input.size() - head_end - 4 < body_size) return std::nullopt;
    const std::size_t line_end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, line_end);
    const std::size_t method_end = std::min(line.find(' '), line.size());
    Request request;
    request.method = line.substr(0, method_end);
    const std::string_view rest = line.substr(std::min(method_end + 1, line.size()));
    request.target = rest.substr(0, rest.find(' '));
    request.headers = head.substr(std::min(line_end + 2, head.size()));
    request.body = input.substr(head_end + 4, body_size);
    input.erase(0, head_end + 4 + body_size);
    return request;
}

Nanos drawn(const RandomDelays& delays, std::uint64_t number) {
    Random random(delays.seed, RandomStream::test, number);
    const Nanos extra = from_seconds(to_seconds(delays.mean_extra) * random.exponential());
    return std::min(delays.min + extra, delays.max);
}

}  // namespace

ServerConnection::ServerConnection(int socket, std::uint64_t id, ServerShared& shared)
    : socket_(socket),
      id_(id),
      shared_(shared),
      tls_(shared.tls ? std::make_unique<ServerTls>(*shared.tls, id) : nullptr),
      input_time_(mono_now()),
      unasked_done_(!shared.options.unasked || id >= shared.options.unasked->connections) {
    shared_.open_connections.fetch_add(1);
}

ServerConnection::~ServerConnection() {
    close(socket_);
    shared_.open_connections.fetch_sub(1);
}

void ServerConnection::reset() {
    const linger at_once{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    done_ = true;
}

void ServerConnection::on_readable() {
    std::array<char, 16 * 1024> buffer;
    std::array<char, 256> control;
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = recvmsg(socket_, &message, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0 || input_.size() > kMaxInput) {
        done_ = true;
        return;
    }
    if (muted_ || half_closed_) return;
    input_time_ = received_at(message);
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    const std::size_t before = input_.size();
    if (!tls_) {
        input_ += bytes;
    } else if (!tls_->feed(bytes, input_)) {
        end(Then::drop);
    }
    received_ += input_.size() - before;
}

void ServerConnection::advance() {
    blocked_ = false;
    while (!done_ && flush() && listening()) {
        if (!active_ && !take_request()) return;
        if (!write_reply()) return;
        end_reply();
    }
}

bool ServerConnection::listening() const {
    return !done_ && !muted_ && !half_closed_;
}

bool ServerConnection::unasked_is_due() const {
    return !unasked_done_ && received_ >= shared_.options.unasked->after_bytes &&
           (!tls_ || tls_->ready());
}

// False when there is none yet; then a connection due to close for being idle is closed.
bool ServerConnection::take_request() {
    if (unasked_is_due()) {
        unasked_done_ = true;
        answer(shared_.options.unasked->reply);
        return true;
    }
    if (!unasked_done_) return false;
    std::optional<Request> request = take_from(input_);
    if (request) {
        start(std::move(*request));
        return true;
    }
    if (deadline_ && mono_now() >= *deadline_) {
        deadline_.reset();
        end(when_idle_);
        static_cast<void>(flush());
    }
    return false;
}

void ServerConnection::start(Request request) {
    request.number = shared_.requests.fetch_add(1);
    request.connection = id_;
    request.on_connection = requests_++;
    Reply reply = shared_.options.handler(request);
    if (shared_.options.delays)
        reply = delayed(std::move(reply), drawn(*shared_.options.delays, request.number));
    answer(std::move(reply));
    active_->number = request.number;
}

void ServerConnection::answer(Reply reply) {
    active_.emplace();
    active_->reply = std::move(reply);
    active_->received = active_->due = input_time_;
    if (!active_->reply.pieces.empty()) active_->due += active_->reply.pieces.front().delay;
    deadline_.reset();
}

bool ServerConnection::write_reply() {
    ActiveReply& a = *active_;
    deadline_.reset();
    while (a.piece < a.reply.pieces.size()) {
        if (mono_now() < a.due) {
            deadline_ = a.due;
            return false;
        }
        const Piece& piece = a.reply.pieces[a.piece];
        if (!write(piece.bytes, piece.as)) return false;
        if (++a.piece < a.reply.pieces.size()) a.due += a.reply.pieces[a.piece].delay;
    }
    if (a.reply.repeated.empty() && a.reply.repeated_as == As::data) return true;
    for (std::size_t total = 0; total < kMaxWritePerTurn;
         total += a.reply.repeated.size() + kRecordCost) {
        if (!write(a.reply.repeated, a.reply.repeated_as)) return false;
    }
    blocked_ = true;  // to be called again when it is our turn
    return false;
}

// Writes all of `bytes`; false if that has to be gone on with later, or never.
bool ServerConnection::write(const std::string& bytes, As as) {
    ActiveReply& a = *active_;
    if (!a.queued && tls_) tls_->write(bytes, as);
    if (!a.queued && !tls_ && !bytes.empty()) queue_.push_back(bytes);
    a.queued = true;
    if (!flush() || !listening()) return false;
    a.queued = false;
    return true;
}

bool ServerConnection::flush() {
    if (tls_ && after_queue_ == Then::keep_open) {
        if (const Then then = tls_->take(queue_); then != Then::keep_open) after_queue_ = then;
    }
    while (!queue_.empty()) {
        const std::string& bytes = queue_.front();
        const ssize_t size = send(socket_, bytes.data() + written_, bytes.size() - written_,
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) {
            blocked_ = errno == EAGAIN;
            done_ = !blocked_;
            return false;
        }
        shared_.bytes_written.fetch_add(static_cast<std::uint64_t>(size));
        written_ += static_cast<std::size_t>(size);
        if (written_ < bytes.size()) continue;
        queue_.pop_front();
        written_ = 0;
    }
    switch (after_queue_) {
        case Then::keep_open:
            break;
        case Then::close:
        case Then::drop:
            done_ = true;
            break;
        case Then::half_close:
            shutdown(socket_, SHUT_WR);
            half_closed_ = true;
            break;
        case Then::reset:
            reset();
            break;
        case Then::mute:
            muted_ = true;
            break;
    }
    return true;
}

void ServerConnection::end_reply() {
    const Reply& reply = active_->reply;
    if (active_->number) {
        const std::lock_guard lock(shared_.mutex);
        shared_.delays.push_back({*active_->number, mono_now() - active_->received});
        shared_.replies.fetch_add(1);
    }
    when_idle_ = reply.then;
    if (when_idle_ != Then::keep_open && reply.idle == Nanos{}) {
        end(when_idle_);
    } else if (when_idle_ != Then::keep_open) {
        deadline_ = mono_now() + reply.idle;
    }
    active_.reset();
}

void ServerConnection::end(Then then) {
    if (after_queue_ != Then::keep_open) return;
    if (tls_ && (then == Then::close || then == Then::half_close)) tls_->end();
    if (tls_) static_cast<void>(tls_->take(queue_));
    after_queue_ = then;
}

}  // namespace squadload::test_support
