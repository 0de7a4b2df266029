#include "target/providers/latency.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.h"

namespace squadload::providers {
namespace {

constexpr double kNormalP99 = 2.3263478740408408;

// Box and Muller 1958, "A note on the generation of random normal deviates".
double normal(Random& random) {
    const double radius = std::sqrt(2 * random.exponential());
    return radius * std::cos(2 * std::numbers::pi * random.unit());
}

}  // namespace

Draw draw(const LatencySettings& settings, std::uint64_t seed, std::uint64_t number,
          std::int64_t max_tokens) {
    Random random(seed, RandomStream::provider_latency, number);
    const double p50 = to_seconds(settings.ttft_p50);
    const double sigma = std::log(to_seconds(settings.ttft_p99) / p50) / kNormalP99;
    Draw drawn;
    const double ttft = p50 * std::exp(sigma * normal(random));
    drawn.ttft = from_seconds(std::min(ttft, to_seconds(kLongestTtft)));
    drawn.completion_tokens = random.between(settings.completion_min, settings.completion_max);
    if (max_tokens > 0 && drawn.completion_tokens > max_tokens) {
        drawn.completion_tokens = max_tokens;
        drawn.cut = true;
    }
    return drawn;
}

Nanos answer_time(const LatencySettings& settings, const Draw& draw, double scale) {
    const double decode = static_cast<double>(draw.completion_tokens - 1) / settings.tokens_per_s;
    const double whole = (to_seconds(draw.ttft) + std::max(decode, 0.0)) * scale;
    return from_seconds(std::min(whole, to_seconds(kLongestAnswer)));
}

std::uint64_t seed_of(std::uint64_t seed, std::string_view provider) {
    // FNV-1a, 64 bits (Fowler, Noll, Vo): spreads names; Random mixes the rest.
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : provider) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    return hash ^ seed;
}

}  // namespace squadload::providers
