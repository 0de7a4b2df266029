// Asks the target for /health and /metrics while it is under load, beside the load.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "judge/observe/observe.h"
#include "load/scenario/scenario.h"
#include "run/side_client.h"

namespace squadload::run {

struct Observed {
    observe::Timeline timeline;
    std::uint64_t looks = 0, failed = 0;
    std::string last_failure;  // "" when every look was answered
};

// Owns its client, which its thread uses from start() to finish().
class Observer {
  public:
    Observer(const scenario::ObserveSettings& settings, std::string preset,
             std::unique_ptr<SideClient> client);
    ~Observer();  // as finish()
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    void start();  // looks at once, on the calling thread, then every interval on its own
    // Looks once more. A look that is not answered fails nothing.
    [[nodiscard]] Observed finish();

  private:
    void look();
    [[nodiscard]] std::string page(const std::string& path);

    scenario::ObserveSettings settings_;
    std::string preset_;
    std::unique_ptr<SideClient> client_;
    Observed observed_;
    std::mutex mutex_;
    std::condition_variable over_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace squadload::run
