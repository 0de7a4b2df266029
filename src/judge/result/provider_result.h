// What is known of one provider: from its own side (arrival log), from the responses that named it,
// and from what the target reports. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/measure/histogram.h"

namespace squadload::result {

// A run of 429s: at least three, none more than five seconds (at scale 1) after the one before it.
struct Spike429 {
    double at_s = 0;        // of the first, since the start of the scenario
    double duration_s = 0;  // from the first to the last
    std::uint64_t count = 0;
    friend bool operator==(const Spike429&, const Spike429&) = default;
};

// One second, by the source of the counts.
struct ProviderPoint {
    std::uint32_t second = 0;
    std::uint64_t calls = 0, ok = 0, responses_429 = 0, served_as_fallback = 0;
    double per_minute = 0;  // calls in the window that ends with this second
    friend bool operator==(const ProviderPoint&, const ProviderPoint&) = default;
};

struct ReasonCount {
    std::string reason;
    std::uint64_t count = 0;
    friend bool operator==(const ReasonCount&, const ReasonCount&) = default;
};

// Of the responses that named it as the one that served.
struct ProviderResponses {
    std::uint64_t responses = 0;
    std::uint64_t ok = 0;
    std::uint64_t fallbacks = 0;  // of responses: marked as served by fallback
    std::vector<ReasonCount> fallback_reasons;
    std::uint64_t attempts = 0;       // calls these responses tell of, to any provider
    std::uint64_t with_attempts = 0;  // responses that tell
    std::uint64_t prompt_tokens = 0, completion_tokens = 0;
    measure::Histogram response_time;  // as the client felt it
};

// What the target itself says of it; none: not reported.
struct ProviderReported {
    std::optional<std::uint64_t> calls, served, responses_429, fallbacks;  // in this scenario
    std::optional<double> rpm_peak, rpm_limit, latency_avg_ms;
    std::optional<std::string> last_429_time;  // as the target writes it
};

struct ProviderResult {
    std::string name;
    std::uint64_t limit_per_minute = 0;  // requests, as the gateway declares it; 0: none known
    // Where the counts come from: "arrivals" (the provider's own log), "responses" (those that
    // named it; calls that failed over to another are then unknown) or "metrics" (the target's).
    std::string source = "arrivals";
    std::uint64_t ok = 0;  // calls answered 2xx
    std::uint64_t responses_429 = 0;
    std::uint64_t failed = 0;              // every other end
    std::uint64_t served_as_fallback = 0;  // of ok: by another than the first of the chain
    std::uint64_t peak_per_minute = 0;     // most calls in any minute
    measure::Histogram time;               // of ok calls, seen from the source
    std::optional<double> last_429_at_s;   // since the start of the scenario
    std::vector<Spike429> spikes;
    std::vector<ProviderPoint> series;  // empty, or one per second without gaps
    ProviderResponses responses;
    ProviderReported reported;

    [[nodiscard]] std::uint64_t calls() const { return ok + responses_429 + failed; }
};
// The provider's calls over those of all; 0 without any.
[[nodiscard]] double share(const ProviderResult& provider, const std::vector<ProviderResult>& all);
[[nodiscard]] std::uint64_t fallbacks(const std::vector<ProviderResult>& all);

}  // namespace squadload::result
