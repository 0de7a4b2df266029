#include "load/measure/rounded_times.h"

#include <algorithm>

namespace squadload::measure {
namespace {

constexpr std::uint64_t kMs = 1'000'000;  // ns

// Slots: 0 … 100 ms, then 110 … 1,000, 1,100 … 10,000 and 11,000 … ms.
constexpr std::uint32_t kTens = 100, kHundreds = 190, kThousands = 280;
constexpr std::uint32_t kSlots = kThousands + (RoundedTimes::kLongest - 10'000) / 1000 + 1;

// How many times kUnit ms, half to even. The unit is known to the compiler: it multiplies.
template <std::uint64_t kUnit>
std::uint32_t multiples(std::uint64_t ns) {
    constexpr std::uint64_t kUnitNs = kUnit * kMs;
    const std::uint64_t whole = ns / kUnitNs;
    const bool up = ns % kUnitNs + whole % 2 > kUnitNs / 2;
    return static_cast<std::uint32_t>(whole) + (up ? 1 : 0);
}

}  // namespace

std::uint32_t RoundedTimes::slot_of(Nanos value) {
    const auto ns = static_cast<std::uint64_t>(
        std::clamp<std::int64_t>(value.count(), 0, std::int64_t{kLongest} * std::int64_t{kMs}));
    // Ten multiples are behind where a coarser unit begins.
    if (ns < 100 * kMs) return multiples<1>(ns);
    if (ns < 1000 * kMs) return kTens - 10 + multiples<10>(ns);
    if (ns < 10'000 * kMs) return kHundreds - 10 + multiples<100>(ns);
    return kThousands - 10 + multiples<1000>(ns);
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
    const std::uint32_t slot = slot_of(Nanos{std::int64_t{ms} * std::int64_t{kMs}});
    if (ms_of(slot) != ms) return false;
    add_slot(slot, count);
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
