// What responses said about the providers that served them. Merges exactly; bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/measure/claims.h"
#include "load/measure/histogram.h"

namespace squadload::measure {

struct ProviderStats {
    struct Reason {
        std::string text;
        std::uint64_t count = 0;
        friend bool operator==(const Reason&, const Reason&) = default;
    };
    std::string name;
    std::uint64_t responses = 0;  // that named it
    std::uint64_t ok = 0;         // of them, by outcome
    std::uint64_t fallbacks = 0;  // of responses: marked so
    std::vector<Reason> reasons;  // of fallbacks, in the order of their first occurrence
    std::uint64_t attempts = 0;   // calls that responses told of, to any provider
    std::uint64_t with_attempts = 0;
    std::int64_t prompt_tokens = 0, completion_tokens = 0;
    Histogram response_time;  // of ok ones, from the intended start
};

class ProviderTable {
  public:
    // A target may send anything as a name: past so many, further ones count together.
    static constexpr std::size_t kMostProviders = 64;
    static constexpr std::size_t kMostReasons = 32;
    static constexpr std::string_view kOthers = "other providers";

    // `claim.provider` not empty. Allocates for a name or reason seen for the first time.
    void record(const Claim& claim, Nanos response_time);
    void merge(const ProviderTable& other);
    void clear();  // keeps names and memory
    [[nodiscard]] const std::vector<ProviderStats>& all() const { return all_; }

  private:
    ProviderStats& of(std::string_view name);
    std::vector<ProviderStats> all_;
};

}  // namespace squadload::measure
