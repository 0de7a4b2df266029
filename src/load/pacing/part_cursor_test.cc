#include "load/pacing/part_cursor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace squadload::pacing {
namespace {

using namespace std::chrono_literals;

Schedule hundred_per_s(Arrivals arrivals = Arrivals::constant) {
    return {RateProfile({{1h, 100, 100}}), arrivals, 1};
}

std::vector<Nanos> until(PartCursor& cursor, Nanos end) {
    std::vector<Nanos> out;
    for (; cursor.offset() < end; cursor.advance()) out.push_back(cursor.offset());
    return out;
}

TEST(PartCursor, APartIsItsShareOfTheRateEvenlySpread) {
    const auto schedule = hundred_per_s();
    const std::vector<SchedulePart> parts{{0s, 0.25, 0s}};
    PartCursor cursor(schedule, parts, 3, 8, 0);
    const auto starts = until(cursor, 10s);
    ASSERT_EQ(starts.size(), 250U);
    for (std::size_t i = 0; i < starts.size(); ++i)
        EXPECT_EQ(starts[i], 40ms * static_cast<int>(i)) << i;
    EXPECT_EQ(cursor.index(), 3 + 250 * 8);
}

TEST(PartCursor, NothingStartsBeforeThereIsAPart) {
    const auto schedule = hundred_per_s();
    std::vector<SchedulePart> parts;
    PartCursor cursor(schedule, parts, 0, 1, 0.5);
    EXPECT_EQ(cursor.offset(), PartCursor::kNever);
    cursor.advance();
    EXPECT_EQ(cursor.index(), 0U);
    parts.push_back({2s, 1, 0s});
    cursor.part_added();
    EXPECT_EQ(cursor.offset(), 2s + 5ms);
}

TEST(PartCursor, AChangeStretchesTheRestOfTheGap) {
    const auto schedule = hundred_per_s();
    std::vector<SchedulePart> parts{{0s, 0.01, 0s}};  // one a second
    PartCursor cursor(schedule, parts, 0, 1, 0);
    cursor.advance();
    ASSERT_EQ(cursor.offset(), 1s);
    parts.push_back({500ms, 0.02, 0s});  // half of the gap is left, at twice the rate
    cursor.part_added();
    EXPECT_EQ(cursor.offset(), 750ms);
    parts.push_back({600ms, 0, 0s});
    cursor.part_added();
    EXPECT_EQ(cursor.offset(), PartCursor::kNever);
    parts.push_back({10s, 0.01, 0s});  // 0.3 of a start was left
    cursor.part_added();
    EXPECT_EQ(cursor.offset(), 10'300ms);
}

TEST(PartCursor, ALateJoinerIsWhereTheScheduleIs) {
    const Schedule schedule(RateProfile({{10s, 0, 0}, {10s, 100, 100}}), Arrivals::constant, 1);
    std::vector<SchedulePart> parts{{0s, 1, 8s}};
    PartCursor cursor(schedule, parts, 0, 1, 0.5);
    EXPECT_EQ(cursor.offset(), 2s + 5ms);
    EXPECT_EQ(until(cursor, 100s).size(), 1000U);  // then the schedule is over
    EXPECT_EQ(cursor.offset(), PartCursor::kNever);
}

TEST(PartCursor, TwoCursorsWalkAlikeWhereverTheyStandWhenPartsChange) {
    for (const auto arrivals : {Arrivals::constant, Arrivals::poisson}) {
        const Schedule schedule(RateProfile({{20s, 10, 200}, {20s, 200, 200}, {20s, 0, 50}}),
                                arrivals, 9);
        std::vector<SchedulePart> parts;
        PartCursor ahead(schedule, parts, 1, 3, 0.2);
        PartCursor behind(schedule, parts, 1, 3, 0.2);
        std::vector<Nanos> seen;
        Random random(5, RandomStream::test, 0);
        for (Nanos now = 0s; now < 60s; now += 400ms) {
            const double share = random.below(5) == 0 ? 0 : random.unit() * 2;
            parts.push_back({now, share, 0s});
            ahead.part_added();
            behind.part_added();
            for (auto t : until(ahead, now + 400ms)) seen.push_back(t);
            if (random.below(3) == 0) continue;
            while (behind.offset() < now) {  // lags
                ASSERT_LT(0U, seen.size());
                ASSERT_EQ(behind.offset(), seen.front());
                seen.erase(seen.begin());
                behind.advance();
            }
        }
        EXPECT_GT(behind.index(), 1000U);
    }
}

TEST(PartCursor, TheNumberOfStartsIsTheIntegralOfTheShare) {
    for (const auto arrivals : {Arrivals::constant, Arrivals::poisson}) {
        const auto schedule = hundred_per_s(arrivals);
        std::vector<SchedulePart> parts;
        PartCursor cursor(schedule, parts, 0, 1, 0);
        std::size_t n = 0;
        double expected = 0;
        for (int i = 0; i < 100; ++i) {
            const double share = (i % 7) / 7.0;
            parts.push_back({i * 1s, share, 0s});
            cursor.part_added();
            n += until(cursor, (i + 1) * 1s).size();
            expected += 100 * share;
        }
        const double spread = arrivals == Arrivals::constant ? 1 : 5 * std::sqrt(expected);
        EXPECT_NEAR(static_cast<double>(n), expected, spread);
    }
}

}  // namespace
}  // namespace squadload::pacing
