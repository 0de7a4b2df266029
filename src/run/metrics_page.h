// --prometheus-port: the figures of the run under way at http://127.0.0.1:PORT/metrics.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"

namespace squadload::run {

// Owns a server on a thread of its own. Loopback only: what a run measures is nobody else's.
class MetricsPage {
  public:
    // Listens at once; 0: a free port. Error kind resources: the port is taken.
    [[nodiscard]] static Result<std::unique_ptr<MetricsPage>> open(std::uint16_t port);
    ~MetricsPage();
    MetricsPage(const MetricsPage&) = delete;
    MetricsPage& operator=(const MetricsPage&) = delete;

    void publish(std::string text);  // any thread
    [[nodiscard]] const std::string& url() const { return url_; }

  private:
    struct Serving;
    explicit MetricsPage(std::unique_ptr<Serving> serving, std::string url);
    std::unique_ptr<Serving> serving_;
    std::string url_;
};

}  // namespace squadload::run
