#include "locust/link.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <zmq.hpp>

#include "base/check.h"
#include "base/log.h"
#include "locust/codec.h"

namespace squadload::locust {
namespace {

using std::chrono::milliseconds;

constexpr auto kRetry = milliseconds{100};
constexpr auto kRetryMost = milliseconds{2000};
constexpr milliseconds kLinger{200};
constexpr milliseconds kApart{100};  // the end of one connection and the beginning of another

class ZmqLink final : public Link {
  public:
    ZmqLink(std::string endpoint, std::string node_id)
        : endpoint_(std::move(endpoint)),
          node_id_(std::move(node_id)),
          wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        SQUADLOAD_CHECK(wake_ >= 0);
    }
    ZmqLink(const ZmqLink&) = delete;
    ZmqLink& operator=(const ZmqLink&) = delete;

    ~ZmqLink() override {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        wake();
        if (thread_.joinable()) thread_.join();
        ::close(wake_);
    }

    Result<void> begin() {
        try {
            make_socket();
        } catch (const zmq::error_t& e) {
            return fail(ErrorKind::usage,
                        fmt::format("cannot connect to a master at {}: {}", endpoint_, e.what()));
        }
        thread_ = std::thread([this] { work(); });
        return {};
    }

    void send(std::string bytes, std::uint64_t connection) override {
        {
            const std::lock_guard lock(mutex_);
            to_send_.emplace_back(connection, std::move(bytes));
        }
        wake();
    }

    void reconnect() override {
        {
            const std::lock_guard lock(mutex_);
            reconnect_ = true;
        }
        wake();
    }

    std::vector<LinkEvent> receive(MonoTime limit) override {
        std::unique_lock lock(mutex_);
        came_.wait_until(lock, limit, [&] { return !events_.empty(); });
        return std::exchange(events_, {});
    }

  private:
    void wake() const {
        const std::uint64_t one = 1;
        // Full means that it wakes anyway.
        [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
    }

    void make_socket() {
        socket_ = zmq::socket_t(*context_, zmq::socket_type::dealer);
        socket_.set(zmq::sockopt::routing_id, node_id_);
        socket_.set(zmq::sockopt::tcp_keepalive, 1);
        socket_.set(zmq::sockopt::tcp_keepalive_idle, 30);
        socket_.set(zmq::sockopt::ipv6, true);
        socket_.set(zmq::sockopt::linger, static_cast<int>(kLinger.count()));
        // Nothing is queued for a master that is not there: it would come to the next one.
        socket_.set(zmq::sockopt::immediate, true);
        socket_.set(zmq::sockopt::reconnect_ivl, static_cast<int>(kRetry.count()));
        socket_.set(zmq::sockopt::reconnect_ivl_max, static_cast<int>(kRetryMost.count()));
        socket_.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMostBytes));
        socket_.set(zmq::sockopt::sndhwm, 0);
        const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
        constexpr const char* name = "inproc://monitor";
        if (zmq_socket_monitor(socket_.handle(), name, events) != 0) throw zmq::error_t();
        monitor_ = zmq::socket_t(*context_, zmq::socket_type::pair);
        monitor_.set(zmq::sockopt::linger, 0);
        monitor_.connect(name);
        socket_.connect(endpoint_);
    }

    void emit(LinkEvent::Kind kind, std::string bytes = {}) {
        const std::lock_guard lock(mutex_);
        events_.push_back({kind, connection_, std::move(bytes)});
        came_.notify_one();
    }

    void work() {
        try {
            while (turn()) {
            }
            flush();
        } catch (const zmq::error_t& e) {
            log::error(fmt::format("the connection to the master: {}", e.what()));
            went();  // for good: the worker ends as without a master
        }
        close_sockets();
    }

    // Returns once the connection is closed: closing a socket alone would not wait for that.
    void close_sockets() {
        monitor_ = {};
        socket_ = {};
        context_.reset();
    }

    // A ROUTER ignores a second connection of a name that it still has one of.
    void make_another() {
        went();
        close_sockets();
        std::this_thread::sleep_for(kApart);
        context_.emplace(1);
        make_socket();
    }

    bool turn() {
        std::array<zmq::pollitem_t, 3> items{{{socket_.handle(), 0, ZMQ_POLLIN, 0},
                                              {monitor_.handle(), 0, ZMQ_POLLIN, 0},
                                              {nullptr, wake_, ZMQ_POLLIN, 0}}};
        // What could not be sent is tried again soon.
        zmq::poll(items.data(), items.size(), left_.empty() ? milliseconds{1000} : milliseconds{5});
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
        bool reconnect = false;
        {
            const std::lock_guard lock(mutex_);
            if (ending_) return false;
            reconnect = std::exchange(reconnect_, false);
        }
        // A message that came over a connection comes before its end.
        receive_all();
        watch();
        if (reconnect) make_another();
        flush();
        return true;
    }

    void receive_all() {
        for (;;) {
            zmq::message_t frame;
            if (!socket_.recv(frame, zmq::recv_flags::dontwait)) return;
            if (frame.more()) continue;
            emit(LinkEvent::Kind::message, frame.to_string());
        }
    }

    void watch() {
        for (;;) {
            zmq::message_t event;
            if (!monitor_.recv(event, zmq::recv_flags::dontwait)) return;
            zmq::message_t address;
            if (event.more() && !monitor_.recv(address, zmq::recv_flags::none)) return;
            std::uint16_t what = 0;
            if (event.size() < sizeof what) continue;
            std::memcpy(&what, event.data(), sizeof what);
            if (what == ZMQ_EVENT_DISCONNECTED) went();
            if (what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
                went();
                stands_ = true;
                ++connection_;
                emit(LinkEvent::Kind::connected);
            }
        }
    }

    void went() {
        if (!std::exchange(stands_, false)) return;
        left_.clear();
        emit(LinkEvent::Kind::disconnected);
    }

    void flush() {
        {
            const std::lock_guard lock(mutex_);
            left_.insert(left_.end(), std::make_move_iterator(to_send_.begin()),
                         std::make_move_iterator(to_send_.end()));
            to_send_.clear();
        }
        while (!left_.empty()) {
            auto& [connection, bytes] = left_.front();
            if (stands_ && connection == connection_ &&
                !socket_.send(zmq::buffer(bytes), zmq::send_flags::dontwait))
                return;
            left_.pop_front();
        }
    }

    const std::string endpoint_;
    const std::string node_id_;
    int wake_;
    // The thread's own, once it runs.
    std::optional<zmq::context_t> context_{std::in_place, 1};
    zmq::socket_t socket_;
    zmq::socket_t monitor_;
    bool stands_ = false;
    std::uint64_t connection_ = 0;
    std::deque<std::pair<std::uint64_t, std::string>> left_;

    std::mutex mutex_;  // of what follows
    std::condition_variable came_;
    std::vector<std::pair<std::uint64_t, std::string>> to_send_;
    std::vector<LinkEvent> events_;
    bool reconnect_ = false;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Link>> Link::open(const std::string& host, std::uint16_t port,
                                         const std::string& node_id) {
    const bool v6 = host.find(':') != std::string::npos && !host.starts_with('[');
    auto link = std::make_unique<ZmqLink>(
        fmt::format("tcp://{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port), node_id);
    if (auto begun = link->begin(); !begun) return tl::unexpected(begun.error());
    return link;
}

}  // namespace squadload::locust
