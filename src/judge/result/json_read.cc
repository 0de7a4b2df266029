// The metrics file → RunResult. Facts are read field by field; figures derived from them are
// written again and compared with the file, which finds unknown, missing and contradicting fields
// alike.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "judge/result/json_field.h"

namespace squadload::result {
namespace {

using internal::Fault;
using internal::Field;
using internal::Json;
using internal::read_histogram;
using measure::Histogram;
using measure::TaskStats;

Verdict read_verdict(const Field& field) {
    const std::string text = field.text();
    for (const Verdict v :
         {Verdict::pass, Verdict::fail, Verdict::void_run, Verdict::interrupted}) {
        if (text == name(v)) return v;
    }
    return field.wrong("PASS, FAIL, VOID or INTERRUPTED"), Verdict::fail;
}

measure::Outcome read_outcome(const Field& field) {
    const auto outcome = measure::outcome_from_name(field.text());
    if (!outcome) field.wrong("an outcome");
    return outcome.value_or(measure::Outcome::unsent);
}

measure::OutcomeCounts read_outcomes(const Field& field) {
    measure::OutcomeCounts counts;
    field.each_member([&](const std::string& key, const Field& value) {
        const auto outcome = measure::outcome_from_name(key);
        if (!outcome) return value.wrong("the count of an outcome");
        counts.add(*outcome, value.u64());
    });
    return counts;
}

TaskStats read_stats(const Field& field) {
    TaskStats stats;
    stats.outcomes = read_outcomes(field["outcomes"]);
    const Field histograms = field["histograms"];
    stats.response_time = read_histogram(histograms["response_time"]);
    stats.response_time_ok = read_histogram(histograms["response_time_ok"]);
    stats.service_time = read_histogram(histograms["service_time"]);
    stats.generator_lag = read_histogram(histograms["generator_lag"]);
    stats.blocked = read_histogram(histograms["blocked"]);
    stats.connect = read_histogram(histograms["connect"]);
    stats.handshake = read_histogram(histograms["handshake"]);
    stats.handshakes_resumed = field["handshakes_resumed"].u64();
    stats.first_byte = read_histogram(histograms["first_byte"]);
    stats.retry_wait = read_histogram(histograms["retry_wait"]);
    stats.responses_429 = field["responses_429"].u64();
    stats.retries = field["retries"].u64();
    stats.bytes_received = field["bytes_received"].u64();
    stats.bytes_sent = field["bytes_sent"].u64();
    stats.body_bytes = field["body_bytes"].u64();
    stats.redirects = field["redirects"].u64();
    stats.rounded_times =
        internal::read_rounded(field["rounded_times"], stats.response_time.count());
    return stats;
}

measure::IterationStats read_iterations(const Field& field) {
    measure::IterationStats stats;
    stats.ok = field["ok"].u64();
    stats.failed = field["failed"].u64();
    stats.cut_off = field["cut_off"].u64();
    stats.time = read_histogram(field["histograms"]["iteration_time"]);
    field["reasons"].each([&](const Field& reason) {
        stats.reasons.push_back({reason["reason"].text(), reason["count"].u64()});
    });
    return stats;
}

measure::SeriesPoint read_point(const Field& field) {
    measure::SeriesPoint p;
    p.second = field["second"].u32();
    p.scheduled = field["scheduled"].u64();
    p.started = field["started"].u64();
    p.outcomes = read_outcomes(field["outcomes"]);
    p.p50_ms = field["p50_ms"].number();
    p.p95_ms = field["p95_ms"].number();
    p.p99_ms = field["p99_ms"].number();
    p.max_ms = field["max_ms"].number();
    p.min_ms = field["min_ms"].number();
    p.sum_ms = field["sum_ms"].number();
    p.body_bytes = field["body_bytes"].u64();
    // Empty where only the counts of a second are known.
    const bool untimed = p.max_ms == 0 && field["rounded_times"].is_empty();
    p.rounded_times =
        internal::read_rounded(field["rounded_times"], untimed ? 0 : p.outcomes.requests());
    p.service_p50_ms = field["service_p50_ms"].number();
    p.service_p99_ms = field["service_p99_ms"].number();
    p.generator_lag_p99_ms = field["generator_lag_p99_ms"].number();
    p.blocked_p99_ms = field["blocked_p99_ms"].number();
    p.in_flight = field["in_flight"].u32();
    p.backlog = field["backlog"].u32();
    p.users = field["users"].u32();
    return p;
}

std::vector<ThresholdResult> read_thresholds(const Field& list) {
    std::vector<ThresholdResult> out;
    list.each([&](const Field& field) {
        ThresholdResult t;
        t.name = field["name"].text();
        t.criterion = field["criterion"].text();
        t.comparison = field["comparison"].text();
        t.bound_value = field["bound"].number();
        t.actual_value = field["actual"].optional_number();
        t.unit = field["unit"].text();
        t.pass = field["pass"].flag();
        t.bound = field["bound_text"].text();
        t.actual = field["actual_text"].text();
        t.note = field["note"].text();
        t.first_broken_at_s = field["first_broken_at_s"].optional_number();
        out.push_back(std::move(t));
    });
    return out;
}

measure::DeliveredAudit read_audit(const Field& field) {
    measure::DeliveredAudit a;
    a.scheduled = field["scheduled"].u64();
    a.sent = field["sent"].u64();
    a.unsent = field["unsent"].u64();
    a.unsent_while_free = field["unsent_while_free"].u64();
    a.planned_rate_per_s = field["planned_rate_per_s"].number();
    a.delivered_rate_per_s = field["delivered_rate_per_s"].number();
    a.rate_error = field["rate_error"].number();
    a.generator_lag_p50_ms = field["generator_lag_p50_ms"].number();
    a.generator_lag_p99_ms = field["generator_lag_p99_ms"].number();
    a.generator_lag_max_ms = field["generator_lag_max_ms"].number();
    a.blocked_p50_ms = field["blocked_p50_ms"].number();
    a.blocked_p99_ms = field["blocked_p99_ms"].number();
    a.blocked_max_ms = field["blocked_max_ms"].number();
    a.lag_budget_ms = field["lag_budget_ms"].number();
    if (const Field r = field["randomness"]; !r.is_null()) {
        a.randomness = measure::Randomness{
            .bins = r["bins"].u64(),
            .dispersion_index = r["dispersion_index"].number(),
            .dispersion_error = r["dispersion_error"].number(),
            .lag1_correlation = r["lag1_correlation"].number(),
            .lag1_error = r["lag1_error"].number(),
        };
    }
    a.randomness_note = field["randomness_note"].text();
    a.void_reasons = field["void_reasons"].texts();
    return a;
}

std::vector<measure::FailureGroup> read_failures(const Field& list,
                                                 const std::vector<TaskResult>& tasks) {
    std::vector<measure::FailureGroup> out;
    list.each([&](const Field& field) {
        measure::FailureGroup f;
        const std::string task = field["task"].text();
        const auto it = std::find_if(tasks.begin(), tasks.end(),
                                     [&](const TaskResult& t) { return t.name == task; });
        if (it == tasks.end()) field["task"].wrong("a task of the scenario");
        f.task = static_cast<std::uint16_t>(it - tasks.begin());
        f.outcome = read_outcome(field["outcome"]);
        f.message = field["message"].text();
        f.count = field["count"].u64();
        f.first = field["first_at_s"].seconds();
        f.last = field["last_at_s"].seconds();
        f.status = field["status"].integer(0, 999);
        f.example = field["example"].text();
        out.push_back(std::move(f));
    });
    return out;
}

ScenarioResult read_scenario(const Field& field) {
    ScenarioResult s;
    s.name = field["name"].text();
    s.description = field["description"].text();
    s.kind = field["kind"].text();
    s.model = field["model"].text();
    s.verdict = read_verdict(field["verdict"]);
    s.verdict_reason = field["verdict_reason"].text();
    s.load_description = field["load"].text();
    s.target = field["target"].text();
    s.proxy = field["proxy"].text();
    s.tls = field["tls"].text();
    s.backend = field["backend"].text();
    s.workers = field["workers"].u32();
    s.started_at = field["started_at"].text();
    s.schedule_duration_s = field["schedule_duration_s"].number();
    s.duration_s = field["duration_s"].number();
    s.seed = field["seed"].u64();
    s.connections_opened = field["connections_opened"].u64();
    s.stop_reason = field["stop_reason"].text();
    s.notes = field["notes"].texts();
    s.totals = read_stats(field["totals"]);
    s.throughput_per_s = field["totals"]["throughput_per_s"].number();
    field["tasks"].each_member([&](const std::string& name, const Field& task) {
        TaskResult t;
        t.name = name;
        t.entry_name = task["entry_name"].text();
        t.method = task["method"].text();
        t.stats = read_stats(task);
        s.tasks.push_back(std::move(t));
    });
    field["iterations"].each_member([&](const std::string& name, const Field& task) {
        s.iterations.push_back({name, read_iterations(task)});
    });
    field["providers"].each_member([&](const std::string& name, const Field& provider) {
        s.providers.push_back(internal::read_provider(name, provider));
    });
    const Field columns = field["provider_columns"];
    s.provider_columns = {columns["rpm"].flag(), columns["fallback"].flag(),
                          columns["responses_429"].flag()};
    s.witness = internal::read_witness(field["witness"]);
    s.events = internal::read_events(field["events"]);
    s.time_scale = field["time_scale"].number();
    field["series"].each([&](const Field& point) { s.series.push_back(read_point(point)); });
    s.thresholds = read_thresholds(field["thresholds"]);
    s.audit = read_audit(field["audit"]);
    s.failures = read_failures(field["failures"], s.tasks);
    return s;
}

RunResult read_run(const Field& root) {
    RunResult run;
    run.tool_version = root["tool"]["version"].text();
    run.verdict = read_verdict(root["verdict"]);
    run.exit_code = root["exit_code"].integer(0, 255);
    run.started_at = root["started_at"].text();
    run.command = root["command"].text();
    root["scenarios"].each([&](const Field& s) { run.scenarios.push_back(read_scenario(s)); });
    std::size_t i = 0;
    root["configuration"].each([&](const Field& c) {
        if (i < run.scenarios.size()) run.scenarios[i].configuration_yaml = c["yaml"].text();
        ++i;
    });
    run.suite_thresholds = read_thresholds(root["suite"]["thresholds"]);
    run.criteria = internal::read_criteria(root["suite"]["criteria"]);
    run.capacity = internal::read_capacity(root["capacity"]);
    return run;
}

std::string child_path(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
}

// Path of the first place where `file` is not what `expected` says, with a word on why; empty when
// equal. Numbers may differ by rounding. Members may come in any order.
std::string difference(const Json& file, const Json& expected, const std::string& path) {
    if (file.is_number() && expected.is_number()) {
        if (file == expected) return {};
        const auto a = file.get<double>();
        const auto b = expected.get<double>();
        if (std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b))) return {};
        return fmt::format("{} is {} but the rest of the file says {}", path, file.dump(),
                           expected.dump());
    }
    if (file.is_object() && expected.is_object()) {
        for (const auto& [key, value] : expected.items()) {
            const auto it = file.find(key);
            if (it == file.end()) return child_path(path, key) + " is missing";
            if (auto d = difference(*it, value, child_path(path, key)); !d.empty()) return d;
        }
        for (const auto& [key, value] : file.items()) {
            if (!expected.contains(key)) return child_path(path, key) + " is unknown";
        }
        return {};
    }
    if (file.is_array() && expected.is_array() && file.size() == expected.size()) {
        for (std::size_t i = 0; i < file.size(); ++i) {
            auto d = difference(file[i], expected[i], fmt::format("{}[{}]", path, i));
            if (!d.empty()) return d;
        }
        return {};
    }
    return file == expected ? std::string() : path + " contradicts the rest of the file";
}

}  // namespace

Result<RunResult> from_json(std::string_view text, const std::string& file_name) {
    const auto bad = [&](const std::string& why) {
        return fail(ErrorKind::config, fmt::format("{} is not a metrics file: {}", file_name, why));
    };
    const Json root = Json::parse(text, nullptr, false);
    if (root.is_discarded()) return bad("it is not valid JSON");
    if (!root.is_object() || !root.contains("schema")) return bad("schema is missing");
    if (root["schema"] != kSchemaVersion) {
        return fail(
            ErrorKind::config,
            fmt::format("{} has schema version {}; this program reads version {}", file_name,
                        root["schema"].dump(-1, ' ', false, Json::error_handler_t::replace),
                        kSchemaVersion));
    }
    Fault fault;
    RunResult run = read_run(Field(&root, "", fault));
    if (!fault.message.empty()) return bad(fault.message);
    if (const auto d = difference(root, internal::document(run), ""); !d.empty()) return bad(d);
    return run;
}

}  // namespace squadload::result
