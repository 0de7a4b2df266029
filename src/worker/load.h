// One run on a master's behalf: from the first users it asks for to the judged result and its
// files.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/random.h"
#include "load/engine/engine.h"
#include "locust/messages.h"
#include "locust/stats_report.h"
#include "locust/users.h"
#include "run/preflight.h"
#include "run/run_scenario.h"

namespace squadload::worker {

// What all runs of a worker have in common; outlives them.
struct Common {
    const scenario::Scenario& scenario;
    const run::Options& options;
    const run::Terminal& terminal;
    const run::Network& network;
    run::ProcessLimits limits;
    run::Backend backend;
    run::Display& display;
    run::MetricsPage* metrics_page = nullptr;
    std::string node_id;
    std::string master;  // "127.0.0.1:5557"
};

// Owned and called by the worker's loop; has a thread of its own for the run.
class Load {
  public:
    Load(const Common& common, std::int64_t index);  // the worker's, by its master
    ~Load();                                         // waits for the run's end
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    // begins the run, which finds out whether the target can be reached at all.
    void start(const locust::Spawn& spawn);
    void steer(const locust::Spawn& spawn);
    void note(const locust::TestFacts& facts);
    // Nothing new starts; what is in flight is awaited for `grace`.
    void stop(Nanos grace);

    // The last users asked for are there, as far as the engine has begun.
    [[nodiscard]] bool users_taken() const;
    // Everything is measured and judged; files may still be written.
    [[nodiscard]] bool measured() const { return measured_.load(std::memory_order_acquire); }
    // Once measured: why there was no run, if there was none.
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }
    // Once measured: why the result does not count, if it does not.
    [[nodiscard]] const std::string& void_reason() const { return void_reason_; }

    [[nodiscard]] locust::Value take_stats(const locust::UserCounts& users);
    // Requests the master was not told of before it closed; before the files are written.
    void closed_at_master();

  private:
    void run(scenario::Scenario scenario);
    Result<void> run_scenario(run::Judged judged);
    void describe(result::ScenarioResult& result) const;
    void write(result::RunResult run, report::SeriesLog& log);
    void set_target();
    [[nodiscard]] scenario::Scenario scenario_for(const locust::Spawn& spawn) const;

    const Common& common_;
    std::int64_t index_;
    locust::UserMap map_;
    locust::Spawn spawn_;
    std::optional<locust::TestFacts> facts_;
    MonoTime facts_at_{};
    MonoTime begun_{};
    bool total_unknown_said_ = false;
    engine::Steering steering_;
    engine::StopSwitch stop_switch_;
    std::atomic<bool> engine_begun_{false};
    std::atomic<bool> measured_{false};
    std::atomic<bool> closed_{false};
    std::optional<Error> error_;
    std::string void_reason_;
    mutable std::mutex mutex_;  // of what follows
    std::uint64_t most_users_ = 0;
    double most_share_ = 0;
    locust::StatsReport report_;
    std::thread thread_;
};

}  // namespace squadload::worker
