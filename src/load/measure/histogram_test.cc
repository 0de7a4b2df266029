#include "load/measure/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "base/random.h"

namespace {
[[maybe_unused]] std::uint64_t g_allocations = 0;
}  // namespace

#ifndef SQUADLOAD_TSAN  // which brings its own
// Counts every allocation of this test program. Not inlined: g++ 12 would take malloc and delete
// for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++g_allocations;
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
#endif

namespace squadload::measure {
namespace {

using namespace std::chrono_literals;

Histogram histogram_of(const std::vector<std::int64_t>& values) {
    Histogram h;
    for (const std::int64_t v : values) h.record(Nanos{v});
    return h;
}

// Nearest rank on the sorted values, in whole thousandths.
std::int64_t true_percentile(const std::vector<std::int64_t>& sorted, std::uint64_t thousandths) {
    const std::uint64_t rank = (sorted.size() * thousandths + 999) / 1000;
    return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

// Values that stress a log-linear histogram: powers of two and their neighbours, long tails, ties.
std::vector<std::int64_t> adversarial(std::uint64_t seed, std::size_t n) {
    Random random(seed, RandomStream::test, 0);
    std::vector<std::int64_t> values;
    while (values.size() < n) {
        switch (random.below(5)) {
            case 0:  // around a power of two
                values.push_back((std::int64_t{1} << random.between(0, 42)) +
                                 random.between(-1, 1));
                break;
            case 1:  // any magnitude
                values.push_back(
                    static_cast<std::int64_t>(random.next() >> random.between(22, 63)));
                break;
            case 2:  // around one bucket's edge
                values.push_back((1'500'000 >> 10 << 10) + random.between(-3, 3));
                break;
            case 3:
                values.push_back(random.between(0, 4096));
                break;
            default:  // a tie of many
                values.insert(values.end(), random.below(20), random.between(1, 5) * 777'777'777);
        }
    }
    for (std::int64_t& v : values) v = std::clamp<std::int64_t>(v, 0, (std::int64_t{1} << 43) - 1);
    return values;
}

TEST(HistogramTest, EmptyIsAllZero) {
    const Histogram h;
    EXPECT_EQ(h.count(), 0U);
    EXPECT_EQ(h.min(), 0ns);
    EXPECT_EQ(h.max(), 0ns);
    EXPECT_EQ(h.mean_ns(), 0);
    EXPECT_EQ(h.sum_ns(), 0);
    EXPECT_EQ(h.percentile(0.99), 0ns);
    EXPECT_EQ(h.count_at_or_below(1h), 0U);
    EXPECT_EQ(h, Histogram());
}

TEST(HistogramTest, BucketsCoverTheAxisWithoutGapOrOverlap) {
    EXPECT_EQ(Histogram::bucket_count(), 34U * 1024);
    EXPECT_EQ(Histogram::bucket_low(0), 0ns);
    for (std::uint32_t b = 0; b < Histogram::bucket_count(); ++b) {
        const Nanos low = Histogram::bucket_low(b);
        const Nanos high = Histogram::bucket_high(b);
        ASSERT_EQ(Histogram::bucket_of(low), b);
        ASSERT_EQ(Histogram::bucket_of(high), b);
        ASSERT_EQ(low, b == 0 ? 0ns : Histogram::bucket_high(b - 1) + 1ns);
        if (low < 2048ns) {
            ASSERT_EQ(low, high);
        } else {
            ASSERT_LT((high - low) * 1024, low);  // relative width
        }
    }
    EXPECT_EQ(Histogram::bucket_of(-5ns), 0U);
    EXPECT_EQ(Histogram::bucket_of(1h),
              Histogram::bucket_of(Histogram::bucket_low(Histogram::bucket_of(1h))));
    EXPECT_GT(Histogram::bucket_low(Histogram::bucket_count() - 1), 2h);
    EXPECT_EQ(Histogram::bucket_of(Nanos::max()), Histogram::bucket_count() - 1);
}

TEST(HistogramTest, AgreesWithTheSortedValues) {
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
        std::vector<std::int64_t> values = adversarial(seed, 1 + seed * 149);
        const Histogram h = histogram_of(values);
        std::sort(values.begin(), values.end());
        ASSERT_EQ(h.count(), values.size());
        ASSERT_EQ(h.min().count(), values.front());
        ASSERT_EQ(h.max().count(), values.back());
        Nanos before{0};
        for (std::uint64_t thousandths = 0; thousandths <= 1000; ++thousandths) {
            const Nanos got = h.percentile(static_cast<double>(thousandths) / 1000);
            const std::int64_t want = true_percentile(values, thousandths);
            ASSERT_LE(std::abs(got.count() - want) * 1024, want < 2048 ? 0 : want)
                << "seed " << seed << ", p" << thousandths << ": " << got.count() << " " << want;
            ASSERT_GE(got, std::max(before, h.min()));
            ASSERT_LE(got, h.max());
            before = got;
        }
    }
}

TEST(HistogramTest, PercentilesAreNearestRank) {
    std::vector<std::int64_t> values;
    for (std::int64_t v = 1; v <= 100; ++v) values.push_back(v);
    const Histogram h = histogram_of(values);
    for (int percent = 0; percent <= 100; ++percent) {  // 0.07 * 100 > 7 in doubles
        EXPECT_EQ(h.percentile(percent / 100.0).count(), std::max(percent, 1)) << percent;
    }
    EXPECT_EQ(h.percentile(0.999), 100ns);
    EXPECT_EQ(h.percentile(-1), 1ns);
    EXPECT_EQ(h.percentile(2), 100ns);
    EXPECT_EQ(histogram_of({1'234'567'891}).percentile(0.5), 1'234'567'891ns);
    EXPECT_EQ(histogram_of({1'000'001, 9'000'001}).percentile(0.5), 1'000'001ns);
    EXPECT_EQ(histogram_of({1'000'001, 9'000'001}).percentile(0.51), 9'000'001ns);
}

TEST(HistogramTest, ManyAtOnceEqualsOneByOne) {
    Histogram at_once;
    at_once.record(3ms, 1000);
    at_once.record(5ms, 0);
    Histogram singly;
    for (int i = 0; i < 1000; ++i) singly.record(3ms);
    EXPECT_EQ(at_once, singly);
    EXPECT_EQ(at_once.max(), 3ms);
}

TEST(HistogramTest, NothingIsDroppedBeyondTheRange) {
    Histogram h;
    h.record(-3s);
    h.record(1ms);
    h.record(5h);
    h.record(Nanos::max());
    EXPECT_EQ(h.count(), 4U);
    EXPECT_EQ(h.min(), 0ns);
    EXPECT_EQ(h.max(), Nanos::max());
    EXPECT_EQ(h.percentile(0.75), Nanos::max());  // in the last bucket: the maximum, never less
    EXPECT_EQ(h.percentile(1), Nanos::max());
    EXPECT_DOUBLE_EQ(h.sum_ns(), 1e6 + 5 * 3600e9 + 9223372036854775807.0);
    h.record(Nanos::max(), 1'000'000);  // the sum has room
    EXPECT_NEAR(h.mean_ns(), 9223372036854775807.0, 1e14);
}

TEST(HistogramTest, TheMeanIsExact) {
    std::vector<std::int64_t> values = adversarial(3, 5000);
    long double sum = 0;
    for (const std::int64_t v : values) sum += static_cast<long double>(v);
    const Histogram h = histogram_of(values);
    EXPECT_DOUBLE_EQ(h.mean_ns(),
                     static_cast<double>(sum / static_cast<long double>(values.size())));
    EXPECT_DOUBLE_EQ(h.sum_ns(), static_cast<double>(sum));
}

TEST(HistogramTest, CountsAtOrBelow) {
    const Histogram h = histogram_of({10, 20, 20, 2'000'000, 5'000'000});
    EXPECT_EQ(h.count_at_or_below(-1ns), 0U);
    EXPECT_EQ(h.count_at_or_below(9ns), 0U);
    EXPECT_EQ(h.count_at_or_below(10ns), 1U);
    EXPECT_EQ(h.count_at_or_below(20ns), 3U);
    EXPECT_EQ(h.count_at_or_below(1990us), 3U);
    EXPECT_EQ(h.count_at_or_below(2ms), 4U);
    EXPECT_EQ(h.count_at_or_below(5ms), 5U);
    EXPECT_EQ(h.count_at_or_below(Nanos::max()), 5U);
    EXPECT_EQ(histogram_of({0}).count_at_or_below(-1ns), 0U);
}

TEST(HistogramTest, MergingIsExactInAnyOrder) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        const std::vector<std::int64_t> all = adversarial(seed, 600);
        std::vector<std::int64_t> parts[3];
        for (std::size_t i = 0; i < all.size(); ++i)
            parts[(i * seed + i / 7) % 3].push_back(all[i]);
        const Histogram whole = histogram_of(all);
        const Histogram a = histogram_of(parts[0]);
        const Histogram b = histogram_of(parts[1]);
        const Histogram c = histogram_of(parts[2]);
        Histogram left = a;  // (a + b) + c
        left.merge(b);
        left.merge(c);
        Histogram right = c;  // a + (c + b)
        right.merge(b);
        Histogram outer = a;
        outer.merge(right);
        ASSERT_EQ(left, whole) << seed;
        ASSERT_EQ(outer, whole) << seed;
        outer.merge(Histogram());
        ASSERT_EQ(outer, whole) << seed;
    }
    // Sums beyond 2^53 stay exact, so the order of merging cannot show.
    Histogram big;
    big.record(2h, 10'000);
    Histogram small = histogram_of({1, 1, 1});
    Histogram one = big;
    one.merge(small);
    small.merge(big);
    EXPECT_EQ(one, small);
    EXPECT_FALSE(one == big);
}

TEST(HistogramTest, CopiesAndMovesAreIndependentValues) {
    Histogram original = histogram_of({5, 5'000, 5'000'000});
    const Histogram same = original;
    Histogram copy = histogram_of({1, 9'999'999'999});
    copy = original;
    EXPECT_EQ(copy, same);
    original.record(7s);
    EXPECT_EQ(copy, same);
    EXPECT_FALSE(original == same);

    Histogram taken = std::move(copy);
    EXPECT_EQ(taken, same);
    EXPECT_EQ(copy, Histogram());  // NOLINT(bugprone-use-after-move): promised by the header
    copy.record(1ms);
    EXPECT_EQ(copy.count(), 1U);
    copy = std::move(taken);
    EXPECT_EQ(copy, same);
    const Histogram& alias = copy;
    copy = alias;
    EXPECT_EQ(copy, same);
}

TEST(HistogramTest, TheContentSurvivesTheWayThroughAFile) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        Histogram h = histogram_of(adversarial(seed, seed * 20));
        if (seed % 3 == 0) h.record(9h);
        Histogram back;
        std::int64_t before = -1;
        h.for_each([&](std::uint32_t bucket, std::uint64_t count) {
            ASSERT_GT(std::int64_t{bucket}, before);
            ASSERT_GT(count, 0U);
            before = bucket;
            back.add_bucket(bucket, count);
        });
        back.restore_extremes(h.min(), h.max(), h.sum_ns());
        ASSERT_EQ(back, h) << seed;
        back.merge(histogram_of({3}));  // min of a restored empty histogram must not stay 0
        if (seed == 0) continue;
        ASSERT_EQ(back.count(), h.count() + 1);
    }
    Histogram empty;
    empty.restore_extremes(0ns, 0ns, 0);
    empty.record(4ms);
    EXPECT_EQ(empty.min(), 4ms);
}

TEST(HistogramTest, BucketsAloneGiveAConsistentHistogram) {
    Histogram h;
    h.add_bucket(Histogram::bucket_of(5ms), 10);
    h.add_bucket(3, 0);
    EXPECT_EQ(h.count(), 10U);
    EXPECT_LE(h.min(), 5ms);
    EXPECT_GE(h.max(), 5ms);
    EXPECT_NEAR(h.mean_ns(), 5e6, 5e6 / 1024);
    EXPECT_DEATH(h.add_bucket(Histogram::bucket_count(), 1), "bucket_count");
    EXPECT_DEATH(h.restore_extremes(2ns, 1ns, 0), "min");
}

TEST(HistogramTest, ClearForgetsEverything) {
    Histogram h = histogram_of(adversarial(1, 500));
    h.clear();
    EXPECT_EQ(h, Histogram());
    EXPECT_EQ(h.min(), 0ns);
    h.record(2ms);
    EXPECT_EQ(h, histogram_of({2'000'000}));
}

#ifndef SQUADLOAD_TSAN
TEST(HistogramTest, AllocatesOnlyOnTheFirstValueOfAnOctave) {
    const std::vector<std::int64_t> values = adversarial(2, 2000);
    Histogram h = histogram_of(values);
    Histogram total = h;
    Histogram other = histogram_of({1});
    const std::uint64_t before = g_allocations;
    for (int second = 0; second < 5; ++second) {
        h.clear();
        for (const std::int64_t v : values) h.record(Nanos{v});
        total.merge(h);
        static_cast<void>(total.percentile(0.99));
        h = other;
    }
    EXPECT_EQ(g_allocations, before);
    other.record(1h);
    EXPECT_EQ(g_allocations, before + 1);
}
#endif

}  // namespace
}  // namespace squadload::measure
