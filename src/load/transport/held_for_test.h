// For the tests of this room: a connection whose other end the test holds itself.
#pragma once

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "load/transport/handler_for_test.h"
#include "load/transport/server_for_test.h"

namespace squadload::transport {
namespace {

using namespace std::chrono_literals;

template <class Done>
bool eventually(Done done) {
    const MonoTime deadline = mono_now() + 20s;
    while (!done()) {
        if (mono_now() >= deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

// A connection made by the loop whose other end the test holds in its own hands.
struct Held {
    explicit Held(Loop& l) : loop(l), client(l) {
        EXPECT_EQ(client.connect(listener.address()), 0);
        turn_until([&] { return client.connected; });
        peer = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer <
            0) {  // the handshake is over for the client a moment earlier than for the listener
            EXPECT_TRUE(eventually([&] {
                peer = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
                return peer >= 0;
            }));
        }
    }
    ~Held() {
        if (peer >= 0) ::close(peer);
    }
    template <class Done>
    void turn_until(Done done) const {
        const MonoTime deadline = mono_now() + 20s;
        while (!done() && mono_now() < deadline) loop.run_once(deadline);
        EXPECT_TRUE(done());
    }
    // Returns when the bytes are in the client's kernel buffer (they are acknowledged).
    void arrive(const std::string& bytes) const {
        ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
        ASSERT_TRUE(eventually([&] {
            int left = -1;
            return ::ioctl(peer, SIOCOUTQ, &left) == 0 && left == 0;
        }));
    }
    // The peer's next read: a number of bytes, 0 at the end, -errno.
    [[nodiscard]] ssize_t read() const {
        ssize_t n = -1;
        EXPECT_TRUE(eventually([&] {
            std::array<char, 65536> buffer;
            n = ::recv(peer, buffer.data(), buffer.size(), 0);
            if (n < 0) n = -errno;
            return n != -EAGAIN;
        }));
        return n;
    }

    Loop& loop;
    LoopbackSocket listener{8};
    Recorder client;
    int peer = -1;
};

// Returns when thread `id` of this process sleeps in the kernel.
bool sleeps(int id) {
    std::ifstream stat("/proc/self/task/" + std::to_string(id) + "/stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t name_end = text.rfind(") ");
    return name_end != std::string::npos && text[name_end + 2] == 'S';
}

// Acts from another thread once the loop of this one sleeps. Starts with run().
class WhileAsleep {
  public:
    explicit WhileAsleep(std::function<void()> act)
        : thread_([this, act] {
              EXPECT_TRUE(eventually([&] { return about_to_sleep_.load() && sleeps(sleeper_); }));
              act();
          }) {}
    ~WhileAsleep() { thread_.join(); }
    void about_to_sleep() { about_to_sleep_ = true; }

  private:
    int sleeper_ = ::gettid();
    std::atomic<bool> about_to_sleep_ = false;
    std::thread thread_;
};

}  // namespace
}  // namespace squadload::transport
