// Response times rounded as Locust rounds them (locust/stats.py, StatsEntry._log_response_time):
// whole milliseconds below 100 ms, then to 10, 100 and 1,000 ms, half to even. What Locust's files
// and its master show is computed from these; every figure of our own from the exact histogram.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.h"

namespace squadload::measure {

class RoundedTimes {
  public:
    static constexpr std::uint32_t kLongest = 3'600'000;  // ms; what is longer counts as this

    // Negative values count as 0. Allocates on the first value and on the first beyond 10 s;
    // clear() keeps the memory.
    void record(Nanos value) { add_slot(slot_of(value), 1); }
    void merge(const RoundedTimes& other);
    void clear();
    [[nodiscard]] std::uint64_t count() const { return count_; }
    // Lowest first.
    void for_each(const std::function<void(std::uint32_t ms, std::uint64_t count)>& visit) const;
    // False, and nothing is added, where `ms` is no value that rounding gives.
    bool add(std::uint32_t ms, std::uint64_t count);
    friend bool operator==(const RoundedTimes& a, const RoundedTimes& b);  // same content

    [[nodiscard]] static std::uint32_t rounded(Nanos value) { return ms_of(slot_of(value)); }  // ms

  private:
    static std::uint32_t slot_of(Nanos value);
    static std::uint32_t ms_of(std::uint32_t slot);
    void add_slot(std::uint32_t slot, std::uint64_t n) {
        if (slot >= counts_.size()) [[unlikely]]
            grow(slot);
        counts_[slot] += n;
        count_ += n;
    }
    void grow(std::uint32_t slot);

    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
};

}  // namespace squadload::measure
