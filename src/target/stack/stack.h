// The stack under test inside this process: the simulated providers and the Squad API in front of
// them, each on a thread of its own, on free ports of 127.0.0.1, with the shipped configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace squadload::stack {

struct Settings {
    // Only these, in chains too; none: all that are shipped.
    std::vector<std::string> providers = {};
    std::uint64_t seed = 1;  // of the simulated latencies
    double quota_scale = 1;  // all quotas, of gateway and providers, times this; > 0
    // Windows of quotas, waits in the queue, backoff, breaker and throttle last a time_scale-th;
    // bounds on calls in flight grow with it. Latencies and timeouts stay. >= 1.
    double time_scale = 1;
};

// Any one thread; everything stops with it.
class Stack {
  public:
    // Returns when the gateway answers /health. Errors: an unknown provider (config), no port or
    // descriptor left (resources), a gateway that does not get healthy (internal).
    [[nodiscard]] static Result<std::unique_ptr<Stack>> start(const Settings& settings);
    ~Stack();
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    [[nodiscard]] const std::string& url() const { return url_; }  // of the gateway
    [[nodiscard]] std::string simulators_url() const;  // their control and their arrival log

  private:
    struct Parts;
    explicit Stack(std::unique_ptr<Parts> parts);

    std::unique_ptr<Parts> parts_;
    std::string url_;
};

}  // namespace squadload::stack
