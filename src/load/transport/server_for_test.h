// For the tests of this room: a server whose clients choose by their first byte what it does to
// them, once behind real loopback sockets and once simulated.
//   'e' echoes everything     's' stays silent     'f' answers "bye" and FIN, then only reads
//   'r' resets                'b' sends kBlast bytes and FIN   'a' answers the client's address
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <thread>

#include "load/transport/address.h"
#include "load/transport/sim_loop.h"

namespace squadload::transport {
namespace {

constexpr std::size_t kBlast = std::size_t{8} << 20;

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return bytes;
}

// What one connection does next; the same for both servers.
class Behaviour {
  public:
    struct Answer {
        std::string bytes = {};
        bool finish = false;
        bool reset = false;
    };
    Answer on_bytes(const std::string& bytes, const std::string& client_ip) {
        const bool first = mode_ == '\0';
        if (first) mode_ = bytes.front();
        if (mode_ == 'e') return {bytes, false, false};
        if (mode_ == 'r') return {"", false, true};
        if (!first) return {};
        if (mode_ == 'a') return {client_ip, false, false};
        if (mode_ == 'f') return {"bye", true, false};
        if (mode_ == 'b') return {pattern(kBlast), true, false};
        return {};
    }

  private:
    char mode_ = '\0';
};

// A TCP socket bound to a free loopback port; listening or, for refusals, not.
class LoopbackSocket {
  public:
    explicit LoopbackSocket(int backlog, const char* ip = "127.0.0.1") {
        const Address any = Address::parse(ip, 0).value();
        fd_ = ::socket(any.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        usable_ = ::bind(fd_, any.get(), any.size()) == 0;
        if (usable_ && backlog >= 0) usable_ = ::listen(fd_, backlog) == 0;
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size);
        address_ = Address(reinterpret_cast<const sockaddr*>(&bound), size);
    }
    LoopbackSocket(const LoopbackSocket&) = delete;
    LoopbackSocket& operator=(const LoopbackSocket&) = delete;
    ~LoopbackSocket() { ::close(fd_); }

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool usable() const { return usable_; }
    [[nodiscard]] const Address& address() const { return address_; }

  private:
    int fd_ = -1;
    bool usable_ = false;
    Address address_;
};

class SocketServer {
  public:
    SocketServer() : thread_([this] { run(); }) {}
    SocketServer(const SocketServer&) = delete;
    SocketServer& operator=(const SocketServer&) = delete;
    ~SocketServer() {
        const std::uint64_t one = 1;
        EXPECT_EQ(::write(stop_, &one, sizeof one), 8);
        thread_.join();
        ::close(stop_);
    }
    [[nodiscard]] const Address& address() const { return listener_.address(); }
    [[nodiscard]] std::uint64_t received() const { return received_.load(); }

  private:
    struct Peer {
        int fd;
        std::string ip;
        Behaviour behaviour = {};
        std::string out = {};
        bool finish = false;  // FIN once `out` is gone
        bool done = false;
    };

    void run() {
        bool stopping = false;
        while (!stopping) {
            std::vector<pollfd> set{{stop_, POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
            for (const Peer& peer : peers_) {
                // Without a bound on `out`, an echo would swallow any upload and never test a full
                // socket.
                const bool reads = peer.out.size() < 2 * kBlast;
                set.push_back(
                    {peer.fd,
                     static_cast<short>((reads ? POLLIN : 0) | (peer.out.empty() ? 0 : POLLOUT)),
                     0});
            }
            ::poll(set.data(), set.size(), -1);
            stopping = set[0].revents != 0;
            std::size_t i = 2;
            for (Peer& peer : peers_) serve(peer, set[i++].revents);
            peers_.remove_if([](const Peer& peer) {
                if (peer.done) ::close(peer.fd);
                return peer.done;
            });
            if (set[1].revents != 0) accept();
        }
        for (const Peer& peer : peers_) ::close(peer.fd);
    }

    void accept() {
        sockaddr_in from{};
        socklen_t size = sizeof from;
        auto* const generic = reinterpret_cast<sockaddr*>(&from);
        const int fd = ::accept4(listener_.fd(), generic, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) peers_.push_back({fd, Address(generic, size).ip()});
    }

    void serve(Peer& peer, short events) {
        if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) read(peer);
        if (!peer.done && !peer.out.empty()) write(peer);
    }

    void read(Peer& peer) {
        std::array<char, 65536> buffer;
        const ssize_t n = ::recv(peer.fd, buffer.data(), buffer.size(), 0);
        if (n < 0 && errno == EAGAIN) return;
        peer.done = n <= 0;
        if (n <= 0) return;
        received_ += static_cast<std::uint64_t>(n);
        Behaviour::Answer answer = peer.behaviour.on_bytes(
            std::string(buffer.data(), static_cast<std::size_t>(n)), peer.ip);
        peer.out += answer.bytes;
        peer.finish = peer.finish || answer.finish;
        if (answer.reset) {
            const linger discard{1, 0};
            ::setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &discard, sizeof discard);
            peer.done = true;
        }
    }

    void write(Peer& peer) {
        const ssize_t n = ::send(peer.fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return;
        peer.done = n < 0;
        if (n > 0) peer.out.erase(0, static_cast<std::size_t>(n));
        if (!peer.done && peer.out.empty() && peer.finish) ::shutdown(peer.fd, SHUT_WR);
    }

    LoopbackSocket listener_{1024};
    int stop_ = ::eventfd(0, EFD_CLOEXEC);
    std::list<Peer> peers_;
    std::atomic<std::uint64_t> received_ = 0;
    std::thread thread_;  // last: uses the others
};

class SimulatedServer final : public SimServer {
  public:
    bool refusing = false;
    std::uint64_t received = 0;

    Accept on_connect(SimConnection&) override {
        return refusing ? Accept{ECONNREFUSED, Nanos{50'000}} : Accept{0, Nanos{50'000}};
    }
    void on_bytes(SimConnection& connection, std::span<const char> bytes) override {
        received += bytes.size();
        Behaviour::Answer answer = behaviours_[connection.id()].on_bytes(
            std::string(bytes.begin(), bytes.end()), connection.source().ip());
        const Nanos after{200'000};
        connection.reply(after, std::move(answer.bytes));
        if (answer.finish) connection.close(after);
        if (answer.reset) connection.reset(after, ECONNRESET);
    }

  private:
    std::map<std::uint64_t, Behaviour> behaviours_;
};

}  // namespace
}  // namespace squadload::transport
