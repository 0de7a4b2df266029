// What a target says of itself, over one scenario. Plain values; none: not reported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace squadload::result {

struct ReportedCounts {
    struct Provider {
        std::string name;
        std::optional<std::uint64_t> calls;          // sent to it
        std::optional<std::uint64_t> served;         // requests it answered
        std::optional<std::uint64_t> responses_429;  // it gave
        std::optional<std::uint64_t> fallbacks;      // requests it served as fallback
    };
    std::vector<Provider> providers;
    std::optional<std::uint64_t> requests, fallbacks;  // over all
};

}  // namespace squadload::result
