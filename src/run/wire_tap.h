// Keeps a copy of what passes over one connection, as the exchange sees it: before TLS, after TLS.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "load/engine/connection.h"

namespace squadload::run {

class WireTap final : public engine::Tap {
  public:
    // One request and what came back.
    struct Exchange {
        std::string sent, received;
    };

    // At most kept_bytes are kept of each direction, over all exchanges since begin().
    explicit WireTap(std::size_t kept_bytes) : kept_bytes_(kept_bytes) { begin(); }

    void begin() {
        room_to_send_ = room_to_receive_ = kept_bytes_;
        exchanges_.assign(1, {});
    }

    // More than one when redirects were followed; one at least.
    [[nodiscard]] const std::vector<Exchange>& exchanges() const { return exchanges_; }

  private:
    void sent(std::span<const char> bytes) override {
        if (!exchanges_.back().sent.empty()) exchanges_.emplace_back();
        keep(exchanges_.back().sent, bytes, room_to_send_);
    }
    void received(std::span<const char> bytes) override {
        keep(exchanges_.back().received, bytes, room_to_receive_);
    }

    static void keep(std::string& copy, std::span<const char> bytes, std::size_t& room) {
        const std::size_t size = std::min(bytes.size(), room);
        copy.append(bytes.data(), size);
        room -= size;
    }

    std::size_t kept_bytes_;
    std::size_t room_to_send_ = 0;
    std::size_t room_to_receive_ = 0;
    std::vector<Exchange> exchanges_;
};

}  // namespace squadload::run
