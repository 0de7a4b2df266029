// The acceptance criteria of the story "Load Testing", held against what a suite found.
#include <fmt/core.h>

#include <algorithm>
#include <initializer_list>

#include "judge/result/figures.h"
#include "judge/verdict/provider_bound.h"
#include "judge/verdict/suite.h"

namespace squadload::verdict {
namespace {

using result::Criterion;
using result::CriterionAnswer;
using result::ProviderResult;
using result::ScenarioResult;
using result::ThresholdResult;
using result::WitnessAnswer;

enum class Among { all, steady, spikes };

bool is_among(const ScenarioResult& s, Among among) {
    return among == Among::all || (among == Among::spikes) == (s.kind == "spike");
}

Criterion criterion(std::string id, std::string text) {
    Criterion c;
    c.id = std::move(id);
    c.text = std::move(text);
    return c;
}

void add_to(std::string& text, const std::string& more) {
    text += (text.empty() ? "" : ", ") + more;
}

// A bound the scenarios were judged by, under any of these names: the first that breaks it, else
// the one nearest to it.
Criterion by_bound(const result::RunResult& run, std::string id, std::string text, Among among,
                   std::initializer_list<std::string_view> names) {
    Criterion c = criterion(std::move(id), std::move(text));
    const ThresholdResult* shown = nullptr;
    double nearest = 0;
    for (const auto& s : run.scenarios) {
        if (!is_among(s, among)) continue;
        for (const auto& t : s.thresholds) {
            if (std::find(names.begin(), names.end(), t.name) == names.end()) continue;
            if (!t.actual_value) continue;
            const double distance = std::abs(*t.actual_value - t.bound_value);
            const bool worse = shown == nullptr || (shown->pass && (!t.pass || distance < nearest));
            if (!worse) continue;
            shown = &t;
            nearest = distance;
            c.scenario = s.name;
        }
    }
    if (shown == nullptr) {
        c.sentence = "no scenario that ran has this bound";
        return c;
    }
    c.bound = shown->bound;
    c.actual = shown->actual;
    c.answer = shown->pass ? CriterionAnswer::met : CriterionAnswer::not_met;
    return c;
}

void add_delivered(const result::RunResult& run, std::vector<Criterion>& out) {
    for (const auto& s : run.scenarios) {
        Criterion c = criterion("AC-2", fmt::format("{}: the load is delivered", s.name));
        c.scenario = s.name;
        c.bound = result::plural(s.totals.outcomes.scheduled(), "request");
        c.actual = fmt::format("{} sent", result::thousands(s.totals.outcomes.requests()));
        const bool all = s.totals.outcomes.requests() == s.totals.outcomes.scheduled();
        const bool any = s.totals.outcomes.scheduled() > 0;
        c.answer = all && any && s.audit.void_reasons.empty() ? CriterionAnswer::met
                                                              : CriterionAnswer::not_met;
        if (!s.audit.void_reasons.empty()) c.sentence = s.audit.void_reasons.front();
        out.push_back(std::move(c));
    }
}

void add_percentiles(const result::RunResult& run, std::vector<Criterion>& out) {
    Criterion c = criterion("AC-4", "P50 to P99.9 and the maximum are captured");
    const auto most = std::max_element(
        run.scenarios.begin(), run.scenarios.end(), [](const auto& a, const auto& b) {
            return a.totals.response_time.count() < b.totals.response_time.count();
        });
    if (most != run.scenarios.end() && most->totals.response_time.count() > 0) {
        const auto t = result::summarize(most->totals.response_time);
        c.scenario = most->name;
        c.actual = fmt::format("{} / {} / {} / {} / {} / {} / {} ms", result::ms(t.p50),
                               result::ms(t.p75), result::ms(t.p90), result::ms(t.p95),
                               result::ms(t.p99), result::ms(t.p99_9), result::ms(t.max));
        c.answer = CriterionAnswer::met;
    }
    out.push_back(std::move(c));
}

void add_ratio(const result::RunResult& run, std::vector<Criterion>& out) {
    Criterion c = criterion("AC-4", "latency in the spike does not degrade beyond the bound");
    for (const auto& t : run.suite_thresholds) {
        if (!t.name.starts_with("p95_ratio(")) continue;
        c.bound = t.bound;
        const std::string what = t.name.substr(10, t.name.find(',') - 10);
        add_to(c.actual, t.actual + " (" + what + ")");
        if (c.answer != CriterionAnswer::not_met)
            c.answer = t.pass ? CriterionAnswer::met : CriterionAnswer::not_met;
    }
    if (c.actual.empty())
        c.sentence = "no spike was run after a steady scenario, or no bound is set";
    out.push_back(std::move(c));
}

// The scenario that says most about providers: the last spike, else the last that has any.
const ScenarioResult* telling(const result::RunResult& run) {
    const ScenarioResult* out = nullptr;
    for (const auto& s : run.scenarios) {
        if (s.providers.empty()) continue;
        if (out == nullptr || s.kind == "spike" || out->kind != "spike") out = &s;
    }
    return out;
}

constexpr const char* kNoProviders = "nothing names the providers that served";

void add_rpm(const ScenarioResult* s, std::vector<Criterion>& out) {
    Criterion c = criterion("AC-5", "calls per minute are tracked for each provider");
    c.bound = "peak / limit";
    if (s == nullptr) c.sentence = kNoProviders;
    bool complete = s != nullptr;
    for (const auto& p : s == nullptr ? std::vector<ProviderResult>{} : s->providers) {
        add_to(c.actual,
               fmt::format("{} {} / {}", p.name, result::thousands(p.peak_per_minute),
                           p.limit_per_minute == 0 ? "not reported"
                                                   : result::thousands(p.limit_per_minute)));
        complete = complete && p.limit_per_minute > 0 && !p.series.empty();
    }
    if (s != nullptr) {
        c.scenario = s->name;
        c.answer = complete ? CriterionAnswer::met : CriterionAnswer::not_met;
        if (!complete) c.sentence = "the limit or the series of a provider is not known";
    }
    out.push_back(std::move(c));
}

void add_429_spikes(const ScenarioResult* s, std::vector<Criterion>& out) {
    Criterion c = criterion("AC-5", "429 spikes are detected by last_429_time");
    if (s == nullptr) c.sentence = kNoProviders;
    for (const auto& p : s == nullptr ? std::vector<ProviderResult>{} : s->providers) {
        if (p.responses_429 == 0) continue;
        std::string one = fmt::format("{} {}", p.name, result::plural(p.responses_429, "429"));
        if (!p.spikes.empty())
            one += fmt::format(" in {} from {}", result::plural(p.spikes.size(), "spike"),
                               result::clock(from_seconds(std::max(0.0, p.spikes[0].at_s))));
        one += p.reported.last_429_time ? ", last at " + *p.reported.last_429_time
                                        : ", last_429_time not reported";
        add_to(c.actual, one);
        if (c.answer != CriterionAnswer::not_met)
            c.answer = p.reported.last_429_time ? CriterionAnswer::met : CriterionAnswer::not_met;
    }
    if (s != nullptr) {
        c.scenario = s->name;
        if (c.actual.empty()) c.sentence = "no provider answered 429";
    }
    out.push_back(std::move(c));
}

void add_fallbacks(const ScenarioResult* s, std::vector<Criterion>& out) {
    Criterion c = criterion("AC-5", "fallbacks are counted");
    c.bound = "> 0";
    if (s == nullptr) {
        c.sentence = kNoProviders;
        out.push_back(std::move(c));
        return;
    }
    c.scenario = s->name;
    const auto counted = result::fallbacks(s->providers);
    c.actual = result::thousands(counted);
    if (counted == 0) {
        c.sentence = "no request was served as fallback";
    } else {
        const auto truth = answer_of(s->witness, "truth", "");
        c.answer = truth == WitnessAnswer::broken ? CriterionAnswer::not_met : CriterionAnswer::met;
        if (truth == WitnessAnswer::broken)
            c.sentence = "the responses and the providers' log do not agree on who served";
    }
    out.push_back(std::move(c));
}

void add_latencies(const ScenarioResult* s, std::vector<Criterion>& out) {
    Criterion c = criterion("AC-5", "mean latency of each provider");
    if (s == nullptr) c.sentence = kNoProviders;
    bool complete = true;
    for (const auto& p : s == nullptr ? std::vector<ProviderResult>{} : s->providers) {
        if (p.ok == 0) continue;
        complete = complete && p.time.count() > 0;
        add_to(c.actual, fmt::format("{} {} ms", p.name, result::ms(p.time.mean_ns() / 1e6)));
    }
    if (s != nullptr) {
        c.scenario = s->name;
        if (!c.actual.empty())
            c.answer = complete ? CriterionAnswer::met : CriterionAnswer::not_met;
        if (c.actual.empty()) c.sentence = "no provider answered a call";
    }
    out.push_back(std::move(c));
}

// A limit that nobody came near was not put to the test. Three quarters are near: of a small burst
// the gateway's guard may keep the rest free.
constexpr double kNearLimit = 0.75;

bool tests_limit(const result::ScenarioResult& s, const result::WitnessCheck& row) {
    const bool on_limit = row.check == "window" || row.check == "bucket";
    if (!on_limit || !row.actual_value || !row.bound_value) return true;
    if (*row.actual_value >= kNearLimit * *row.bound_value) return true;
    if (row.check == "window") return false;
    // A window that was nearly full has asked for all that the bucket's refill gives.
    return std::any_of(s.witness.begin(), s.witness.end(), [&](const auto& other) {
        return other.check == "window" && other.provider == row.provider && other.bound_value &&
               other.actual_value && *other.actual_value >= kNearLimit * *other.bound_value;
    });
}

// Rows of a check in all scenarios: the answer, and the figure that says most.
void add_witness(const result::RunResult& run, std::string text,
                 std::initializer_list<std::string_view> checks, std::vector<Criterion>& out) {
    Criterion c = criterion("AC-6", std::move(text));
    bool broken = false;
    bool every = true;
    std::string far;
    for (const auto check : checks) {
        bool exercised = false;
        for (const auto& s : run.scenarios) {
            for (const auto& row : s.witness) {
                if (row.check != check) continue;
                const bool bad = row.answer == WitnessAnswer::broken;
                if (row.answer == WitnessAnswer::not_exercised) {
                    if (c.sentence.empty()) c.sentence = row.sentence;
                    continue;
                }
                if (tests_limit(s, row))
                    exercised = true;
                else
                    far = "no provider came near its limit";
                // The last scenario that exercised it shows its figures; one that broke it stays.
                if (broken && !bad) continue;
                if ((bad && !broken) || c.scenario != s.name) {
                    c.bound.clear();
                    c.actual.clear();
                }
                c.scenario = s.name;
                if (bad) c.sentence = row.sentence;
                broken = broken || bad;
                c.bound = row.bound;
                add_to(c.actual,
                       row.provider.empty() ? row.actual : row.provider + " " + row.actual);
            }
        }
        every = every && exercised;
    }
    if (broken) {
        c.answer = CriterionAnswer::not_met;
    } else if (every) {
        c.answer = CriterionAnswer::met;
        c.sentence.clear();
    } else if (!far.empty()) {
        c.sentence = far;
    } else if (c.sentence.empty()) {
        c.sentence = "there was no witness: no simulated providers were in play";
    }
    out.push_back(std::move(c));
}

// Who waits after a 429 is the gateway towards its providers; the client must not lose anything.
void add_backpressure(const result::RunResult& run, std::vector<Criterion>& out) {
    add_witness(run, "callers wait gracefully on 429, nothing crashes", {"retry_after"}, out);
    Criterion& c = out.back();
    std::uint64_t lost = 0;
    for (const auto& s : run.scenarios) {
        using measure::Outcome;
        for (const Outcome o : {Outcome::connect_error, Outcome::connection_closed,
                                Outcome::protocol_error, Outcome::timeout})
            lost += s.totals.outcomes[o];
    }
    add_to(c.actual, fmt::format("{} lost", result::plural(lost, "request")));
    if (lost > 0 && c.answer == CriterionAnswer::met) {
        c.answer = CriterionAnswer::not_met;
        c.sentence = "connections were refused, closed or timed out";
    }
}

}  // namespace

std::vector<Criterion> acceptance_criteria(const result::RunResult& run) {
    std::vector<Criterion> out;
    add_delivered(run, out);
    const auto bound = [&](const char* id, const char* text, Among among,
                           std::initializer_list<std::string_view> names) {
        out.push_back(by_bound(run, id, text, among, names));
    };
    bound("AC-3", "overall success rate", Among::all, {"success_rate_min"});
    bound("AC-3", "failures", Among::all, {"failure_rate_max"});
    bound("AC-3", "429 responses to clients", Among::all, {"rate_limited_max"});
    bound("AC-3", "5xx responses to clients", Among::all, {"error_rate_max"});
    bound("AC-3", "p95 response in normal operation", Among::steady, {"p95_latency_max_ms"});
    bound("AC-3", "p99 response in normal operation", Among::steady, {"p99_latency_max_ms"});
    add_percentiles(run, out);
    bound("AC-4", "max response in the spike", Among::spikes,
          {"max_latency_spike_ms", "max_latency_max_ms"});
    add_ratio(run, out);
    const ScenarioResult* s = telling(run);
    add_rpm(s, out);
    add_429_spikes(s, out);
    add_fallbacks(s, out);
    add_latencies(s, out);
    add_witness(run, "token bucket: refill rate kept", {"bucket"}, out);
    add_witness(run, "sliding window: no burst beyond the limit", {"window"}, out);
    add_backpressure(run, out);
    add_witness(run, "429s reduce concurrency, calm restores it", {"throttle", "recovery"}, out);
    return out;
}

}  // namespace squadload::verdict
