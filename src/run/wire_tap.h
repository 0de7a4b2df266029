// Keeps a copy of what passes over one connection, as the exchange sees it: before TLS, after TLS.
#pragma once

#include <algorithm>
#include <string>

#include "load/engine/connection.h"

namespace squadload::run {

class WireTap final : public engine::Tap {
  public:
    // At most kept_bytes are kept of each direction.
    explicit WireTap(std::size_t kept_bytes) : kept_bytes_(kept_bytes) {}

    [[nodiscard]] const std::string& sent() const { return sent_; }
    [[nodiscard]] const std::string& received() const { return received_; }

  private:
    void sent(std::span<const char> bytes) override { keep(sent_, bytes); }
    void received(std::span<const char> bytes) override { keep(received_, bytes); }

    void keep(std::string& copy, std::span<const char> bytes) const {
        copy.append(bytes.data(), std::min(bytes.size(), kept_bytes_ - copy.size()));
    }

    std::size_t kept_bytes_;
    std::string sent_;
    std::string received_;
};

}  // namespace squadload::run
