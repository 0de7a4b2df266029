#include "judge/observe/observe.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "judge/observe/exposition.h"
#include "judge/result/figures.h"

namespace squadload::observe {
namespace {

using nlohmann::json;
using result::ReportedCounts;
using Count = std::optional<std::uint64_t>;

constexpr std::size_t kMostProviders = 256;
constexpr std::size_t kMostTime = 100;  // bytes of a last_429_time

// Counters of one gateway; an empty name: it has none of the kind. Each has a label that names the
// provider.
struct Names {
    std::string_view preset, provider_label;
    std::string_view calls, responses_429, fallbacks;
    std::string_view requests, status_label, status_ok;  // served requests by status
};
constexpr std::array<Names, 4> kPresets{{
    {"squad", "provider", "squad_provider_calls_total", "squad_provider_429_total",
     "squad_fallbacks_total", "squad_requests_total", "status", "200"},
    {"squad_original", "provider", "", "llm_requests_429_total", "", "llm_requests_total", "status",
     "success"},
    {"litellm", "litellm_model_name", "litellm_deployment_total_requests", "",
     "litellm_deployment_successful_fallbacks", "litellm_deployment_success_responses", "", ""},
    {"bifrost", "provider", "bifrost_upstream_requests_total", "", "",
     "bifrost_success_requests_total", "", ""},
}};

const Names* names_of(std::string_view preset) {
    for (const auto& one : kPresets)
        if (one.preset == preset) return &one;
    return nullptr;
}

ReportedCounts::Provider* of(ReportedCounts& counts, std::string_view name) {
    for (auto& p : counts.providers)
        if (p.name == name) return &p;
    if (counts.providers.size() >= kMostProviders) return nullptr;
    counts.providers.push_back({std::string(name), {}, {}, {}, {}});
    return &counts.providers.back();
}

void add(Count& count, double value) {
    if (value < 0 || value > 1e15) return;
    count = count.value_or(0) + static_cast<std::uint64_t>(std::llround(value));
}

// Prometheus clients may or may not write the suffix of counters.
bool is_metric(std::string_view name, std::string_view wanted) {
    if (wanted.empty()) return false;
    if (name == wanted) return true;
    constexpr std::string_view kSuffix = "_total";
    return name.ends_with(kSuffix) && name.substr(0, name.size() - kSuffix.size()) == wanted;
}

void read_metrics(const Names& names, std::string_view text, Snapshot& out) {
    for (const Sample& s : parse_exposition(text)) {
        const std::string_view provider = s.label(names.provider_label);
        const bool calls = is_metric(s.name, names.calls);
        const bool refused = is_metric(s.name, names.responses_429);
        const bool fallback = is_metric(s.name, names.fallbacks);
        const bool request = is_metric(s.name, names.requests);
        if (!calls && !refused && !fallback && !request) continue;
        out.any = true;
        if (request) add(out.counts.requests, s.value);
        if (fallback) add(out.counts.fallbacks, s.value);
        if (provider.empty() || provider == "none") continue;
        auto* p = of(out.counts, provider);
        if (p == nullptr) continue;
        if (calls) add(p->calls, s.value);
        if (refused) add(p->responses_429, s.value);
        if (fallback) add(p->fallbacks, s.value);
        if (request &&
            (names.status_label.empty() || s.label(names.status_label) == names.status_ok))
            add(p->served, s.value);
    }
    // A counter with labels is there from its first count on: what is not there yet is 0.
    if (!out.any) return;
    for (auto& p : out.counts.providers) {
        if (!names.calls.empty()) p.calls = p.calls.value_or(0);
        if (!names.responses_429.empty()) p.responses_429 = p.responses_429.value_or(0);
        if (!names.fallbacks.empty()) p.fallbacks = p.fallbacks.value_or(0);
        if (!names.requests.empty()) p.served = p.served.value_or(0);
    }
}

std::optional<double> number(const json& object, const char* key) {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number()) return std::nullopt;
    const double v = it->get<double>();
    if (!std::isfinite(v) || v < 0) return std::nullopt;
    return v;
}

void read_health(std::string_view text, Snapshot& out) {
    const json document = json::parse(text, nullptr, false);
    if (!document.is_object()) return;
    const auto providers = document.find("providers");
    if (providers == document.end() || !providers->is_object()) return;
    for (const auto& [name, p] : providers->items()) {
        if (!p.is_object() || out.providers.size() >= kMostProviders) continue;
        Snapshot::Provider one{name, number(p, "rpm_current"), number(p, "rpm_limit"),
                               number(p, "latency_avg_ms"), std::nullopt};
        const auto last = p.find("last_429_time");
        if (last != p.end() && last->is_string())
            one.last_429_time = last->get<std::string>().substr(0, kMostTime);
        out.providers.push_back(std::move(one));
        out.any = true;
    }
}

// last − first; nothing where either is missing or the counter fell.
Count difference(const Count& first, const Count& last) {
    if (!last) return std::nullopt;
    if (first.value_or(0) > *last) return std::nullopt;
    return *last - first.value_or(0);
}

const ReportedCounts::Provider* find(const ReportedCounts& counts, std::string_view name) {
    for (const auto& p : counts.providers)
        if (p.name == name) return &p;
    return nullptr;
}

}  // namespace

