// RunResult → the metrics file.
#include <cmath>
#include <nlohmann/json.hpp>

#include "judge/result/json_internal.h"

namespace squadload::result {
namespace internal {

// JSON has no infinities; a figure that is one says nothing.
double finite(double value) {
    return std::isfinite(value) ? value : 0;
}

Json optional_number(const std::optional<double>& value) {
    return value ? Json(finite(*value)) : Json(nullptr);
}

Json summary_document(const measure::Histogram& h) {
    const Summary s = summarize(h);
    return {{"count", s.count}, {"mean", s.mean}, {"min", s.min}, {"p50", s.p50},
            {"p75", s.p75},     {"p90", s.p90},   {"p95", s.p95}, {"p99", s.p99},
            {"p99_9", s.p99_9}, {"max", s.max}};
}

Json histogram_document(const measure::Histogram& h) {
    Json buckets = Json::array();
    h.for_each([&](std::uint32_t bucket, std::uint64_t count) {
        buckets.push_back(Json::array({bucket, count}));
    });
    return {{"min_ns", h.min().count()},
            {"max_ns", h.max().count()},
            {"sum_ns", h.sum_ns()},
            {"buckets", std::move(buckets)}};
}

Json rounded_document(const measure::RoundedTimes& times) {
    Json out = Json::object();
    times.for_each([&](std::uint32_t ms, std::uint64_t count) { out[std::to_string(ms)] = count; });
    return out;
}

namespace {

using measure::Histogram;
using measure::Outcome;
using measure::TaskStats;

Json outcomes_document(const measure::OutcomeCounts& counts, bool all) {
    Json out = Json::object();
    for (std::size_t i = 0; i < measure::kOutcomes; ++i) {
        const auto outcome = static_cast<Outcome>(i);
        if (all || counts[outcome] > 0) out[std::string(measure::name(outcome))] = counts[outcome];
    }
    return out;
}

void add_counts(Json& out, const TaskStats& stats, double throughput) {
    const auto& counts = stats.outcomes;
    const Rates share = rates(counts);
    out["scheduled"] = counts.scheduled();
    out["requests"] = counts.requests();
    out["ok"] = counts.ok();
    out["rate_limited"] = counts.rate_limited();
    out["failed"] = counts.failed();
    out["outcomes"] = outcomes_document(counts, true);
    out["success_rate"] = share.success;
    out["rate_limited_rate"] = share.rate_limited;
    out["failure_rate"] = share.failure;
    out["server_error_rate"] = share.server_error;
    out["throughput_per_s"] = finite(throughput);
}

void add_stats(Json& out, const TaskStats& stats, double throughput) {
    add_counts(out, stats, throughput);
    out["response_time_ms"] = summary_document(stats.response_time);
    out["response_time_ok_ms"] = summary_document(stats.response_time_ok);
    out["service_time_ms"] = summary_document(stats.service_time);
    out["generator_lag_ms"] = summary_document(stats.generator_lag);
    out["blocked_ms"] = summary_document(stats.blocked);
    out["connect_ms"] = summary_document(stats.connect);
    out["handshake_ms"] = summary_document(stats.handshake);
    out["handshakes_resumed"] = stats.handshakes_resumed;
    out["first_byte_ms"] = summary_document(stats.first_byte);
    out["responses_429"] = stats.responses_429;
    out["retries"] = stats.retries;
    out["retry_wait_ms"] = summary_document(stats.retry_wait);
    out["bytes_received"] = stats.bytes_received;
    out["bytes_sent"] = stats.bytes_sent;
    out["body_bytes"] = stats.body_bytes;
    out["redirects"] = stats.redirects;
    out["rounded_times"] = rounded_document(stats.rounded_times);
    out["histograms"] = {{"response_time", histogram_document(stats.response_time)},
                         {"response_time_ok", histogram_document(stats.response_time_ok)},
                         {"service_time", histogram_document(stats.service_time)},
                         {"generator_lag", histogram_document(stats.generator_lag)},
                         {"blocked", histogram_document(stats.blocked)},
                         {"connect", histogram_document(stats.connect)},
                         {"handshake", histogram_document(stats.handshake)},
                         {"first_byte", histogram_document(stats.first_byte)},
                         {"retry_wait", histogram_document(stats.retry_wait)}};
}

Json iterations_document(const measure::IterationStats& stats) {
    using measure::IterationEnd;
    Json reasons = Json::array();
    for (const auto& reason : stats.reasons) {
        reasons.push_back({{"reason", reason.text}, {"count", reason.count}});
    }
    return {{"started", stats.started()},
            {"ok", stats.ok},
            {"failed", stats.failed},
            {"cut_off", stats.cut_off},
            {"ok_rate", stats.rate(IterationEnd::ok)},
            {"failed_rate", stats.rate(IterationEnd::failed)},
            {"cut_off_rate", stats.rate(IterationEnd::cut_off)},
            {"iteration_time_ms", summary_document(stats.time)},
            {"reasons", std::move(reasons)},
            {"histograms", {{"iteration_time", histogram_document(stats.time)}}}};
}

Json threshold_document(const ThresholdResult& t) {
    return {{"name", t.name},
            {"criterion", t.criterion},
            {"comparison", t.comparison},
            {"bound", finite(t.bound_value)},
            {"actual", optional_number(t.actual_value)},
            {"unit", t.unit},
            {"pass", t.pass},
            {"bound_text", t.bound},
            {"actual_text", t.actual},
            {"note", t.note},
            {"first_broken_at_s", optional_number(t.first_broken_at_s)}};
}

Json thresholds_document(const std::vector<ThresholdResult>& thresholds) {
    Json out = Json::array();
    for (const auto& t : thresholds) out.push_back(threshold_document(t));
    return out;
}

Json randomness_document(const std::optional<measure::Randomness>& r) {
    if (!r) return nullptr;
    return {{"bins", r->bins},
            {"dispersion_index", finite(r->dispersion_index)},
            {"dispersion_error", finite(r->dispersion_error)},
            {"lag1_correlation", finite(r->lag1_correlation)},
            {"lag1_error", finite(r->lag1_error)}};
}

Json audit_document(const measure::DeliveredAudit& a) {
    return {{"scheduled", a.scheduled},
            {"sent", a.sent},
            {"unsent", a.unsent},
            {"unsent_while_free", a.unsent_while_free},
            {"planned_rate_per_s", finite(a.planned_rate_per_s)},
            {"delivered_rate_per_s", finite(a.delivered_rate_per_s)},
            {"rate_error", finite(a.rate_error)},
            {"generator_lag_p50_ms", a.generator_lag_p50_ms},
            {"generator_lag_p99_ms", a.generator_lag_p99_ms},
            {"generator_lag_max_ms", a.generator_lag_max_ms},
            {"blocked_p50_ms", a.blocked_p50_ms},
            {"blocked_p99_ms", a.blocked_p99_ms},
            {"blocked_max_ms", a.blocked_max_ms},
            {"lag_budget_ms", a.lag_budget_ms},
            {"randomness", randomness_document(a.randomness)},
            {"randomness_note", a.randomness_note},
            {"void_reasons", a.void_reasons}};
}

Json failures_document(const ScenarioResult& s) {
    Json out = Json::array();
    for (const auto& f : s.failures) {
        out.push_back({{"task", f.task < s.tasks.size() ? s.tasks[f.task].name : std::string()},
                       {"outcome", std::string(measure::name(f.outcome))},
                       {"message", f.message},
                       {"count", f.count},
                       {"first_at_s", to_seconds(f.first)},
                       {"last_at_s", to_seconds(f.last)},
                       {"status", f.status},
                       {"example", f.example}});
    }
    return out;
}

Json scenario_document(const ScenarioResult& s) {
    Json out = {{"name", s.name},
                {"description", s.description},
                {"kind", s.kind},
                {"model", s.model},
                {"verdict", std::string(name(s.verdict))},
                {"verdict_reason", s.verdict_reason},
                {"load", s.load_description},
                {"target", s.target},
                {"proxy", s.proxy},
                {"tls", s.tls},
                {"backend", s.backend},
                {"workers", s.workers},
                {"started_at", s.started_at},
                {"schedule_duration_s", finite(s.schedule_duration_s)},
                {"duration_s", finite(s.duration_s)},
                {"seed", s.seed},
                {"connections_opened", s.connections_opened},
                {"stop_reason", s.stop_reason},
                {"notes", s.notes}};
    Json totals = Json::object();
    add_stats(totals, s.totals, s.throughput_per_s);
    out["totals"] = std::move(totals);
    Json tasks = Json::object();
    for (const auto& task : s.tasks) {
        Json entry = {{"entry_name", task.entry_name}, {"method", task.method}};
        add_stats(entry, task.stats, throughput_per_s(task.stats.outcomes, s.duration_s));
        tasks[task.name] = std::move(entry);
    }
    out["tasks"] = std::move(tasks);
    Json iterations = Json::object();
    for (const auto& one : s.iterations) iterations[one.task] = iterations_document(one.stats);
    out["iterations"] = std::move(iterations);
    Json providers = Json::object();
    for (const auto& one : s.providers) providers[one.name] = provider_document(one, s.providers);
    out["providers"] = std::move(providers);
    out["provider_columns"] = {{"rpm", s.provider_columns.rpm},
                               {"fallback", s.provider_columns.fallback},
                               {"responses_429", s.provider_columns.responses_429}};
    out["events"] = events_document(s.events);
    out["time_scale"] = finite(s.time_scale);
    Json series = Json::array();
    for (const auto& point : s.series) series.push_back(point_document(point));
    out["series"] = std::move(series);
    out["thresholds"] = thresholds_document(s.thresholds);
    out["audit"] = audit_document(s.audit);
    out["witness"] = witness_document(s.witness);
    out["failures"] = failures_document(s);
    return out;
}

}  // namespace

Json point_document(const measure::SeriesPoint& p) {
    return {{"second", p.second},
            {"scheduled", p.scheduled},
            {"started", p.started},
            {"outcomes", outcomes_document(p.outcomes, false)},
            {"p50_ms", p.p50_ms},
            {"p95_ms", p.p95_ms},
            {"p99_ms", p.p99_ms},
            {"max_ms", p.max_ms},
            {"min_ms", p.min_ms},
            {"sum_ms", p.sum_ms},
            {"body_bytes", p.body_bytes},
            {"rounded_times", rounded_document(p.rounded_times)},
            {"service_p50_ms", p.service_p50_ms},
            {"service_p99_ms", p.service_p99_ms},
            {"generator_lag_p99_ms", p.generator_lag_p99_ms},
            {"blocked_p99_ms", p.blocked_p99_ms},
            {"in_flight", p.in_flight},
            {"backlog", p.backlog},
            {"users", p.users}};
}

Json document(const RunResult& run) {
    const bool any = !run.scenarios.empty();
    Json out = {{"schema", kSchemaVersion},
                {"tool",
                 {{"version", run.tool_version},
                  {"backend", any ? run.scenarios.front().backend : std::string()},
                  {"workers", any ? run.scenarios.front().workers : 0U}}},
                {"verdict", std::string(name(run.verdict))},
                {"exit_code", run.exit_code},
                {"started_at", run.started_at},
                {"command", run.command}};
    Json configuration = Json::array();
    Json scenarios = Json::array();
    for (const auto& s : run.scenarios) {
        configuration.push_back({{"scenario", s.name}, {"yaml", s.configuration_yaml}});
        scenarios.push_back(scenario_document(s));
    }
    out["configuration"] = std::move(configuration);
    out["scenarios"] = std::move(scenarios);
    out["suite"] = {{"thresholds", thresholds_document(run.suite_thresholds)},
                    {"criteria", criteria_document(run.criteria)}};
    out["capacity"] = capacity_document(run.capacity);
    return out;
}

}  // namespace internal

std::string to_json(const RunResult& run) {
    return internal::layout(internal::document(run));
}

std::string series_line(const std::string& scenario, const measure::SeriesPoint& point) {
    internal::Json line = {{"scenario", scenario}};
    line.update(internal::point_document(point));
    return line.dump(-1, ' ', false, internal::Json::error_handler_t::replace);
}

}  // namespace squadload::result
