#include "load/measure/rounded_times.h"

#include <algorithm>

namespace squadload::measure {
namespace {

constexpr std::int64_t kMs = 1'000'000;  // ns

// Slots: 0 … 100 ms, then 110 … 1,000, 1,100 … 10,000 and 11,000 … ms.
constexpr std::uint32_t kTens = 100, kHundreds = 190, kThousands = 280;
constexpr std::uint32_t kSlots = kThousands + (RoundedTimes::kLongest - 10'000) / 1000 + 1;

// To a multiple of kUnit ms, half to even. The unit is known to the compiler: no division is left.
template <std::int64_t kUnit>
std::uint32_t to_multiple(std::int64_t ns) {
    const std::int64_t whole = ns / (kUnit * kMs);
    const std::int64_t rest = ns % (kUnit * kMs);
    const bool up = rest * 2 > kUnit * kMs || (rest * 2 == kUnit * kMs && whole % 2 == 1);
    return static_cast<std::uint32_t>((whole + (up ? 1 : 0)) * kUnit);
}

}  // namespace

std::uint32_t RoundedTimes::rounded(Nanos value) {
    const std::int64_t ns =
        std::clamp<std::int64_t>(value.count(), 0, std::int64_t{kLongest} * kMs);
    if (ns < 100 * kMs) return to_multiple<1>(ns);
    if (ns < 1000 * kMs) return to_multiple<10>(ns);
    if (ns < 10'000 * kMs) return to_multiple<100>(ns);
    return to_multiple<1000>(ns);
}

std::uint32_t RoundedTimes::slot_of(std::uint32_t ms) {
    if (ms <= 100) return ms;
    if (ms <= 1000) return kTens + (ms - 100) / 10;
    if (ms <= 10'000) return kHundreds + (ms - 1000) / 100;
    return kThousands + (ms - 10'000) / 1000;
}

std::uint32_t RoundedTimes::ms_of(std::uint32_t slot) {
    if (slot <= kTens) return slot;
    if (slot <= kHundreds) return 100 + (slot - kTens) * 10;
    if (slot <= kThousands) return 1000 + (slot - kHundreds) * 100;
    return 10'000 + (slot - kThousands) * 1000;
}

void RoundedTimes::grow(std::uint32_t slot) {
    counts_.resize(slot <= kThousands ? kThousands + 1 : kSlots);
}

void RoundedTimes::merge(const RoundedTimes& other) {
    if (other.count_ == 0) return;
    if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
}

void RoundedTimes::clear() {
    if (count_ > 0) std::fill(counts_.begin(), counts_.end(), 0);
    count_ = 0;
}

void RoundedTimes::for_each(
    const std::function<void(std::uint32_t ms, std::uint64_t count)>& visit) const {
    for (std::uint32_t slot = 0; slot < counts_.size(); ++slot)
        if (counts_[slot] > 0) visit(ms_of(slot), counts_[slot]);
}

bool RoundedTimes::add(std::uint32_t ms, std::uint64_t count) {
    if (ms > kLongest || rounded(Nanos{std::int64_t{ms} * kMs}) != ms) return false;
    add_slot(slot_of(ms), count);
    return true;
}

bool operator==(const RoundedTimes& a, const RoundedTimes& b) {
    if (a.count_ != b.count_) return false;
    const auto& longer = a.counts_.size() < b.counts_.size() ? b.counts_ : a.counts_;
    const auto& shorter = a.counts_.size() < b.counts_.size() ? a.counts_ : b.counts_;
    return std::equal(shorter.begin(), shorter.end(), longer.begin()) &&
           std::all_of(longer.begin() + static_cast<std::ptrdiff_t>(shorter.size()), longer.end(),
                       [](std::uint64_t n) { return n == 0; });
}

}  // namespace squadload::measure
