// Iterations of one task with several steps: how they ended, and how long they took. Merges
// exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/measure/histogram.h"

namespace squadload::measure {

enum class IterationEnd : std::uint8_t {
    ok,      // every request it sent was ok
    failed,  // a request was not, or could not be sent
    cut_off  // the run ended in the middle of it
};

struct IterationStats {
    static constexpr std::size_t kMaxReasons = 50;
    // Why iterations failed.
    struct Reason {
        std::string text;  // "at ask: timeout", "before ask: token is not set"
        std::uint64_t count = 0;
        friend bool operator==(const Reason&, const Reason&) = default;
    };

    std::uint64_t ok = 0;
    std::uint64_t failed = 0;
    std::uint64_t cut_off = 0;
    // From the intended start of the first request to the end of the last response, thinking
    // included. Of those that were ok or failed, and sent at least one request.
    Histogram time;
    std::vector<Reason> reasons;  // in the order of their first occurrence

    [[nodiscard]] std::uint64_t started() const { return ok + failed + cut_off; }
    // Shares; 0 of nothing. What was cut off says nothing about the others: ok and failed are
    // shares of the iterations that came to their end and add up to 1, cut_off one of all started.
    [[nodiscard]] double rate(IterationEnd end) const;
    [[nodiscard]] std::uint64_t rate_base(IterationEnd end) const {  // the number it is a share of
        return end == IterationEnd::cut_off ? started() : ok + failed;
    }
    void add(IterationEnd end);
    // Past kMaxReasons, further ones count together as "other reasons".
    void add_reason(std::string_view text, std::uint64_t count = 1);
    void merge(const IterationStats& other);
    void clear();
};

}  // namespace squadload::measure
