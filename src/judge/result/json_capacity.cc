// The metrics file's member `capacity`, both ways.
#include <nlohmann/json.hpp>

#include "judge/result/capacity.h"
#include "judge/result/json_field.h"

namespace squadload::result {
namespace internal {
namespace {

Json or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

LimitCause read_cause(const Field& field) {
    const auto cause = limit_cause_from_name(field.text());
    if (!cause) field.wrong("a cause");
    return cause.value_or(LimitCause::none);
}

Json step_document(const CapacityStep& s) {
    return {{"rate_per_s", s.rate_per_s},
            {"held", s.held()},
            {"cause", std::string(name(s.cause))},
            {"sentence", s.sentence},
            {"requests", s.requests},
            {"ok", s.ok},
            {"rate_limited", s.rate_limited},
            {"failed", s.failed},
            {"ok_per_s", s.ok_per_s},
            {"p50_ms", s.p50_ms},
            {"p95_ms", s.p95_ms},
            {"p99_ms", s.p99_ms},
            {"max_ms", s.max_ms},
            {"in_flight", s.in_flight}};
}

CapacityStep read_step(const Field& field) {
    CapacityStep s;
    s.rate_per_s = field["rate_per_s"].number();
    s.cause = read_cause(field["cause"]);
    s.sentence = field["sentence"].text();
    s.requests = field["requests"].u64();
    s.ok = field["ok"].u64();
    s.rate_limited = field["rate_limited"].u64();
    s.failed = field["failed"].u64();
    s.ok_per_s = field["ok_per_s"].number();
    s.p50_ms = field["p50_ms"].number();
    s.p95_ms = field["p95_ms"].number();
    s.p99_ms = field["p99_ms"].number();
    s.max_ms = field["max_ms"].number();
    s.in_flight = field["in_flight"].u32();
    return s;
}

}  // namespace

Json capacity_document(const std::optional<Capacity>& capacity) {
    if (!capacity) return nullptr;
    Json steps = Json::array();
    for (const auto& step : capacity->steps) steps.push_back(step_document(step));
    return {{"from_per_s", capacity->from_per_s},
            {"to_per_s", capacity->to_per_s},
            {"precision", capacity->precision},
            {"step_s", capacity->step_s},
            {"bounds", capacity->bounds},
            {"limit_per_s", or_null(capacity->limit_per_s)},
            {"broken_per_s", or_null(capacity->broken_per_s)},
            {"cause", std::string(name(capacity->cause))},
            {"sentence", capacity->sentence},
            {"steps", std::move(steps)}};
}

std::optional<Capacity> read_capacity(const Field& field) {
    if (field.is_null()) return std::nullopt;
    Capacity c;
    c.from_per_s = field["from_per_s"].number();
    c.to_per_s = field["to_per_s"].number();
    c.precision = field["precision"].number();
    c.step_s = field["step_s"].number();
    c.bounds = field["bounds"].texts();
    c.limit_per_s = field["limit_per_s"].optional_number();
    c.broken_per_s = field["broken_per_s"].optional_number();
    c.cause = read_cause(field["cause"]);
    c.sentence = field["sentence"].text();
    field["steps"].each([&](const Field& step) { c.steps.push_back(read_step(step)); });
    return c;
}

}  // namespace internal

std::string_view name(LimitCause cause) {
    switch (cause) {
        case LimitCause::latency:
            return "latency";
        case LimitCause::errors:
            return "errors";
        case LimitCause::rate_limiting:
            return "rate limiting";
        case LimitCause::generator:
            return "generator";
        case LimitCause::none:
            break;
    }
    return "none";
}

std::optional<LimitCause> limit_cause_from_name(std::string_view text) {
    for (const auto cause : {LimitCause::none, LimitCause::latency, LimitCause::errors,
                             LimitCause::rate_limiting, LimitCause::generator})
        if (name(cause) == text) return cause;
    return std::nullopt;
}

}  // namespace squadload::result
