// Log-linear histogram of durations (as HdrHistogram: Tene 2012), 1 ns resolution up to 2048 ns,
// then 1,024 steps per octave: relative error below 1/1024 over 1 µs … 1 h. Values of 2.4 h and
// more are counted in the last bucket with their true maximum kept; nothing is dropped. Merging is
// exact: merge(a, b) equals recording everything into one.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>

#include "base/time.h"

namespace squadload::measure {

class Histogram {
  public:
    Histogram() = default;
    Histogram(const Histogram& other);
    Histogram& operator=(const Histogram& other);  // keeps this one's memory
    Histogram(Histogram&& other) noexcept;         // leaves `other` empty
    Histogram& operator=(Histogram&& other) noexcept;
    ~Histogram() = default;

    // Negative values count as 0. Allocates only on the first value of an octave; clear() keeps the
    // memory.
    void record(Nanos value, std::uint64_t n = 1) {
        if (n == 0) return;
        const std::int64_t v = std::max<std::int64_t>(value.count(), 0);
        const std::uint32_t bucket = bucket_of(Nanos{v});
        block(bucket / kBlock)[bucket % kBlock] += n;
        count_ += n;
        sum_ += static_cast<Sum>(v) * n;
        min_ = std::min(min_, v);
        max_ = std::max(max_, v);
    }
    void merge(const Histogram& other);
    void clear();

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] Nanos min() const { return Nanos{count_ == 0 ? 0 : min_}; }  // exact; 0 if empty
    [[nodiscard]] Nanos max() const { return Nanos{max_}; }                    // exact; 0 if empty
    [[nodiscard]] double mean_ns() const;  // exact sum / count; 0 when empty
    [[nodiscard]] double sum_ns() const { return static_cast<double>(sum_); }
    // Nearest rank: the value of rank ceil(q * count) (at least 1), as the middle of its bucket,
    // held within [min, max]. Exact for the first and the last rank; a rank in the last bucket is
    // given as max. q in [0, 1]. 0 when empty.
    [[nodiscard]] Nanos percentile(double q) const;
    [[nodiscard]] std::uint64_t count_at_or_below(Nanos value) const;  // by bucket
    friend bool operator==(const Histogram& a, const Histogram& b);    // same content

    // The exact content, for files: buckets with their count, lowest first, and back.
    void for_each(
        const std::function<void(std::uint32_t bucket, std::uint64_t count)>& visit) const;
    // bucket < bucket_count(). Minimum, maximum and sum are those of bucket ends and middles until
    // restore_extremes, called after the last bucket, gives the true ones (no effect when empty).
    void add_bucket(std::uint32_t bucket, std::uint64_t count);
    void restore_extremes(Nanos min, Nanos max, double sum_ns);  // all >= 0, min <= max

    [[nodiscard]] static std::uint32_t bucket_of(Nanos value) {
        const auto v = static_cast<std::uint64_t>(
            std::clamp<std::int64_t>(value.count(), 0, kLongest.count()));
        // Keeps 11 significant bits; below 2048 the shift is 0 and the bucket the value itself.
        const auto shift = static_cast<std::uint32_t>(std::bit_width(v | kBlock)) - 11;
        return shift * kBlock + static_cast<std::uint32_t>(v >> shift);
    }
    [[nodiscard]] static Nanos bucket_low(std::uint32_t bucket);
    // Inclusive; the last bucket also holds everything longer.
    [[nodiscard]] static Nanos bucket_high(std::uint32_t bucket);
    [[nodiscard]] static constexpr std::uint32_t bucket_count() { return kBlock * kBlocks; }

  private:
    static constexpr std::uint32_t kBlock = 1024;  // buckets per octave
    static constexpr std::uint32_t kBlocks = 34;   // 2 linear blocks, then octaves up to 2^43 ns
    static constexpr Nanos kLongest{(std::int64_t{1} << 43) - 1};
    using Block = std::array<std::uint64_t, kBlock>;
    __extension__ using Sum = unsigned __int128;  // of up to 2^64 values of up to 2^63 ns

    Block& block(std::uint32_t index) {
        touched_ |= std::uint64_t{1} << index;
        if (blocks_[index] == nullptr) [[unlikely]] {
            allocate(index);
        }
        return *blocks_[index];
    }
    void allocate(std::uint32_t index);
    void swap(Histogram& other) noexcept;
    template <class Visit>
    void for_touched(Visit visit) const;  // visit(block index), lowest first

    std::array<std::unique_ptr<Block>, kBlocks> blocks_{};
    std::uint64_t touched_ = 0;  // bit i: block i may hold counts
    std::uint64_t count_ = 0;
    Sum sum_ = 0;
    std::int64_t min_ = std::numeric_limits<std::int64_t>::max();
    std::int64_t max_ = 0;
};

}  // namespace squadload::measure
