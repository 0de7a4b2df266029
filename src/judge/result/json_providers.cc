// The metrics file's members about the providers' side, both ways.
#include <array>
#include <nlohmann/json.hpp>

#include "judge/result/json_field.h"

namespace squadload::result::internal {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json seconds_or_null(const std::optional<Nanos>& t) {
    return t ? Json(to_seconds(*t)) : Json(nullptr);
}

std::optional<Nanos> optional_seconds(const Field& field) {
    if (field.is_null()) return std::nullopt;
    return field.seconds();
}

Json responses_document(const ProviderResponses& r) {
    Json reasons = Json::object();
    for (const auto& one : r.fallback_reasons) reasons[one.reason] = one.count;
    return {{"responses", r.responses},
            {"ok", r.ok},
            {"fallbacks", r.fallbacks},
            {"fallback_reasons", std::move(reasons)},
            {"attempts", r.attempts},
            {"with_attempts", r.with_attempts},
            {"prompt_tokens", r.prompt_tokens},
            {"completion_tokens", r.completion_tokens},
            {"response_time_ms", summary_document(r.response_time)},
            {"histograms", {{"response_time", histogram_document(r.response_time)}}}};
}

ProviderResponses read_responses(const Field& field) {
    ProviderResponses r;
    r.responses = field["responses"].u64();
    r.ok = field["ok"].u64();
    r.fallbacks = field["fallbacks"].u64();
    field["fallback_reasons"].each_member([&](const std::string& reason, const Field& count) {
        r.fallback_reasons.push_back({reason, count.u64()});
    });
    r.attempts = field["attempts"].u64();
    r.with_attempts = field["with_attempts"].u64();
    r.prompt_tokens = field["prompt_tokens"].u64();
    r.completion_tokens = field["completion_tokens"].u64();
    r.response_time = read_histogram(field["histograms"]["response_time"]);
    return r;
}

Json reported_document(const ProviderReported& r) {
    return {{"calls", or_null(r.calls)},
            {"served", or_null(r.served)},
            {"responses_429", or_null(r.responses_429)},
            {"fallbacks", or_null(r.fallbacks)},
            {"rpm_peak", optional_number(r.rpm_peak)},
            {"rpm_limit", optional_number(r.rpm_limit)},
            {"latency_avg_ms", optional_number(r.latency_avg_ms)},
            {"last_429_time", or_null(r.last_429_time)}};
}

ProviderReported read_reported(const Field& field) {
    ProviderReported r;
    r.calls = field["calls"].optional_u64();
    r.served = field["served"].optional_u64();
    r.responses_429 = field["responses_429"].optional_u64();
    r.fallbacks = field["fallbacks"].optional_u64();
    r.rpm_peak = field["rpm_peak"].optional_number();
    r.rpm_limit = field["rpm_limit"].optional_number();
    r.latency_avg_ms = field["latency_avg_ms"].optional_number();
    r.last_429_time = field["last_429_time"].optional_text();
    return r;
}

Json spikes_document(const std::vector<Spike429>& spikes) {
    Json out = Json::array();
    for (const auto& one : spikes)
        out.push_back({{"at_s", finite(one.at_s)},
                       {"duration_s", finite(one.duration_s)},
                       {"count", one.count}});
    return out;
}

// Each second a list, in the order the schema names: a run of an hour stays readable.
Json series_document(const std::vector<ProviderPoint>& series) {
    Json out = Json::array();
    for (const auto& p : series)
        out.push_back(Json::array({p.second, p.calls, p.ok, p.responses_429, p.served_as_fallback,
                                   finite(p.per_minute)}));
    return out;
}

void read_series(const Field& list, std::vector<ProviderPoint>& out) {
    list.each([&](const Field& row) {
        std::vector<Field> items;
        row.each([&](const Field& item) { items.push_back(item); });
        if (items.size() != 6) return row.wrong("a second with six figures");
        out.push_back({items[0].u32(), items[1].u64(), items[2].u64(), items[3].u64(),
                       items[4].u64(), items[5].number()});
    });
}

template <class Answer, std::size_t kCount>
Answer answer_of(const Field& field, const std::array<Answer, kCount>& known, const char* what) {
    const std::string text = field.text();
    for (const Answer one : known)
        if (text == name(one)) return one;
    return field.wrong(what), known.back();
}

}  // namespace

Json provider_document(const ProviderResult& p, const std::vector<ProviderResult>& all) {
    return {{"source", p.source},
            {"calls", p.calls()},
            {"share", share(p, all)},
            {"ok", p.ok},
            {"responses_429", p.responses_429},
            {"failed", p.failed},
            {"served_as_fallback", p.served_as_fallback},
            {"limit_per_minute", p.limit_per_minute},
            {"peak_per_minute", p.peak_per_minute},
            {"time_ms", summary_document(p.time)},
            {"last_429_at_s", optional_number(p.last_429_at_s)},
            {"spikes_429", spikes_document(p.spikes)},
            {"responses", responses_document(p.responses)},
            {"reported", reported_document(p.reported)},
            {"series", series_document(p.series)},
            {"histograms", {{"time", histogram_document(p.time)}}}};
}

