#include "run/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run/test_support.h"

namespace squadload::run {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Limits, ConnectionsLeaveRoomForLoopsAndFiles) {
    EXPECT_EQ(limits_of(64).connections(1), 64U - 5 - 8 - 4);
    EXPECT_EQ(limits_of(64).connections(4), 64U - 5 - 8 - 16);
    EXPECT_EQ(limits_of(10).connections(1), 0U);
}

TEST(Limits, PortRange) {
    struct Case {
        const char* text;
        bool good;
        std::uint32_t low, high;
    };
    for (const auto& c :
         {Case{"32768\t60999\n", true, 32768, 60999}, Case{"1024 65535", true, 1024, 65535},
          Case{"", false, 0, 0}, Case{"1024", false, 0, 0}, Case{"9 3", false, 0, 0},
          Case{"0 10", false, 0, 0}, Case{"1 70000", false, 0, 0}, Case{"a b", false, 0, 0}}) {
        std::uint32_t low = 0;
        std::uint32_t high = 0;
        EXPECT_EQ(parse_port_range(c.text, low, high), c.good) << c.text;
        EXPECT_EQ(low, c.low) << c.text;
        EXPECT_EQ(high, c.high) << c.text;
    }
}

TEST(Limits, ConnectionsNeeded) {
    EXPECT_EQ(connections_needed(closed(60)), 60U);
    EXPECT_EQ(connections_needed(open(50, 1000, false)), 1000U);
    auto few = closed(60);
    few.requests = 10;
    EXPECT_EQ(connections_needed(few), 10U) << "ten requests never hold eleven connections";
    EXPECT_EQ(connections_needed(open(0.5, 1000, false)), 30U) << "30 requests in all";
    auto random = open(0.5, 1000, false);
    random.arrivals = pacing::Arrivals::poisson;
    EXPECT_EQ(connections_needed(random), 1000U) << "how many come is random";
    auto bounded = open(50, 1000, false);
    bounded.max_in_flight = 20;
    EXPECT_EQ(connections_needed(bounded), 20U);
    auto shared = closed(60);
    shared.target.connections = {scenario::ConnectionMode::shared, 25};
    EXPECT_EQ(connections_needed(shared), 25U);
    shared.target.connections.max = 100;
    EXPECT_EQ(connections_needed(shared), 60U) << "no more than users";
}

TEST(Limits, ClosedModelBeyondDescriptorsNamesTheRemedy) {
    auto s = closed(60);
    EXPECT_TRUE(fit_connections(s, limits_of(77)));
    const auto fits = fit_connections(s, limits_of(64));
    ASSERT_FALSE(fits);
    EXPECT_EQ(fits.error().kind, ErrorKind::resources);
    EXPECT_THAT(fits.error().message, HasSubstr("60 connections"));
    EXPECT_THAT(fits.error().message, HasSubstr("ulimit -n 77"));
    EXPECT_TRUE(fit_connections(s, limits_of(77))) << "the remedy named is enough";
    EXPECT_EQ(s.users, 60U);
}

TEST(Limits, OpenModelLowersOnlyTheDefaultBound) {
    auto by_default = open(50, 1000, true);
    ASSERT_TRUE(fit_connections(by_default, limits_of(117)));
    EXPECT_EQ(by_default.users, 100U);
    ASSERT_THAT(by_default.notes, SizeIs(1));
    EXPECT_THAT(by_default.notes[0], HasSubstr("at most 100 concurrent users"));
    ASSERT_TRUE(fit_connections(by_default, limits_of(117)));
    EXPECT_THAT(by_default.notes, SizeIs(1)) << "it fits now";

    auto asked_for = open(50, 1000, false);
    EXPECT_FALSE(fit_connections(asked_for, limits_of(117)));
    EXPECT_FALSE(fit_connections(by_default, limits_of(10))) << "nothing is left to run with";
}

TEST(Limits, LocalPortsAreABoundToo) {
    ProcessLimits limits = limits_of(1'000'000);
    auto many = closed(30'000);
    const auto fits = fit_connections(many, limits);
    ASSERT_FALSE(fits);
    EXPECT_THAT(fits.error().message, HasSubstr("28232 local ports"));
    EXPECT_THAT(fits.error().message, HasSubstr("net.ipv4.ip_local_port_range"));
    EXPECT_THAT(fits.error().message, HasSubstr("target.source_addresses"));
    EXPECT_TRUE(fit_connections(many, limits, 2)) << "each source address has as many";
    auto more = closed(60'000);
    const auto two = fit_connections(more, limits, 2);
    ASSERT_FALSE(two);
    EXPECT_THAT(two.error().message, HasSubstr("56464 local ports"));
    EXPECT_THAT(two.error().message, HasSubstr("from 2 source addresses"));
    auto by_default = open(50'000, 30'000, true);
    ASSERT_TRUE(fit_connections(by_default, limits));
    EXPECT_EQ(by_default.users, 28'232U);
    EXPECT_THAT(by_default.notes, SizeIs(1));
}

TEST(Limits, RaisedLimitIsReadFromTheProcess) {
    const auto limits = raise_and_read_limits();
    EXPECT_GE(limits.descriptors, 3U);
    EXPECT_GE(limits.descriptors_in_use, 1U);
    EXPECT_LT(limits.descriptors_in_use, 1000U);
    EXPECT_GT(limits.local_ports, 0U);
}

}  // namespace
}  // namespace squadload::run