bool has_metrics(std::string_view preset) {
    return names_of(preset) != nullptr;
}

Snapshot read_snapshot(std::string_view preset, std::string_view metrics, std::string_view health) {
    Snapshot out;
    if (const Names* names = names_of(preset); names != nullptr && !metrics.empty())
        read_metrics(*names, metrics, out);
    if (!health.empty()) read_health(health, out);
    return out;
}

void Timeline::add(const Snapshot& snapshot) {
    if (!snapshot.any) return;
    any_ = true;
    const bool counted = snapshot.counts.requests || !snapshot.counts.providers.empty();
    if (counted) {
        if (!first_) first_ = snapshot.counts;
        if (last_ && last_->requests && snapshot.counts.requests &&
            *snapshot.counts.requests < *last_->requests)
            restarted_ = true;
        last_ = snapshot.counts;
    }
    for (const auto& p : snapshot.providers) {
        auto it = std::find_if(seen_.begin(), seen_.end(),
                               [&](const Seen& s) { return s.name == p.name; });
        if (it == seen_.end()) it = seen_.insert(seen_.end(), {p.name, {}, {}, {}, {}});
        if (p.rpm) it->rpm_peak = std::max(it->rpm_peak.value_or(0), *p.rpm);
        if (p.rpm_limit) it->rpm_limit = p.rpm_limit;
        if (p.latency_avg_ms) it->latency_avg_ms = p.latency_avg_ms;
        if (p.last_429_time) it->last_429_time = p.last_429_time;
    }
}

ReportedCounts Timeline::delta() const {
    ReportedCounts out;
    if (!first_ || restarted_) return out;
    out.requests = difference(first_->requests, last_->requests);
    out.fallbacks = difference(first_->fallbacks, last_->fallbacks);
    for (const auto& now : last_->providers) {
        const ReportedCounts::Provider none;
        const auto* before = find(*first_, now.name);
        if (before == nullptr) before = &none;
        out.providers.push_back({now.name, difference(before->calls, now.calls),
                                 difference(before->served, now.served),
                                 difference(before->responses_429, now.responses_429),
                                 difference(before->fallbacks, now.fallbacks)});
    }
    return out;
}

result::ProviderReported Timeline::of(std::string_view provider) const {
    result::ProviderReported out;
    const ReportedCounts counts = delta();
    if (const auto* p = find(counts, provider)) {
        out.calls = p->calls;
        out.served = p->served;
        out.responses_429 = p->responses_429;
        out.fallbacks = p->fallbacks;
    }
    for (const auto& seen : seen_) {
        if (seen.name != provider) continue;
        out.rpm_peak = seen.rpm_peak;
        out.rpm_limit = seen.rpm_limit;
        out.latency_avg_ms = seen.latency_avg_ms;
        out.last_429_time = seen.last_429_time;
    }
    return out;
}

std::vector<std::string> Timeline::names() const {
    std::vector<std::string> out;
    for (const auto& seen : seen_) out.push_back(seen.name);
    if (last_)
        for (const auto& p : last_->providers)
            if (std::find(out.begin(), out.end(), p.name) == out.end()) out.push_back(p.name);
    return out;
}

result::WitnessCheck compare(const ReportedCounts& reported,
                             const measure::ProviderTable& responses) {
    result::WitnessCheck check;
    check.check = "reported";
    check.bound = "reported = responses";
    if (responses.all().empty() || reported.providers.empty()) {
        check.sentence = responses.all().empty() ? "no response names the provider that served"
                                                 : "the target reports no requests per provider";
        return check;
    }
    std::string wrong;
    bool more_only = true;
    bool compared = false;
    for (const auto& theirs : reported.providers) {
        std::uint64_t ok = 0, fallbacks = 0;
        for (const auto& ours : responses.all()) {
            if (ours.name != theirs.name) continue;
            ok = ours.ok;
            fallbacks = ours.fallbacks;
        }
        const auto hold = [&](const Count& says, std::uint64_t is, const char* what) {
            if (!says) return;
            compared = true;
            check.judged += is;
            if (*says == is) return;
            more_only = more_only && *says > is;
            wrong +=
                fmt::format("{}{} {}: {} reported, {} in responses", wrong.empty() ? "" : "; ",
                            theirs.name, what, result::thousands(*says), result::thousands(is));
        };
        hold(theirs.served, ok, "served");
        hold(theirs.fallbacks, fallbacks, "served as fallback");
    }
    if (!compared) {
        check.sentence = "the target reports neither requests served nor fallbacks per provider";
        return check;
    }
    check.answer = wrong.empty() ? result::WitnessAnswer::kept : result::WitnessAnswer::broken;
    check.actual = wrong.empty() ? "equal" : "different";
    check.sentence = wrong.empty()
                         ? "who served, and how often as fallback, is reported as the responses say"
                         : wrong + (more_only ? " (or others used the target, too)" : "");
    return check;
}

}  // namespace squadload::observe
