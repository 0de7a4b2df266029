// What one worker measured during one second of the run, and the series made from it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "load/measure/failures.h"
#include "load/measure/iterations.h"
#include "load/measure/provider_stats.h"
#include "load/measure/task_stats.h"

namespace squadload::measure {

// Written by one worker, handed over whole at the end of each second, merged and recycled by the
// main thread.
struct Interval {
    std::uint32_t second = 0;      // covers [second, second + 1) since the start of the run
    std::vector<TaskStats> tasks;  // by entry number; requests that ended in this second
    std::vector<IterationStats> iterations;  // by sequence number; those that ended in it
    FailureTable failures;
    ProviderTable providers;      // of responses that say who served
    ClaimLog claims;              // kept only where the plan asks for it
    std::uint64_t scheduled = 0;  // intended starts that fell due in this second
    std::uint64_t started = 0;
    std::uint64_t arrivals = 0;   // open model: iterations that fell due
    std::uint32_t in_flight = 0;  // at the end of the second
    std::uint32_t backlog = 0;    // due but not started, at the end of the second
    std::uint32_t users = 0;      // open: slots in use; closed: users spawned
    bool last = false;            // the worker is done; may be shorter than a second

    // most_claims: what `claims` has room for.
    explicit Interval(std::size_t entries = 0, std::size_t sequences = 0,
                      std::size_t most_claims = 0)
        : tasks(entries), iterations(sequences), claims(most_claims) {}
    void clear();  // keeps the histograms' memory
    // Another worker's same second: everything adds up, in_flight, backlog and users too. `second`
    // and `last` stay this interval's own. Same numbers of entries and sequences.
    void merge(const Interval& other);
};

// One second of the run, all workers, all tasks. Times in ms; percentiles of response_time of that
// second (0 when no request ended in it).
struct SeriesPoint {
    std::uint32_t second = 0;
    std::uint64_t scheduled = 0, started = 0;
    OutcomeCounts outcomes;
    double p50_ms = 0, p95_ms = 0, p99_ms = 0, max_ms = 0;
    double min_ms = 0, sum_ms = 0;  // response time
    RoundedTimes rounded_times;     // of the requests that ended in this second
    std::uint64_t body_bytes = 0;
    double service_p50_ms = 0, service_p99_ms = 0;
    double generator_lag_p99_ms = 0;
    double blocked_p99_ms = 0;
    std::uint32_t in_flight = 0, backlog = 0, users = 0;
};

[[nodiscard]] SeriesPoint series_point(const Interval& merged);

}  // namespace squadload::measure
