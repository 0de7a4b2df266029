#include "target/limits/rate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace squadload::limits {

Rate rate_of(Wide amount, Wide per_ns) {
    constexpr Wide kLargest = std::numeric_limits<std::int64_t>::max();
    Wide divisor = per_ns;  // Euclid's
    for (Wide rest = amount; rest != 0;) {
        const Wide next = divisor % rest;
        divisor = rest;
        rest = next;
    }
    amount /= divisor;
    per_ns /= divisor;
    int shift = 0;
    while ((amount >> shift) > kLargest || (per_ns >> shift) >= kLargest) ++shift;
    const Wide round_up = shift == 0 ? 0 : (Wide{1} << shift) - 1;
    return {static_cast<std::int64_t>(amount >> shift),
            Nanos{static_cast<std::int64_t>((per_ns + round_up) >> shift)}};
}

Rate scaled(Rate rate, double factor) {
    constexpr std::int64_t kParts = 1'000'000;
    // The small addition keeps 0.29 from becoming 289,999 parts.
    const double parts = std::floor(std::clamp(factor, 0.0, 1.0) * double{kParts} + 1e-6);
    return rate_of(Wide{rate.amount} * static_cast<std::int64_t>(parts),
                   Wide{rate.per.count()} * kParts);
}

BucketShape guarded(Rate rate, std::int64_t depth, Nanos guard) {
    if (guard <= Nanos::zero() || rate.amount == 0) return {rate, depth};
    const Wide per = rate.per.count();
    const Wide on_the_way = Wide{rate.amount} * guard.count();  // r g × per
    const Wide wanted = (on_the_way + per - 1) / per;           // ceil(r g)
    if (wanted <= depth - 1) return {rate, depth - static_cast<std::int64_t>(wanted)};
    return {rate_of(Wide{rate.amount} * depth, per + on_the_way), 1};
}

}  // namespace squadload::limits
