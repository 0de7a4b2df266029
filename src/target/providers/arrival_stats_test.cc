#include "target/providers/arrival_stats.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;
using arrivals::Arrival;

constexpr MonoTime kStatsStart{100s};

Arrival counted(std::string key, std::string model, bool admitted) {
    Arrival arrival;
    arrival.provider = "groq";
    arrival.key = std::move(key);
    arrival.model = std::move(model);
    arrival.prompt_tokens = 10;
    arrival.max_tokens = 90;
    arrival.reserved_tokens = arrival.prompt_tokens + 90;
    arrival.admitted = admitted;
    arrival.reason = admitted ? "" : "burst";
    arrival.status = admitted ? 200 : 429;
    arrival.completion_tokens = admitted ? 80 : 0;
    return arrival;
}

TEST(PeakTest, IsTheMostInAnyHalfOpenWindow) {
    Peak peak(10s);
    peak.add(1, kStatsStart);
    peak.add(1, kStatsStart + 9s);
    EXPECT_EQ(peak.value(), 2);
    peak.add(1, kStatsStart + 10s);  // the first has left: (t - window, t]
    EXPECT_EQ(peak.value(), 2);
    peak.add(1, kStatsStart + 19s - 1ns);
    EXPECT_EQ(peak.value(), 3);
    peak.add(1, kStatsStart + 1'000s);
    EXPECT_EQ(peak.value(), 3);
}

TEST(ArrivalStatsTest, AddsUpByProviderKeyAndModel) {
    ArrivalStats stats(60s);
    for (int i = 0; i < 5; ++i) {
        const Arrival arrival = counted("aaaaaaaaaaaa", "large", i < 3);
        ArrivalStats::closed(stats.opened(arrival, kStatsStart + i * 1s), arrival);
    }
    static_cast<void>(stats.opened(counted("bbbbbbbbbbbb", "small", true), kStatsStart));
    const auto read = nlohmann::json::parse(stats.json());
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(read[0]["key"], "aaaaaaaaaaaa");
    EXPECT_EQ(read[0]["arrivals"], 5);
    EXPECT_EQ(read[0]["admitted"], 3);
    EXPECT_EQ(read[0]["open"], 0);
    EXPECT_EQ(read[0]["by_status"]["200"], 3);
    EXPECT_EQ(read[0]["by_status"]["429"], 2);
    EXPECT_EQ(read[0]["by_reason"]["served"], 3);
    EXPECT_EQ(read[0]["by_reason"]["burst"], 2);
    EXPECT_EQ(read[0]["prompt_tokens"], 30);
    EXPECT_EQ(read[0]["completion_tokens"], 240);
    EXPECT_EQ(read[0]["peak_in_window"]["arrivals"], 5);
    EXPECT_EQ(read[0]["peak_in_window"]["admitted"], 3);
    EXPECT_EQ(read[0]["peak_in_window"]["reserved_tokens"], 300);
    EXPECT_EQ(read[1]["open"], 1);
    EXPECT_TRUE(read[1]["by_status"].empty());
}

TEST(ArrivalStatsTest, TooManyGroupsShareOne) {
    ArrivalStats stats(60s);
    for (std::size_t i = 0; i < ArrivalStats::kMostGroups + 50; ++i) {
        static_cast<void>(stats.opened(counted("", "m" + std::to_string(i), true), kStatsStart));
    }
    // A group that is there already keeps its own count.
    static_cast<void>(stats.opened(counted("", "m0", true), kStatsStart));
    const auto read = nlohmann::json::parse(stats.json());
    ASSERT_EQ(read.size(), ArrivalStats::kMostGroups + 1);
    std::uint64_t total = 0;
    for (const auto& group : read) {
        total += group["arrivals"].get<std::uint64_t>();
        if (group["key"] == "(others)") {
            EXPECT_EQ(group["arrivals"], 50);
        }
        if (group["model"] == "m0") {
            EXPECT_EQ(group["arrivals"], 2);
        }
    }
    EXPECT_EQ(total, ArrivalStats::kMostGroups + 51);
}

}  // namespace
}  // namespace squadload::providers
