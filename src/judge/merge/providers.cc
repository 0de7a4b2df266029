#include <fmt/core.h>

#include <algorithm>

#include "judge/merge/internal.h"

namespace squadload::merge::internal {
namespace {

using result::ProviderResult;

constexpr std::size_t kMinute = 60;  // seconds

void add_responses(result::ProviderResponses& sum, const result::ProviderResponses& more) {
    sum.responses += more.responses;
    sum.ok += more.ok;
    sum.fallbacks += more.fallbacks;
    for (const auto& reason : more.fallback_reasons) {
        const auto same =
            std::find_if(sum.fallback_reasons.begin(), sum.fallback_reasons.end(),
                         [&](const auto& known) { return known.reason == reason.reason; });
        if (same != sum.fallback_reasons.end())
            same->count += reason.count;
        else
            sum.fallback_reasons.push_back(reason);
    }
    sum.attempts += more.attempts;
    sum.with_attempts += more.with_attempts;
    sum.prompt_tokens += more.prompt_tokens;
    sum.completion_tokens += more.completion_tokens;
    sum.response_time.merge(more.response_time);
}

void add_series(ProviderResult& sum, const ProviderResult& more, std::uint32_t offset) {
    for (const auto& point : more.series) {
        const std::size_t second = std::size_t{offset} + point.second;
        while (sum.series.size() <= second) {
            auto& fresh = sum.series.emplace_back();
            fresh.second = static_cast<std::uint32_t>(sum.series.size() - 1);
        }
        auto& into = sum.series[second];
        into.calls += point.calls;
        into.ok += point.ok;
        into.responses_429 += point.responses_429;
        into.served_as_fallback += point.served_as_fallback;
    }
}

void finish(ProviderResult& p) {
    p.source = "responses";
    p.ok = p.responses.ok;
    p.failed = p.responses.responses - p.responses.ok;
    p.served_as_fallback = p.responses.fallbacks;
    p.time = p.responses.response_time;
    std::uint64_t sum = 0;
    for (std::size_t s = 0; s < p.series.size(); ++s) {
        sum += p.series[s].calls;
        if (s >= kMinute) sum -= p.series[s - kMinute].calls;
        p.series[s].per_minute = static_cast<double>(sum);
        p.peak_per_minute = std::max(p.peak_per_minute, sum);
    }
}

}  // namespace

std::vector<ProviderResult> merged_providers(const Pieces& pieces,
                                             std::vector<std::string>& notes) {
    std::vector<ProviderResult> out;
    bool counted_there = false;  // at the providers or the target: it saw the load of all parts
    bool logged = false;
    for (const auto& piece : pieces)
        for (const auto& p : piece.scenario->providers) logged = logged || p.source == "arrivals";
    for (const auto& piece : pieces) {
        for (const auto& p : piece.scenario->providers) {
            counted_there = counted_there || p.source != "responses";
            if (p.responses.responses == 0) continue;
            auto same = std::find_if(out.begin(), out.end(),
                                     [&](const auto& known) { return known.name == p.name; });
            if (same == out.end()) {
                same = out.emplace(out.end());
                same->name = p.name;
            }
            same->limit_per_minute = std::max(same->limit_per_minute, p.limit_per_minute);
            add_responses(same->responses, p.responses);
            if (!logged) add_series(*same, p, second_offset(pieces, piece));
            // The log saw every process's calls: its peak is that of all of them.
            if (p.source == "arrivals")
                same->peak_per_minute = std::max(same->peak_per_minute, p.peak_per_minute);
        }
    }
    for (auto& p : out) finish(p);
    if (counted_there)
        notes.emplace_back(
            "providers are counted by the responses that named them: what their log or the target "
            "counted is of the load of all parts in each file, and cannot be merged");
    return out;
}

}  // namespace squadload::merge::internal
