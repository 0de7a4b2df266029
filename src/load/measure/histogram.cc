#include "load/measure/histogram.h"

#include <cmath>
#include <utility>

#include "base/check.h"

namespace squadload::measure {

template <class Visit>
void Histogram::for_touched(Visit visit) const {
    for (std::uint64_t left = touched_; left != 0; left &= left - 1) {
        visit(static_cast<std::uint32_t>(std::countr_zero(left)));
    }
}

Histogram::Histogram(const Histogram& other) {
    merge(other);
}

Histogram& Histogram::operator=(const Histogram& other) {
    if (this == &other) return *this;
    clear();
    merge(other);
    return *this;
}

Histogram::Histogram(Histogram&& other) noexcept {
    swap(other);
}

Histogram& Histogram::operator=(Histogram&& other) noexcept {
    Histogram taken(std::move(other));
    swap(taken);
    return *this;
}

void Histogram::swap(Histogram& other) noexcept {
    blocks_.swap(other.blocks_);
    std::swap(touched_, other.touched_);
    std::swap(count_, other.count_);
    std::swap(sum_, other.sum_);
    std::swap(min_, other.min_);
    std::swap(max_, other.max_);
}

void Histogram::allocate(std::uint32_t index) {
    blocks_[index] = std::make_unique<Block>();
}

void Histogram::merge(const Histogram& other) {
    other.for_touched([&](std::uint32_t index) {
        Block& mine = block(index);
        const Block& theirs = *other.blocks_[index];
        for (std::uint32_t i = 0; i < kBlock; ++i) mine[i] += theirs[i];
    });
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

void Histogram::clear() {
    for_touched([this](std::uint32_t index) { blocks_[index]->fill(0); });
    touched_ = 0;
    count_ = 0;
    sum_ = 0;
    min_ = std::numeric_limits<std::int64_t>::max();
    max_ = 0;
}

double Histogram::mean_ns() const {
    if (count_ == 0) return 0;
    return static_cast<double>(static_cast<long double>(sum_) / static_cast<long double>(count_));
}

Nanos Histogram::percentile(double q) const {
    if (count_ == 0) return Nanos{0};
    // q is a rounded decimal: 0.07 * 100 is a hair above 7 and still means rank 7.
    const long double exact = static_cast<long double>(q) * static_cast<long double>(count_);
    const long double rounded = std::ceil(exact * (1 - 0x1p-51L));
    if (rounded >= static_cast<long double>(count_)) return max();
    const auto rank = rounded > 1 ? static_cast<std::uint64_t>(rounded) : std::uint64_t{1};
    if (rank == 1) return min();

    std::uint64_t seen = 0;
    std::uint32_t found = bucket_count() - 1;
    for (std::uint64_t left = touched_; left != 0 && seen < rank; left &= left - 1) {
        const auto index = static_cast<std::uint32_t>(std::countr_zero(left));
        for (std::uint32_t i = 0; i < kBlock && seen < rank; ++i) {
            seen += (*blocks_[index])[i];
            found = index * kBlock + i;
        }
    }
    if (found == bucket_count() - 1) return max();
    const Nanos middle = (bucket_low(found) + bucket_high(found)) / 2;
    return std::clamp(middle, min(), max());
}

std::uint64_t Histogram::count_at_or_below(Nanos value) const {
    if (value >= max()) return value.count() < 0 ? 0 : count_;
    if (value < min()) return 0;
    const std::uint32_t last = bucket_of(value);
    std::uint64_t sum = 0;
    for_each([&](std::uint32_t bucket, std::uint64_t count) {
        if (bucket <= last) sum += count;
    });
    return sum;
}

bool operator==(const Histogram& a, const Histogram& b) {
    if (a.count_ != b.count_ || a.sum_ != b.sum_ || a.min_ != b.min_ || a.max_ != b.max_) {
        return false;
    }
    static constexpr Histogram::Block kNothing{};
    const auto content = [](const Histogram& h, std::uint32_t index) -> const Histogram::Block& {
        return h.blocks_[index] ? *h.blocks_[index] : kNothing;
    };
    for (std::uint32_t i = 0; i < Histogram::kBlocks; ++i) {
        if (content(a, i) != content(b, i)) return false;
    }
    return true;
}

void Histogram::for_each(
    const std::function<void(std::uint32_t bucket, std::uint64_t count)>& visit) const {
    for_touched([&](std::uint32_t index) {
        for (std::uint32_t i = 0; i < kBlock; ++i) {
            const std::uint64_t count = (*blocks_[index])[i];
            if (count != 0) visit(index * kBlock + i, count);
        }
    });
}

void Histogram::add_bucket(std::uint32_t bucket, std::uint64_t count) {
    SQUADLOAD_CHECK(bucket < bucket_count());
    if (count == 0) return;
    const std::int64_t low = bucket_low(bucket).count();
    const std::int64_t high = bucket_high(bucket).count();
    block(bucket / kBlock)[bucket % kBlock] += count;
    count_ += count;
    sum_ += static_cast<Sum>(low + (high - low) / 2) * count;
    min_ = std::min(min_, low);
    max_ = std::max(max_, high);
}

void Histogram::restore_extremes(Nanos min, Nanos max, double sum_ns) {
    SQUADLOAD_CHECK(min >= Nanos{0} && min <= max);
    SQUADLOAD_CHECK(sum_ns >= 0 && sum_ns <= 0x1p127);
    if (count_ == 0) return;
    min_ = min.count();
    max_ = max.count();
    sum_ = static_cast<Sum>(sum_ns);
}

Nanos Histogram::bucket_low(std::uint32_t bucket) {
    const std::uint32_t shift = bucket < 2 * kBlock ? 0 : bucket / kBlock - 1;
    return Nanos{static_cast<std::int64_t>(bucket - shift * kBlock) << shift};
}

Nanos Histogram::bucket_high(std::uint32_t bucket) {
    const std::uint32_t shift = bucket < 2 * kBlock ? 0 : bucket / kBlock - 1;
    return bucket_low(bucket) + Nanos{(std::int64_t{1} << shift) - 1};
}

}  // namespace squadload::measure