ProviderResult read_provider(const std::string& name, const Field& field) {
    ProviderResult p;
    p.name = name;
    p.source = field["source"].text();
    p.ok = field["ok"].u64();
    p.responses_429 = field["responses_429"].u64();
    p.failed = field["failed"].u64();
    p.served_as_fallback = field["served_as_fallback"].u64();
    p.limit_per_minute = field["limit_per_minute"].u64();
    p.peak_per_minute = field["peak_per_minute"].u64();
    p.time = read_histogram(field["histograms"]["time"]);
    p.last_429_at_s = field["last_429_at_s"].optional_number();
    field["spikes_429"].each([&](const Field& spike) {
        p.spikes.push_back(
            {spike["at_s"].number(), spike["duration_s"].number(), spike["count"].u64()});
    });
    p.responses = read_responses(field["responses"]);
    p.reported = read_reported(field["reported"]);
    read_series(field["series"], p.series);
    return p;
}

Json witness_document(const std::vector<WitnessCheck>& checks) {
    Json out = Json::array();
    for (const auto& c : checks) {
        out.push_back({{"check", c.check},
                       {"provider", c.provider},
                       {"key", c.key},
                       {"model", c.model},
                       {"answer", std::string(name(c.answer))},
                       {"bound_text", c.bound},
                       {"actual_text", c.actual},
                       {"sentence", c.sentence},
                       {"bound", optional_number(c.bound_value)},
                       {"actual", optional_number(c.actual_value)},
                       {"judged", c.judged},
                       {"jitter_ms", to_ms(c.jitter)},
                       {"from_s", seconds_or_null(c.from)},
                       {"to_s", seconds_or_null(c.to)},
                       {"request_ids", c.request_ids}});
    }
    return out;
}

std::vector<WitnessCheck> read_witness(const Field& list) {
    static constexpr std::array kAnswers{WitnessAnswer::kept, WitnessAnswer::within_jitter,
                                         WitnessAnswer::broken, WitnessAnswer::not_exercised};
    std::vector<WitnessCheck> out;
    list.each([&](const Field& field) {
        WitnessCheck c;
        c.check = field["check"].text();
        c.provider = field["provider"].text();
        c.key = field["key"].text();
        c.model = field["model"].text();
        c.answer = answer_of(field["answer"], kAnswers, "an answer of the witness");
        c.bound = field["bound_text"].text();
        c.actual = field["actual_text"].text();
        c.sentence = field["sentence"].text();
        c.bound_value = field["bound"].optional_number();
        c.actual_value = field["actual"].optional_number();
        c.judged = field["judged"].u64();
        c.jitter = from_seconds(field["jitter_ms"].number() / 1000);
        c.from = optional_seconds(field["from_s"]);
        c.to = optional_seconds(field["to_s"]);
        c.request_ids = field["request_ids"].texts();
        out.push_back(std::move(c));
    });
    return out;
}

Json events_document(const std::vector<FiredEvent>& events) {
    Json out = Json::array();
    for (const auto& e : events) {
        out.push_back({{"label", e.label},
                       {"provider", e.provider},
                       {"at_s", to_seconds(e.at)},
                       {"until_s", seconds_or_null(e.until)},
                       {"error", e.error}});
    }
    return out;
}

std::vector<FiredEvent> read_events(const Field& list) {
    std::vector<FiredEvent> out;
    list.each([&](const Field& field) {
        out.push_back({field["label"].text(), field["provider"].text(), field["at_s"].seconds(),
                       optional_seconds(field["until_s"]), field["error"].text()});
    });
    return out;
}

Json criteria_document(const std::vector<Criterion>& criteria) {
    Json out = Json::array();
    for (const auto& c : criteria) {
        out.push_back({{"id", c.id},
                       {"text", c.text},
                       {"scenario", c.scenario},
                       {"bound", c.bound},
                       {"actual", c.actual},
                       {"answer", std::string(name(c.answer))},
                       {"sentence", c.sentence}});
    }
    return out;
}

std::vector<Criterion> read_criteria(const Field& list) {
    static constexpr std::array kAnswers{CriterionAnswer::met, CriterionAnswer::not_met,
                                         CriterionAnswer::left_out, CriterionAnswer::not_exercised};
    std::vector<Criterion> out;
    list.each([&](const Field& field) {
        out.push_back({field["id"].text(), field["text"].text(), field["scenario"].text(),
                       field["bound"].text(), field["actual"].text(),
                       answer_of(field["answer"], kAnswers, "an answer to a criterion"),
                       field["sentence"].text()});
    });
    return out;
}

}  // namespace squadload::result::internal
