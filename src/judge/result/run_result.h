// RunResult: everything known about a run. Reports, comparisons and exit codes read nothing else;
// its JSON form is the metrics file (docs/metrics.schema.json). Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "judge/result/capacity.h"
#include "judge/result/criterion.h"
#include "judge/result/fired_event.h"
#include "judge/result/provider_result.h"
#include "judge/result/witness_check.h"
#include "load/measure/audit.h"
#include "load/measure/failures.h"
#include "load/measure/interval.h"
#include "load/measure/iterations.h"
#include "load/measure/task_stats.h"

namespace squadload::result {

enum class Verdict { pass, fail, void_run, interrupted };
[[nodiscard]] std::string_view name(Verdict v);  // "PASS", "FAIL", "VOID", "INTERRUPTED"

// What the process returns; the same table for every command.
struct ExitCode {
    enum Value : int {
        pass = 0,
        fail = 1,
        usage = 2,
        unreachable = 3,
        void_run = 4,
        internal = 70,
        interrupted = 130,
        terminated = 143,
    };
};

// One bound and its answer.
struct ThresholdResult {
    std::string name;        // "p95_latency_max_ms" or the expression
    std::string criterion;   // for people: "p95 response"
    std::string comparison;  // "<", "<=", ">", ">=", "=="
    std::string bound;       // for people: "< 2,000 ms"
    std::string actual;      // for people: "1,310 ms"; "no samples"
    double bound_value = 0;
    std::optional<double>
        actual_value;  // in the bound's unit (share, ms, per second, count); none: nothing to judge
    std::string unit;  // "share", "ms", "per_s", "count", "answer" (1: kept), "ratio"
    bool pass = false;
    std::string note;  // "only 62 samples for p99", …
    std::optional<double>
        first_broken_at_s;  // when the running total, or the fail-fast window, first broke it
};

struct TaskResult {
    std::string name;        // "chat"
    std::string entry_name;  // "/agents/chat"
    std::string method;
    measure::TaskStats stats;
};

struct IterationResult {
    std::string task;  // with steps: "conversation"
    measure::IterationStats stats;
};

// Which columns of the providers reports show.
struct ProviderColumns {
    bool rpm = true, fallback = true, responses_429 = true;
};

struct ScenarioResult {
    std::string name, description;
    std::string kind;   // "steady" | "spike"
    std::string model;  // "open" | "closed"
    Verdict verdict = Verdict::pass;
    std::string verdict_reason;    // one sentence for FAIL, VOID and INTERRUPTED; "" for PASS
    std::string load_description;  // "open 60/s constant", "closed, 30 users"
    std::string target;            // URL under test, no secrets
    std::string proxy;             // URL of the proxy used, no password; "" for none
    std::string tls;      // of the first handshake: "TLSv1.3 TLS_AES_256_GCM_SHA384"; "": none
    std::string backend;  // "epoll"
    std::uint32_t workers = 1;
    std::string started_at;          // ISO 8601 UTC
    double schedule_duration_s = 0;  // planned schedule, or up to the stop
    double duration_s = 0;           // first intended start to the end of the last request
    double throughput_per_s = 0;     // completed responses / (last end - first intended start)
    std::uint64_t seed = 0;
    std::uint64_t connections_opened = 0;
    std::string stop_reason;        // "schedule_ended" | "interrupted" | "terminated" | "fail_fast"
    measure::TaskStats totals;      // all tasks merged
    std::vector<TaskResult> tasks;  // file order; one per step: "conversation.ask"
    std::vector<IterationResult> iterations;  // of tasks with steps, file order
    // Configured order, else as they were named; empty where nobody names a provider.
    std::vector<ProviderResult> providers;
    ProviderColumns provider_columns;
    std::vector<WitnessCheck> witness;
    std::vector<FiredEvent> events;
    double time_scale = 1;
    std::vector<measure::SeriesPoint> series;
    std::vector<ThresholdResult> thresholds;
    measure::DeliveredAudit audit;
    std::vector<measure::FailureGroup> failures;  // most frequent first
    std::vector<std::string> notes;  // "--users 50 switches …", "budget exceeded but --allow-void"
    std::string configuration_yaml;  // effective
};

struct RunResult {
    std::string tool_version;
    std::string command;  // as typed, shell-quoted, secrets masked
    std::string started_at;
    std::vector<ScenarioResult> scenarios;
    std::vector<ThresholdResult> suite_thresholds;  // across scenarios
    std::vector<Criterion> criteria;   // acceptance criteria of a suite; empty without `criteria`
    std::optional<Capacity> capacity;  // of `squadload capacity`
    Verdict verdict = Verdict::pass;
    int exit_code = 0;
};

// The metrics file, schema version 1, and back. Reading accepts what writing produced (members in
// any order); anything else is an Error (kind config) naming the field: a missing, mistyped or
// unknown one, and one that contradicts the histograms. Those are carried exactly, so that every
// figure can be recomputed and runs merged.
inline constexpr int kSchemaVersion = 1;
[[nodiscard]] std::string to_json(const RunResult& run);
[[nodiscard]] Result<RunResult> from_json(std::string_view text, const std::string& file_name);

// One line of the series as it is appended while the run goes: the scenario's name and the point.
// No newline.
[[nodiscard]] std::string series_line(const std::string& scenario,
                                      const measure::SeriesPoint& point);

// The summary figures of one histogram as the metrics file has them.
struct Summary {
    std::uint64_t count = 0;
    double mean = 0, min = 0, p50 = 0, p75 = 0, p90 = 0, p95 = 0, p99 = 0, p99_9 = 0,
           max = 0;  // ms
};
[[nodiscard]] Summary summarize(const measure::Histogram& h);

// Shares over requests; 0 when there are none.
struct Rates {
    double success = 0, rate_limited = 0, failure = 0, server_error = 0;
};
[[nodiscard]] Rates rates(const measure::OutcomeCounts& counts);
// 429 responses over all responses and failures of tries: where requests are retried, each try
// counts. Without retries it is Rates::rate_limited.
[[nodiscard]] double rate_limited_share(const measure::TaskStats& stats);
// Completed responses per second; 0 when no time has passed.
[[nodiscard]] double throughput_per_s(const measure::OutcomeCounts& counts, double duration_s);

}  // namespace squadload::result
