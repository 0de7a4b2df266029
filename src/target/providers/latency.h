// How long a simulated call takes and how much it answers: pure draws by seed and call number.
//
//   time to first token   lognormal: p50 · exp(sigma z), sigma = ln(p99 / p50) / 2.3263 (the normal
//                         distribution's 99th percentile), so that median and p99 are as given
//   completion tokens     uniform in [min, max], cut at the call's max_tokens
//   whole answer          time to first token + (tokens - 1) / tokens_per_s
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace squadload::providers {

struct LatencySettings {
    Nanos ttft_p50 = std::chrono::milliseconds(100);  // > 0
    Nanos ttft_p99 = std::chrono::milliseconds(500);  // >= ttft_p50; the same: always that long
    double tokens_per_s = 280;                        // > 0
    std::int64_t completion_min = 60;                 // >= 1
    std::int64_t completion_max = 100;                // >= completion_min
    friend bool operator==(const LatencySettings&, const LatencySettings&) = default;
};

struct Draw {
    Nanos ttft{};
    std::int64_t completion_tokens = 0;
    bool cut = false;  // max_tokens ended the completion
};

// No time to first token is longer than this, whatever the distribution's tail says.
inline constexpr Nanos kLongestTtft = std::chrono::minutes(5);

// `number` counts the provider's calls from 1. max_tokens: 0 when the call set no bound.
[[nodiscard]] Draw draw(const LatencySettings& settings, std::uint64_t seed, std::uint64_t number,
                        std::int64_t max_tokens);

// No answer takes longer than this, whatever slows it down.
inline constexpr Nanos kLongestAnswer = std::chrono::minutes(10);

// From the call's turn to the end of its answer, times `scale` (>= 0).
[[nodiscard]] Nanos answer_time(const LatencySettings& settings, const Draw& draw, double scale);

// A seed of one provider's own, so that two providers of one simulator draw independently.
[[nodiscard]] std::uint64_t seed_of(std::uint64_t seed, std::string_view provider);

}  // namespace squadload::providers
