#include "target/squad_api/stores/quota_mirror.h"

#include <gtest/gtest.h>

namespace squadload::squad_api {
namespace {

using limits::Limit;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What happens over several gateways and a real Redis is in quota_cluster_servers_test.cc.

SharedLimits limits_of(std::int64_t requests, std::int64_t gateways, std::int64_t burst = 0,
                       std::int64_t tokens = 0) {
    limits::QuotaSettings settings;
    settings.requests = requests;
    settings.window = seconds(1);
    settings.burst = burst;
    settings.tokens = tokens;
    return shared_limits(settings, gateways, true);
}

MonoTime at(int ms) {
    return MonoTime{milliseconds(100'000 + ms)};
}

int admitted_alone(QuotaMirror& mirror, int asked, MonoTime now, std::int64_t tokens = 0) {
    int admitted = 0;
    for (int i = 0; i < asked; ++i) admitted += mirror.admit_alone(tokens, now).admitted ? 1 : 0;
    return admitted;
}

JoinAnswer joined_with(std::int64_t admitted, std::int64_t joined = 2) {
    JoinAnswer answer;
    answer.epoch = "state.0";
    answer.counts.admitted = admitted;
    answer.counts.joined = joined;
    return answer;
}

SharedCounts counts_of(std::int64_t admitted, std::int64_t joined = 2) {
    SharedCounts counts;
    counts.admitted = admitted;
    counts.joined = joined;
    return counts;
}

TEST(QuotaMirror, AGatewayThatNeverReachedRedisHasItsShare) {
    QuotaMirror mirror(limits_of(10, 2), at(0));
    EXPECT_EQ(admitted_alone(mirror, 10, at(0)), 5);
    const auto refused = mirror.admit_alone(0, at(400));
    EXPECT_EQ(refused.refused_by, Limit::requests);
    EXPECT_EQ(refused.wait, milliseconds(600));
    EXPECT_EQ(admitted_alone(mirror, 10, at(1000)), 5);
}

TEST(QuotaMirror, WithoutOthersNothingIsUnseen) {
    QuotaMirror mirror(limits_of(10, 1), at(0));
    mirror.joined(joined_with(0, 1), at(0), at(0));
    mirror.observe(counts_of(6, 1), at(100), at(100));
    mirror.lost(at(5000), at(5000));
    EXPECT_EQ(admitted_alone(mirror, 20, at(5000)), 10);
}

TEST(QuotaMirror, AfterALossWhatWasSharedStillCounts) {
    QuotaMirror mirror(limits_of(10, 1), at(0));
    mirror.joined(joined_with(0, 1), at(0), at(0));
    mirror.observe(counts_of(6, 1), at(100), at(100));
    mirror.lost(at(200), at(200));
    EXPECT_EQ(admitted_alone(mirror, 20, at(200)), 4);
    EXPECT_EQ(admitted_alone(mirror, 20, at(1099)), 0);
    EXPECT_EQ(admitted_alone(mirror, 20, at(1100)), 6);
}

TEST(QuotaMirror, WhatOthersMayHaveUsedUnseenIsBoundedByTheBucket) {
    // 100 per s, a bucket of 10: in 50 ms at most 10 + 5 + 1.
    QuotaMirror mirror(limits_of(100, 2, 10), at(0));
    mirror.joined(joined_with(0), at(0), at(0));
    mirror.observe(counts_of(20), at(100), at(101));
    mirror.lost(at(150), at(150));
    EXPECT_EQ(mirror.state(at(150)).requests->used, 20 + 16);
    // Without a bucket, all that was left.
    QuotaMirror plain(limits_of(100, 2), at(0));
    plain.joined(joined_with(0), at(0), at(0));
    plain.observe(counts_of(20), at(100), at(101));
    plain.lost(at(150), at(150));
    EXPECT_EQ(plain.state(at(150)).requests->used, 100);
    EXPECT_EQ(admitted_alone(plain, 99, at(1149)), 10);  // the 20 are gone; 2 each
    EXPECT_EQ(admitted_alone(plain, 99, at(1150)), 40);
}

TEST(QuotaMirror, SharesOfThoseWhoHadNotJoinedStayTheirs) {
    QuotaMirror mirror(limits_of(30, 3, 3), at(0));
    mirror.joined(joined_with(0, 2), at(0), at(0));
    mirror.lost(at(0), at(0));
    // Unseen: the bucket of 3 and one that came meanwhile; 10 of the one missing.
    EXPECT_EQ(mirror.state(at(0)).requests->used, 4 + 10);
}

TEST(QuotaMirror, ABucketOfItsOwnBeginsEmptyAndFillsWithItsPart) {
    QuotaMirror mirror(limits_of(100, 2, 10), at(0));
    mirror.joined(joined_with(0), at(0), at(0));
    mirror.lost(at(0), at(0));
    EXPECT_EQ(mirror.admit_alone(0, at(0)).refused_by, Limit::burst);
    EXPECT_EQ(mirror.admit_alone(0, at(0)).wait, milliseconds(20));
    EXPECT_EQ(admitted_alone(mirror, 20, at(40)), 2);
    EXPECT_EQ(admitted_alone(mirror, 20, at(900)), 5);  // its depth
}

TEST(QuotaMirror, ALimitSmallerThanTheNumberOfGatewaysIsNobodysAlone) {
    QuotaMirror mirror(limits_of(2, 3), at(0));
    const auto refused = mirror.admit_alone(0, at(0));
    EXPECT_EQ(refused.refused_by, Limit::requests);
    EXPECT_EQ(refused.wait, seconds(1));
    QuotaMirror bucket(limits_of(30, 3, 2), at(0));
    EXPECT_EQ(bucket.admit_alone(0, at(5000)).refused_by, Limit::burst);
}

TEST(QuotaMirror, TokensAreSharedLikewiseAndCancelledOnesComeBack) {
    QuotaMirror mirror(limits_of(0, 2, 0, 100), at(0));
    const auto first = mirror.admit_alone(30, at(0));
    EXPECT_TRUE(first.admitted);
    EXPECT_EQ(mirror.admit_alone(21, at(0)).refused_by, Limit::tokens);
    mirror.cancel_alone(first, 30, at(0));
    EXPECT_TRUE(mirror.admit_alone(50, at(0)).admitted);
    EXPECT_EQ(mirror.admit_alone(51, at(9000)).refused_by, Limit::tokens);  // more than a share
}

TEST(QuotaMirror, TellsWhatItDidAloneAndWhatItKnew) {
    QuotaMirror mirror(limits_of(100, 2, 10), at(0));
    JoinRequest first = mirror.join_request(at(0));
    EXPECT_TRUE(first.fresh);
    EXPECT_EQ(first.knows, -1);
    mirror.joined(joined_with(7), at(0), at(0));
    mirror.observe(counts_of(20), at(100), at(100));
    mirror.lost(at(100), at(100));
    EXPECT_EQ(admitted_alone(mirror, 20, at(200)), 5);
    const JoinRequest back = mirror.join_request(at(300));
    EXPECT_FALSE(back.fresh);
    EXPECT_EQ(back.epoch, "state.0");
    EXPECT_EQ(back.knows, 20 + 11);
    ASSERT_EQ(back.alone.size(), 1U);
    EXPECT_EQ(back.alone[0], (RecentCounts::Slot{milliseconds(100), 5, 0}));
    ASSERT_EQ(back.known.size(), 1U);
    EXPECT_EQ(back.known[0], (RecentCounts::Slot{milliseconds(200), 13 + 11, 0}));
    EXPECT_EQ(back.level, 5);
    JoinAnswer answer = joined_with(0);
    answer.recent = {{milliseconds(900), 4, 0}, {milliseconds(10), 5, 0}};
    mirror.joined(answer, at(300), at(301));
    EXPECT_EQ(mirror.state(at(301)).requests->used, 9);
    EXPECT_EQ(mirror.state(at(401)).requests->used, 5);
    EXPECT_TRUE(mirror.join_request(at(401)).alone.empty());
}

TEST(RecentCounts, AreAsOldAsTheirYoungestPart) {
    RecentCounts counts(milliseconds(640));
    counts.add(1, 10, at(0));
    counts.add(2, 20, at(9));
    counts.add(0, 0, at(10));
    counts.add(1, 5, at(12));
    const auto slots = counts.slots(at(20));
    ASSERT_EQ(slots.size(), 2U);
    EXPECT_EQ(slots[0], (RecentCounts::Slot{milliseconds(11), 3, 30}));
    EXPECT_EQ(slots[1], (RecentCounts::Slot{milliseconds(8), 1, 5}));
    EXPECT_EQ(counts.slots(at(650)).size(), 1U);
    EXPECT_TRUE(counts.empty(at(652)));
}

}  // namespace
}  // namespace squadload::squad_api
