// --health-port of a worker: GET /health, for whoever starts and watches it (Kubernetes).
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"

namespace squadload::run {

// Owns a server on a thread of its own, on all addresses: a kubelet asks from outside. It tells
// nothing but whether the worker has joined its master.
class HealthPage {
  public:
    // Listens at once; 0: a free port. Error kind resources: the port is taken.
    [[nodiscard]] static Result<std::unique_ptr<HealthPage>> open(std::uint16_t port);
    ~HealthPage();
    HealthPage(const HealthPage&) = delete;
    HealthPage& operator=(const HealthPage&) = delete;

    void set_joined(bool joined);  // any thread; false at first: 503
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    struct Serving;
    HealthPage(std::unique_ptr<Serving> serving, std::uint16_t port);
    std::unique_ptr<Serving> serving_;
    std::uint16_t port_;
};

}  // namespace squadload::run
