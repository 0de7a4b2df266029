// Brute force, straight from the definitions in the headers; shares nothing with what it judges but
// Rate and Wide.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "target/limits/rate.h"

namespace squadload::limits::oracle {

struct Call {
    MonoTime at;
    std::int64_t weight = 1;
};
using Calls = std::vector<Call>;  // by time

inline MonoTime at(Nanos t) {
    return MonoTime{} + t;
}

inline Random random(std::uint64_t seed) {
    return {seed, RandomStream::test, 0};
}

inline Calls sorted(Calls calls) {
    std::stable_sort(calls.begin(), calls.end(),
                     [](const Call& a, const Call& b) { return a.at < b.at; });
    return calls;
}

// Weight in (t - window, t].
inline std::int64_t weight_in(const Calls& calls, MonoTime t, Nanos window) {
    std::int64_t sum = 0;
    for (const Call& call : calls) {
        if (call.at <= t && t - call.at < window) sum += call.weight;
    }
    return sum;
}

// The greatest weight_in() of any t: it is reached at a call. O(n²).
inline std::int64_t most_in_window(const Calls& calls, Nanos window) {
    std::int64_t most = 0;
    for (const Call& call : calls) most = std::max(most, weight_in(calls, call.at, window));
    return most;
}

// Whether N[s, t] <= depth + rate (t - s) for all s <= t, t the time of the call `last`. O(n).
inline bool bucket_holds_at(const Calls& calls, std::size_t last, Rate rate, std::int64_t depth) {
    Wide sum = 0;
    for (std::size_t i = last + 1; i > 0; --i) {
        const Call& first = calls[i - 1];
        sum += first.weight;
        const Wide passed = (calls[last].at - first.at).count();
        const Wide per = rate.per.count();
        if (sum * per > depth * per + rate.amount * passed) return false;
    }
    return true;
}

// For all s <= t. O(n²).
inline bool bucket_holds(const Calls& calls, Rate rate, std::int64_t depth) {
    for (std::size_t last = 0; last < calls.size(); ++last) {
        if (!bucket_holds_at(calls, last, rate, depth)) return false;
    }
    return true;
}

}  // namespace squadload::limits::oracle
