// For the tests of this room: a handler that records its calls and insists on the order promised in
// loop.h.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "load/transport/loop.h"

namespace squadload::transport {
namespace {

class TestTimer final : public Timer {
  public:
    explicit TestTimer(std::function<void()> call) : call_(std::move(call)) {}

  private:
    void on_timer() override { call_(); }
    std::function<void()> call_;
};

class Recorder final : public SocketHandler {
  public:
    explicit Recorder(Loop& loop) : loop_(loop) {}

    std::function<void()> on_open = [] {};
    std::function<void()> on_bytes = [] {};
    std::function<void()> on_done = [] {};  // after on_end
    std::function<void()> on_gone = [] {};  // after on_closed
    std::function<void()> on_free = [] {};  // after on_sent

    std::string log;  // "connected sent received(abc) end(0) closed "; long bytes as their number
    std::string received;
    bool connected = false;
    int connect_error = 0;
    int sent = 0;
    int send_error = 0;
    int end = -1;
    bool closed = false;  // on_closed came

    // Starts anew; only before the first use or after on_closed.
    int connect(const Address& address, const Address* source = nullptr) {
        EXPECT_FALSE(open_);
        log.clear();
        received.clear();
        connected = closed = closing_ = sending_ = told_ = false;
        connect_error = sent = send_error = 0;
        end = -1;
        const Submitting guard(*this);
        const ConnectStart start = loop_.connect(address, *this, source);
        if (start.error != 0) return start.error;
        id_ = start.id;
        open_ = true;
        return 0;
    }
    void send(std::string bytes) {
        EXPECT_FALSE(std::exchange(sending_, true));
        out_ = std::move(bytes);
        const Submitting guard(*this);
        loop_.send(id_, out_);
    }
    void close(bool reset = false) {
        closing_ = true;
        const Submitting guard(*this);
        loop_.close(id_, reset);
    }
    [[nodiscard]] bool open() const { return open_; }        // until on_closed
    [[nodiscard]] bool closing() const { return closing_; }  // close() was called
    [[nodiscard]] bool sending() const { return sending_; }
    [[nodiscard]] std::size_t sent_bytes() const { return out_.size(); }  // of the last send
    [[nodiscard]] SocketId id() const { return id_; }

    void on_connected(int error) override {
        check();
        EXPECT_FALSE(std::exchange(told_, true)) << "on_connected twice";
        connected = error == 0;
        connect_error = error;
        log += error == 0 ? "connected " : "connected(" + std::to_string(error) + ") ";
        if (connected) on_open();
    }
    void on_sent(int error) override {
        check();
        EXPECT_TRUE(std::exchange(sending_, false)) << "on_sent without a send";
        ++sent;
        send_error = error;
        log += error == 0 ? "sent " : "sent(" + std::to_string(error) + ") ";
        on_free();
    }
    void on_received(std::span<const char> bytes) override {
        check();
        EXPECT_TRUE(connected);
        EXPECT_EQ(end, -1) << "bytes after the end";
        EXPECT_FALSE(bytes.empty());
        const std::string text(bytes.begin(), bytes.end());
        received += text;
        log += "received(" + (text.size() > 20 ? std::to_string(text.size()) : text) + ") ";
        on_bytes();
    }
    void on_end(int error) override {
        check();
        EXPECT_TRUE(connected);
        EXPECT_EQ(end, -1) << "on_end twice";
        end = error;
        log += "end(" + std::to_string(error) + ") ";
        on_done();
    }
    void on_closed() override {
        EXPECT_TRUE(open_);
        EXPECT_TRUE(closing_) << "on_closed without close()";
        EXPECT_FALSE(submitting_) << "a completion from inside the submitting call";
        EXPECT_FALSE(closed);
        open_ = false;
        closed = true;
        log += "closed ";
        out_.clear();
        on_gone();
    }

  private:
    struct Submitting {
        explicit Submitting(Recorder& r) : recorder(r) { recorder.submitting_ = true; }
        ~Submitting() { recorder.submitting_ = false; }
        Recorder& recorder;
    };
    void check() const {
        EXPECT_TRUE(open_) << "a completion after on_closed";
        EXPECT_FALSE(closing_) << "a completion after close()";
        EXPECT_FALSE(submitting_) << "a completion from inside the submitting call";
        EXPECT_LE(loop_.batch_earliest(), loop_.batch_time());
        EXPECT_LE(loop_.batch_time(), loop_.now());
    }

    Loop& loop_;
    SocketId id_ = 0;
    std::string out_;
    bool open_ = false;
    bool closing_ = false;
    bool sending_ = false;
    bool told_ = false;
    bool submitting_ = false;
};

}  // namespace
}  // namespace squadload::transport
