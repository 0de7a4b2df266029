#include "load/transport/sim_loop.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "base/check.h"
#include "load/transport/slot_table.h"

namespace squadload::transport {

namespace {

// As much as the socket loops hand over in one call.
constexpr std::size_t kReceiveBytes = std::size_t{64} * 1024;

enum class Kind { connected, sent, received, end, closed };

// A completion on its way to the client.
struct Event {
    MonoTime at{};
    std::uint64_t order = 0;
    Kind kind = Kind::connected;
    SocketId socket = 0;
    std::uint32_t generation = 0;
    int error = 0;
    std::string bytes = {};
};

bool later(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
}

class SimulatedLoop;

class Connection final : public SimConnection {
  public:
    Connection(SimulatedLoop& loop, SocketId socket, std::uint64_t id, const Address& source)
        : loop_(loop), socket_(socket), id_(id), source_(source) {}
    void reply(Nanos after, std::string bytes) override;
    void close(Nanos after) override;
    void reset(Nanos after, int error) override;
    [[nodiscard]] std::uint64_t id() const override { return id_; }
    [[nodiscard]] const Address& source() const override { return source_; }

  private:
    SimulatedLoop& loop_;
    SocketId socket_;
    std::uint64_t id_;
    Address source_;
};

enum class State { connecting, open, failed, ended, reset, closed };

struct Client {
    SocketHandler* handler = nullptr;
    std::unique_ptr<Connection> connection;  // none once refused or closed
    State state = State::connecting;
    bool sending = false;
};

class SimulatedLoop final : public SimLoop {
  public:
    explicit SimulatedLoop(SimServer& server) : server_(server) {}

    [[nodiscard]] std::string_view name() const override { return "simulated"; }
    [[nodiscard]] MonoTime now() const override { return now_; }
    [[nodiscard]] MonoTime batch_time() const override { return batch_time_; }
    [[nodiscard]] MonoTime batch_earliest() const override { return batch_earliest_; }

    [[nodiscard]] ConnectStart connect(const Address& address, SocketHandler& handler,
                                       const Address* source) override;
    void send(SocketId socket, std::span<const char> bytes) override;
    void close(SocketId socket, bool reset) override;
    void run_once(MonoTime limit) override;
    void wake() override { woken_.store(true); }

    void stall(Nanos d) override {
        SQUADLOAD_CHECK(d >= Nanos{0});
        now_ += d;
    }
    void fail_connects(int n, int error) override {
        connects_to_fail_ = n;
        connect_error_ = error;
    }

    void schedule(SocketId socket, Nanos after, Kind kind, int error, std::string bytes = {});

  private:
    void push(Event event);
    void take_due();
    void deliver(const Event& event);
    void deliver_bytes(const Event& event, Client& client);

