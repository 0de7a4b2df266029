// The stack under test inside this process: the simulated providers and the Squad API in front of
// them, each on a thread of its own, on free ports of 127.0.0.1, with the shipped configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "target/stack/figures.h"

namespace squadload::stack {

struct Settings {
    std::vector<std::string> providers;  // only these, in chains too; none: all that are shipped
    std::uint64_t seed = 1;              // of the simulated latencies
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

    // What reached the providers since this was last called. Waits until no call is under way, for
    // at most `patience`.
    [[nodiscard]] std::vector<ProviderFigures> take_figures(Nanos patience);
    // Calls that the log had no room for, since the start: figures lack them.
    [[nodiscard]] std::uint64_t calls_lost() const;

  private:
    struct Parts;
    explicit Stack(std::unique_ptr<Parts> parts);

    std::unique_ptr<Parts> parts_;
    std::string url_;
};

}  // namespace squadload::stack
