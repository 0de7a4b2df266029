// Log-linear histogram of durations (as HdrHistogram: Tene 2012), 1 ns resolution up to 2048 ns, then 1,024 steps per
// octave: relative error below 1/1024 over 1 µs … 1 h. Longer values are counted in the last bucket with their true
// maximum kept; nothing is dropped. Merging is exact: merge(a, b) equals recording everything into one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.h"

namespace squadload::measure {

class Histogram {
  public:
    Histogram() = default;
    Histogram(const Histogram& other);
    Histogram& operator=(const Histogram& other);
    Histogram(Histogram&&) noexcept = default;
    Histogram& operator=(Histogram&&) noexcept = default;

    // Negative values count as 0. Allocates only on the first value of an octave; clear() keeps the memory.
    void record(Nanos value, std::uint64_t n = 1);
    void merge(const Histogram& other);
    void clear();

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] Nanos min() const;   // exact; 0 when empty
    [[nodiscard]] Nanos max() const;   // exact; 0 when empty
    [[nodiscard]] double mean_ns() const;  // exact sum / count; 0 when empty
    [[nodiscard]] double sum_ns() const { return sum_; }
    // Nearest rank: the value of rank ceil(q * count) (at least 1), as the middle of its bucket, held within [min, max].
    // q in [0, 1]. 0 when empty.
    [[nodiscard]] Nanos percentile(double q) const;
    [[nodiscard]] std::uint64_t count_at_or_below(Nanos value) const;  // by bucket

    // The exact content, for files: buckets with their count, lowest first, and back.
    void for_each(const std::function<void(std::uint32_t bucket, std::uint64_t count)>& visit) const;
    void add_bucket(std::uint32_t bucket, std::uint64_t count);            // false index: ignored by CHECK
    void restore_extremes(Nanos min, Nanos max, double sum_ns);           // after add_bucket
    [[nodiscard]] static std::uint32_t bucket_of(Nanos value);
    [[nodiscard]] static Nanos bucket_low(std::uint32_t bucket);
    [[nodiscard]] static Nanos bucket_high(std::uint32_t bucket);  // inclusive
    [[nodiscard]] static std::uint32_t bucket_count();

  private:
    static constexpr std::uint32_t kBlock = 1024;   // buckets per octave
    static constexpr std::uint32_t kBlocks = 34;    // 2 linear blocks, then octaves up to 2^43 ns (2.4 h)
    using Block = std::array<std::uint64_t, kBlock>;

    Block& block(std::uint32_t index);

    std::array<std::unique_ptr<Block>, kBlocks> blocks_{};
    std::uint64_t count_ = 0;
    double sum_ = 0;
    std::int64_t min_ = 0;
    std::int64_t max_ = 0;
};

}  // namespace squadload::measure