    SimServer& server_;
    SlotTable<Client> clients_;
    MonoTime now_ = MonoTime{} + std::chrono::seconds{1000};
    MonoTime asked_ = now_;  // when run_once last looked for events
    MonoTime batch_time_ = now_;
    MonoTime batch_earliest_ = now_;
    std::vector<Event> queue_;  // a heap, earliest first
    std::vector<Event> batch_;
    std::vector<Event> held_;  // what the server does within on_connect; follows the completion
    bool holding_ = false;
    std::uint64_t orders_ = 0;
    std::uint64_t connections_ = 0;
    int connects_to_fail_ = 0;
    int connect_error_ = 0;
    std::atomic<bool> woken_ = false;
};

void Connection::reply(Nanos after, std::string bytes) {
    if (!bytes.empty()) loop_.schedule(socket_, after, Kind::received, 0, std::move(bytes));
}
void Connection::close(Nanos after) {
    loop_.schedule(socket_, after, Kind::end, 0);
}
void Connection::reset(Nanos after, int error) {
    SQUADLOAD_CHECK(error != 0);
    loop_.schedule(socket_, after, Kind::end, error);
}

ConnectStart SimulatedLoop::connect(const Address&, SocketHandler& handler, const Address* source) {
    if (connects_to_fail_ > 0) {
        --connects_to_fail_;
        return {connect_error_, 0};
    }
    const SocketId socket = clients_.acquire();
    Client& client = clients_[socket];
    client.handler = &handler;
    client.connection = std::make_unique<Connection>(*this, socket, connections_++,
                                                     source != nullptr ? *source : Address{});
    holding_ = true;
    const SimServer::Accept accept = server_.on_connect(*client.connection);
    holding_ = false;
    schedule(socket, accept.after, Kind::connected, accept.error);
    for (Event& event : held_) {
        event.at = std::max(event.at, now_ + accept.after);
        push(std::move(event));
    }
    held_.clear();
    if (accept.error != 0) client.connection.reset();
    return {0, socket};
}

void SimulatedLoop::send(SocketId socket, std::span<const char> bytes) {
    Client& client = clients_[socket];
    SQUADLOAD_CHECK(!client.sending);
    if (client.state == State::closed) return;
    SQUADLOAD_CHECK(client.state != State::connecting && client.state != State::failed);
    client.sending = true;
    const bool lost = client.state == State::reset;
    schedule(socket, Nanos{0}, Kind::sent, lost ? EPIPE : 0);
    if (!lost) server_.on_bytes(*client.connection, bytes);
}

void SimulatedLoop::close(SocketId socket, bool) {
    Client& client = clients_[socket];
    if (client.state == State::closed) return;
    client.state = State::closed;
    schedule(socket, Nanos{0}, Kind::closed, 0);
    if (!client.connection) return;
    server_.on_close(*client.connection);
    client.connection.reset();
}

void SimulatedLoop::schedule(SocketId socket, Nanos after, Kind kind, int error,
                             std::string bytes) {
    SQUADLOAD_CHECK(after >= Nanos{0});
    Event event{now_ + after,    0, kind, socket, clients_.generation(socket), error,
                std::move(bytes)};
    if (holding_) {
        held_.push_back(std::move(event));
    } else {
        push(std::move(event));
    }
}

void SimulatedLoop::push(Event event) {
    event.order = orders_++;
    queue_.push_back(std::move(event));
    std::push_heap(queue_.begin(), queue_.end(), later);
}

void SimulatedLoop::run_once(MonoTime limit) {
    const bool woken = woken_.exchange(false);
    bool slept = false;
    take_due();
    if (batch_.empty() && !woken) {
        const MonoTime event = queue_.empty() ? MonoTime::max() : queue_.front().at;
        const MonoTime until = std::min({limit, timers_.next(), event});
        SQUADLOAD_CHECK(until != MonoTime::max());  // would wait for ever
        slept = until > now_;
        now_ = std::max(now_, until);
        take_due();
    }
    batch_time_ = now_;
    batch_earliest_ = slept ? now_ : asked_;
    asked_ = now_;
    for (const Event& event : batch_) deliver(event);
    batch_.clear();
    timers_.fire(now_);
}

void SimulatedLoop::take_due() {
    while (!queue_.empty() && queue_.front().at <= now_) {
        std::pop_heap(queue_.begin(), queue_.end(), later);
        batch_.push_back(std::move(queue_.back()));
        queue_.pop_back();
    }
}

void SimulatedLoop::deliver(const Event& event) {
    Client* client = clients_.find(event.socket, event.generation);
    if (client == nullptr) return;
    SocketHandler& handler = *client->handler;
    if (event.kind == Kind::closed) {
        clients_.release(event.socket);
        handler.on_closed();
        return;
    }
    if (client->state == State::closed) return;
    if (event.kind == Kind::connected) {
        client->state = event.error == 0 ? State::open : State::failed;
        handler.on_connected(event.error);
    } else if (event.kind == Kind::sent) {
        client->sending = false;
        handler.on_sent(event.error);
    } else if (client->state != State::open) {
        return;
    } else if (event.kind == Kind::received) {
        deliver_bytes(event, *client);
    } else {
        client->state = event.error == 0 ? State::ended : State::reset;
        handler.on_end(event.error);
    }
}

void SimulatedLoop::deliver_bytes(const Event& event, Client& client) {
    std::span<const char> rest(event.bytes);
    while (!rest.empty() && client.state == State::open) {
        const std::size_t n = std::min(rest.size(), kReceiveBytes);
        client.handler->on_received(rest.first(n));
        rest = rest.subspan(n);
    }
}

}  // namespace

std::unique_ptr<SimLoop> SimLoop::make(SimServer& server) {
    return std::make_unique<SimulatedLoop>(server);
}

}  // namespace squadload::transport
