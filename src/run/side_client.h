// Requests beside the load: polls of the target, questions and orders to the simulators. They share
// no connection, loop or counter with the load.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "load/scenario/scenario.h"
#include "run/preflight.h"

namespace squadload::run {

// One request at a time, on the calling thread. What is asked again and again (a GET without query)
// keeps its connection. Any one thread.
class SideClient {
  public:
    struct Answer {
        int status = 0;
        std::string body;
    };
    static constexpr std::uint64_t kMostBytes = 64ULL * 1024 * 1024;

    // To target.host, the way the load goes: its TLS, headers, proxy and source addresses hold here
    // too. Errors: those of preflight().
    [[nodiscard]] static Result<std::unique_ptr<SideClient>> make(const scenario::Target& target,
                                                                  const Network& network);
    // A simulator, or another service of ours, on its own URL. Nothing is sent.
    [[nodiscard]] static Result<std::unique_ptr<SideClient>> make(const std::string& url,
                                                                  const Network& network);
    ~SideClient();
    SideClient(const SideClient&) = delete;
    SideClient& operator=(const SideClient&) = delete;

    // `path` with its query, below the host's own path; `body` JSON, "": none. A kept connection
    // that was closed meanwhile is replaced once, for GET alone. Error (kind unreachable): no
    // complete answer within `timeout`; a body above `most_bytes`.
    [[nodiscard]] Result<Answer> send(const std::string& method, const std::string& path,
                                      const std::string& body, Nanos timeout,
                                      std::uint64_t most_bytes = kMostBytes);
    [[nodiscard]] const std::string& url() const { return url_; }

  private:
    class Exchange;
    SideClient(engine::Plan plan, std::string url, std::unique_ptr<transport::Loop> loop);
    [[nodiscard]] Exchange& exchange(const std::string& method, const std::string& path,
                                     const std::string& body, std::uint64_t most_bytes);

    engine::Plan plan_;
    std::string url_;
    std::unique_ptr<transport::Loop> loop_;
    std::map<std::string, std::unique_ptr<Exchange>> kept_;  // by path
    std::unique_ptr<Exchange> once_;
};

}  // namespace squadload::run
