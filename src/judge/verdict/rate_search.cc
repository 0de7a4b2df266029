#include "judge/verdict/rate_search.h"

#include <algorithm>
#include <cmath>

namespace squadload::verdict {

std::optional<double> RateSearch::next() const {
    if (!held_) return broken_ ? std::nullopt : std::optional(from_);
    if (!broken_) {
        if (*held_ >= to_) return std::nullopt;
        return std::min(to_, *held_ * 2);
    }
    if (*broken_ <= *held_ * (1 + precision_)) return std::nullopt;
    return std::sqrt(*held_ * *broken_);
}

void RateSearch::tried(double rate, bool held) {
    if (held)
        held_ = std::max(held_.value_or(rate), rate);
    else
        broken_ = std::min(broken_.value_or(rate), rate);
}

}  // namespace squadload::verdict
