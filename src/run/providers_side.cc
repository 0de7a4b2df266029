#include "run/providers_side.h"

#include <fmt/format.h>

#include <algorithm>

#include "judge/result/figures.h"

namespace squadload::run {
namespace {

result::ProviderResult& of(std::vector<result::ProviderResult>& all, const std::string& name) {
    for (auto& p : all)
        if (p.name == name) return p;
    auto& fresh = all.emplace_back();
    fresh.name = name;
    fresh.source = "metrics";
    return fresh;
}

void add_responses(const measure::ProviderStats& stats, result::ProviderResult& p) {
    p.responses.responses = stats.responses;
    p.responses.ok = stats.ok;
    p.responses.fallbacks = stats.fallbacks;
    for (const auto& reason : stats.reasons)
        p.responses.fallback_reasons.push_back({reason.text, reason.count});
    p.responses.attempts = stats.attempts;
    p.responses.with_attempts = stats.with_attempts;
    p.responses.prompt_tokens = static_cast<std::uint64_t>(stats.prompt_tokens);
    p.responses.completion_tokens = static_cast<std::uint64_t>(stats.completion_tokens);
    p.responses.response_time = stats.response_time;
}

// Where nobody saw the calls themselves, what the responses say stands for them.
void count_by_responses(result::ProviderResult& p) {
    p.source = "responses";
    p.ok = p.responses.ok;
    p.failed = p.responses.responses - p.responses.ok;
    p.served_as_fallback = p.responses.fallbacks;
    p.time = p.responses.response_time;
}

void count_by_report(result::ProviderResult& p) {
    const auto& r = p.reported;
    p.responses_429 = r.responses_429.value_or(0);
    p.ok = r.served.value_or(0);
    if (r.calls) p.failed = *r.calls - std::min(*r.calls, p.ok + p.responses_429);
    p.served_as_fallback = std::min(p.ok, r.fallbacks.value_or(0));
}

void add_series(const Ran& ran, result::ProviderResult& p) {
    constexpr std::size_t kMinute = 60;
    p.series.resize(ran.measured.series.size());
    for (std::size_t s = 0; s < p.series.size(); ++s)
        p.series[s].second = static_cast<std::uint32_t>(s);
    for (const auto& one : ran.provider_seconds) {
        if (one.provider != p.name || one.second >= p.series.size()) continue;
        auto& point = p.series[one.second];
        point.calls += one.responses;
        point.ok += one.ok;
        point.served_as_fallback += one.fallbacks;
    }
    std::uint64_t sum = 0;
    for (std::size_t s = 0; s < p.series.size(); ++s) {
        sum += p.series[s].calls;
        if (s >= kMinute) sum -= p.series[s - kMinute].calls;
        p.series[s].per_minute = static_cast<double>(sum);
        p.peak_per_minute = std::max(p.peak_per_minute, sum);
    }
}

}  // namespace

std::vector<result::ProviderResult> assemble_providers(
    std::vector<result::ProviderResult> witnessed, const Ran& ran,
    const observe::Timeline& timeline) {
    const bool seen = !witnessed.empty();
    auto out = std::move(witnessed);
    for (const auto& name : timeline.names()) (void)of(out, name);
    for (const auto& stats : ran.measured.providers.all()) {
        if (stats.responses > 0) add_responses(stats, of(out, stats.name));
    }
    for (auto& p : out) {
        p.reported = timeline.of(p.name);
        if (p.limit_per_minute == 0 && p.reported.rpm_limit)
            p.limit_per_minute = static_cast<std::uint64_t>(*p.reported.rpm_limit);
        if (seen && p.source == "arrivals") continue;
        p.responses.responses > 0 ? count_by_responses(p) : count_by_report(p);
        add_series(ran, p);
    }
    return out;
}

Result<void> ProvidersSide::open_witness(const scenario::Scenario& scenario) {
    if (witness_ && witness_->url() == scenario.witness_url) return {};
    auto opened = WitnessSource::open(scenario.witness_url, scenario.target, network_);
    if (!opened) {
        Error error = opened.error();
        error.message = "the witness: " + error.message;
        return tl::unexpected(std::move(error));
    }
    witness_ = *std::move(opened);
    return check_events(all_events_, witness_->simulators());
}

Result<void> ProvidersSide::begin(engine::Plan& plan) {
    const auto& scenario = plan.scenario;
    log_.clear();
    declared_.clear();
    if (!scenario.witness_url.empty()) {
        if (auto opened = open_witness(scenario); !opened) return opened;
        if (auto begun = witness_->begin(); !begun) return begun;
        plan.most_claims = kMostClaims;
    }
    if (!scenario.events.empty()) {
        auto client = SideClient::make(scenario.witness_url, network_);
        if (!client) return tl::unexpected(client.error());
        events_ = std::make_unique<EventDriver>(scenario.events, *std::move(client));
    }
    if (scenario.observe.enabled && scenario.attribution.any()) {
        auto client = SideClient::make(scenario.target, network_);
        if (!client) return tl::unexpected(client.error());
        observer_ = std::make_unique<Observer>(scenario.observe, scenario.attribution.preset,
                                               *std::move(client));
        observer_->start();
    }
    if (events_) events_->start();
    return {};
}

void ProvidersSide::finish(const Judged& judged, const verdict::Policy& policy, Ran& ran) {
    auto& s = ran.result;
    const auto& scenario = judged.scenario;
    if (events_) s.events = events_->finish(ran.measured.duration);
    events_.reset();
    Observed observed;
    if (observer_) observed = observer_->finish();
    observer_.reset();
    std::optional<result::ReportedCounts> reported;
    if (observed.timeline.any()) reported = observed.timeline.delta();
    std::vector<result::ProviderResult> witnessed;
    if (witness_ && !scenario.witness_url.empty()) {
        auto found = witness_->finish(ran.measured, reported, scenario.time_scale);
        if (found) {
            witnessed = std::move(found->providers);
            s.witness = std::move(found->checks);
            s.notes.insert(s.notes.end(), found->notes.begin(), found->notes.end());
            log_ = std::move(found->log);
            declared_ = std::move(found->declared);
        } else {
            s.notes.push_back("the witness could not be heard: " + found.error().message);
        }
    }
    if (reported) s.witness.push_back(observe::compare(*reported, ran.measured.providers));
    s.providers = assemble_providers(std::move(witnessed), ran, observed.timeline);
    s.provider_columns = {scenario.providers.track_rpm, scenario.providers.track_fallback,
                          scenario.providers.track_429s};
    s.time_scale = scenario.time_scale;
    if (observed.failed > 0)
        s.notes.push_back(fmt::format("{} of {} at /health and /metrics were not answered: {}",
                                      result::thousands(observed.failed),
                                      result::plural(observed.looks, "look"),
                                      observed.last_failure));
    if (observed.timeline.restarted())
        s.notes.emplace_back(
            "the target's counters fell: it was restarted, so what it reports is "
            "not counted");
    verdict::conclude_providers(s, judged.provider_bounds, policy);
}

}  // namespace squadload::run
