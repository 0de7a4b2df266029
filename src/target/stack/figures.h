// What the arrival log says of each provider, beside what the gateway was told. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "arrivals/arrival.h"
#include "base/time.h"

namespace squadload::stack {

struct ProviderFigures {
    std::string name;
    std::uint64_t limit_per_minute = 0;  // requests, as the gateway declares it; 0: none
    std::uint64_t calls = 0;             // that reached the provider: ok + responses_429 + failed
    std::uint64_t ok = 0;                // answered 2xx
    std::uint64_t responses_429 = 0;
    std::uint64_t failed = 0;              // every other end, or none yet
    std::uint64_t served_as_fallback = 0;  // ok calls of agents whose chain begins elsewhere
    std::uint64_t peak_per_minute = 0;     // most calls in any (t − window, t], refused ones too
    std::vector<Nanos> times;              // of ok calls, from arrival to the last byte
};

// The part of the gateway's configuration that figures are seen against.
struct Plan {
    std::vector<ProviderFigures> providers;       // names and limits, in the configured order
    std::map<std::string, std::string> first_of;  // by agent: the provider its chain begins with
    Nanos window = std::chrono::seconds(60);
};

// Figures in the plan's order. `calls` by time of arrival; those of other providers are left out.
[[nodiscard]] std::vector<ProviderFigures> figures(const Plan& plan,
                                                   const std::vector<arrivals::Arrival>& calls);

}  // namespace squadload::stack
