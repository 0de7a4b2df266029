// Runs to look at: what the tests of this room render.
#pragma once

#include <chrono>

#include "judge/verdict/verdict.h"

namespace squadload::report::samples {

using measure::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline engine::Plan plan() {
    engine::Plan plan;
    auto& s = plan.scenario;
    s.name = "spike";
    s.kind = scenario::Kind::spike;
    s.model = scenario::Model::open;
    s.users = 200;
    s.duration = seconds{120};
    s.rates = {{seconds{120}, 60, 60}};
    s.target.host = "http://127.0.0.1:8000";
    s.classes.emplace_back().name = "SquadApiUser";
    for (const char* name : {"chat", "health"}) s.classes[0].tasks.emplace_back().name = name;
    s.thresholds = {
        {"success_rate_min", "0.99", {}},         {"rate_limited_max", "0.01", {}},
        {"failure_rate_max", "0.007", {}},        {"error_rate_max", "0.001", {}},
        {"p95_latency_spike_max_ms", "3000", {}}, {"p99_latency_spike_max_ms", "5000", {}},
        {"max_latency_spike_ms", "5000", {}},     {"", "p95(health) < 50ms", {}}};
    return plan;
}

inline std::vector<verdict::Threshold> bounds(const engine::Plan& plan) {
    return verdict::compile(plan.scenario.thresholds, plan.scenario).value();
}

inline engine::Measurements nothing_measured() {
    engine::Measurements m;
    m.backend = "epoll";
    m.task_names = {"chat", "health"};
    m.entry_names = {"/agents/chat", "/health"};
    m.tasks.resize(2);
    m.schedule_duration = seconds{120};
    m.duration = seconds{121};
    return m;
}

// n requests of a task whose service times go evenly from `low` to `high`.
inline void add(engine::Measurements& m, std::uint16_t task, Outcome outcome, int n, Nanos low,
                Nanos high, Nanos lag = std::chrono::microseconds{40}, Nanos blocked = Nanos{0}) {
    for (int i = 0; i < n; ++i) {
        ++m.scheduled;
        if (outcome == Outcome::unsent) {
            m.tasks[task].record_unsent();
            continue;
        }
        ++m.sent;
        measure::RequestRecord r;
        r.task = task;
        r.outcome = outcome;
        r.service_time = low + (high - low) * i / std::max(1, n - 1);
        r.generator_lag = lag;
        r.blocked = blocked;
        r.response_time = r.service_time + lag + blocked;
        m.tasks[task].record(r);
    }
}

inline engine::Measurements good() {
    auto m = nothing_measured();
    add(m, 0, Outcome::ok, 5745, milliseconds{180}, milliseconds{1310});
    add(m, 0, Outcome::rate_limited, 12, milliseconds{2}, milliseconds{4});
    add(m, 0, Outcome::timeout, 3, milliseconds{2730}, milliseconds{2730});
    add(m, 1, Outcome::ok, 1440, milliseconds{1}, milliseconds{9});
    m.failures.add(0, Outcome::timeout, "no complete response within 2.73s", seconds{41});
    m.failures.add(0, Outcome::timeout, "no complete response within 2.73s", seconds{71});
    m.failures.add(0, Outcome::timeout, "no complete response within 2.73s", seconds{72});
    return m;
}

inline engine::Measurements bad() {
    auto m = nothing_measured();
    add(m, 0, Outcome::ok, 5000, milliseconds{180}, milliseconds{1310},
        std::chrono::microseconds{40}, milliseconds{3200});
    add(m, 0, Outcome::rate_limited, 460, milliseconds{2}, milliseconds{4});
    add(m, 0, Outcome::server_error, 300, milliseconds{900}, milliseconds{4000});
    add(m, 1, Outcome::ok, 1400, milliseconds{1}, milliseconds{9});
    add(m, 1, Outcome::unsent, 40, {}, {});
    for (int i = 0; i < 7; ++i) {
        m.failures.add(0, Outcome::server_error, "status 50" + std::to_string(i), seconds{30 + i},
                       500 + i, "oops");
    }
    for (int i = 0; i < 293; ++i)
        m.failures.add(0, Outcome::server_error, "status 500", seconds{40 + i / 5}, 500, "oops");
    return m;
}

inline result::ScenarioResult concluded(const engine::Measurements& m) {
    const auto p = plan();
    return verdict::conclude(p, m, bounds(p), std::nullopt, {});
}

inline result::RunResult run_of(result::ScenarioResult scenario) {
    result::RunResult run;
    run.tool_version = "1.0";
    run.command = "squadload run `spike`";
    run.started_at = "2026-11-23T09:15:00Z";
    run.scenarios.push_back(std::move(scenario));
    verdict::conclude_run(run, false);
    return run;
}

}  // namespace squadload::report::samples
