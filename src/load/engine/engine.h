// Runs one scenario's load and returns what was measured.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "load/engine/origin.h"
#include "load/engine/steering.h"
#include "load/measure/audit.h"
#include "load/measure/interval.h"
#include "load/scenario/scenario.h"
#include "load/transport/loop.h"

namespace squadload::engine {

// Everything the workers share, read-only. Lives through the run.
struct Plan {
    scenario::Scenario scenario;
    Origin origin;
    std::string base_path;  // prefix of every path, "" or "/v1"
    // Local addresses that connections start from, in turn, port 0; none: the kernel's choice.
    std::vector<transport::Address> sources = {};
    std::vector<Origin> redirect_origins{};  // target.redirects.hosts
    // How many responses' claims about who served them are kept, over the whole run; 0: none.
    std::size_t most_claims = 0;
    // None: the scenario says how many users there are, how large a rate, and for how long. Else
    // the run begins without load, and only a stop ends it.
    Steering* steering = nullptr;
    // What user() and seq() count from, so that processes that share a load differ in them.
    std::uint64_t first_user = 0, first_number = 0;
};

enum class StopReason { schedule_ended, interrupted, terminated, fail_fast };

// Where the run stands; for the observer. All workers merged.
struct Progress {
    measure::SeriesPoint point;         // the second just ended
    const measure::Interval& interval;  // the same, in full (valid during the call)
    const measure::Interval& totals;    // everything so far
    Nanos elapsed{};
};

// Asks a running engine to stop. Any thread; stop() is async-signal-safe. The first reason stands.
class StopSwitch {
  public:
    void stop(StopReason reason);
    [[nodiscard]] bool stopped() const { return state_.load(std::memory_order_acquire) != 0; }
    [[nodiscard]] StopReason reason() const;  // schedule_ended while not stopped

  private:
    std::atomic<int> state_{0};
};

struct Measurements {
    std::string backend;  // Loop::name()
    std::uint32_t workers = 1;
    std::vector<std::string> task_names;  // by entry number (scenario/entries.h), as below
    std::vector<std::string> entry_names;
    std::vector<measure::TaskStats> tasks;
    std::vector<measure::IterationStats> iterations;  // by sequence number
    std::vector<measure::SeriesPoint> series;         // no gaps: one per second
    measure::FailureTable failures;
    measure::ProviderTable providers;         // of responses that said who served
    measure::ClaimLog claims;                 // of at most Plan::most_claims
    std::vector<std::uint32_t> arrival_bins;  // merged; open model
    std::uint64_t scheduled = 0;  // equals the sum of all outcomes: checked by run_engine
    std::uint64_t sent = 0;
    std::uint64_t arrivals = 0;  // open model: iterations that fell due, of which started:
    std::uint64_t arrivals_started = 0;
    std::uint64_t unsent_while_free = 0;
    std::uint64_t connections_opened = 0;
    std::uint64_t own_limit_hits = 0;  // failed for want of local ports or descriptors
    std::string tls;        // of the first handshake: "TLSv1.3 TLS_AES_256_GCM_SHA384"; "": none
    std::string own_limit;  // which, with the remedy
    WallTime started_at{};
    MonoTime start{};           // of the loops' clock: what all times of the run count from
    Nanos schedule_duration{};  // up to the end of the schedule, or the stop
    Nanos first_start{};        // the first intended start
    Nanos duration{};           // until the last request ended
    StopReason stop_reason = StopReason::schedule_ended;
};

// How many requests the scenario lets be in flight at a time, over all workers.
[[nodiscard]] std::uint64_t slots(const scenario::Scenario& scenario);

// The number of workers a run has: what the scenario says, but never more than there are slots for
// requests, since a worker without one could start nothing. A steered run has what the scenario
// says: how many users there will be is not known.
[[nodiscard]] std::uint32_t worker_count(const scenario::Scenario& scenario);
[[nodiscard]] std::uint32_t worker_count(const Plan& plan);

// Makes one worker's loop; called on the worker's own thread.
using LoopFactory = std::function<Result<std::unique_ptr<transport::Loop>>(std::uint32_t worker)>;

// Called on the calling thread of run_engine, once per second of the run.
using Observer = std::function<void(const Progress&)>;

// Blocks until every scheduled request has its outcome. Errors: a loop could not be made, or the
// outcomes do not add up (kind internal). What the target does is never an error.
[[nodiscard]] Result<Measurements> run_engine(const Plan& plan, const LoopFactory& make_loop,
                                              StopSwitch& stop_switch, const Observer& observer);

}  // namespace squadload::engine
