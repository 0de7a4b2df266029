// A loop that keeps a copy of what passes over its one connection; the exchange above it runs as in
// any run.
#pragma once

#include <algorithm>
#include <string>

#include "load/transport/loop.h"

namespace squadload::run {

class WireTap final : public transport::Loop, private transport::SocketHandler {
  public:
    // `inner` outlives this. At most kept_bytes are kept of each direction.
    WireTap(transport::Loop& inner, std::size_t kept_bytes)
        : inner_(inner), kept_bytes_(kept_bytes) {}

    [[nodiscard]] const std::string& sent() const { return sent_; }
    [[nodiscard]] const std::string& received() const { return received_; }

    [[nodiscard]] std::string_view name() const override { return inner_.name(); }
    [[nodiscard]] MonoTime now() const override { return inner_.now(); }
    [[nodiscard]] MonoTime batch_time() const override { return inner_.batch_time(); }
    [[nodiscard]] MonoTime batch_earliest() const override { return inner_.batch_earliest(); }
    [[nodiscard]] transport::ConnectStart connect(const transport::Address& address,
                                                  transport::SocketHandler& handler) override {
        handler_ = &handler;
        return inner_.connect(address, *this);
    }
    void send(transport::SocketId socket, std::span<const char> bytes) override {
        keep(sent_, bytes);
        inner_.send(socket, bytes);
    }
    void close(transport::SocketId socket, bool reset) override { inner_.close(socket, reset); }
    void run_once(MonoTime limit) override {
        inner_.run_once(std::min(limit, timers_.next()));
        timers_.fire(inner_.now());
    }
    void wake() override { inner_.wake(); }

  private:
    void on_connected(int error) override { handler_->on_connected(error); }
    void on_sent(int error) override { handler_->on_sent(error); }
    void on_received(std::span<const char> bytes) override {
        keep(received_, bytes);
        handler_->on_received(bytes);
    }
    void on_end(int error) override { handler_->on_end(error); }
    void on_closed() override { handler_->on_closed(); }

    void keep(std::string& copy, std::span<const char> bytes) const {
        copy.append(bytes.data(), std::min(bytes.size(), kept_bytes_ - copy.size()));
    }

    transport::Loop& inner_;
    std::size_t kept_bytes_;
    transport::SocketHandler* handler_ = nullptr;
    std::string sent_;
    std::string received_;
};

}  // namespace squadload::run
