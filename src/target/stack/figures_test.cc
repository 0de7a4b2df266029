#include "target/stack/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::stack {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

arrivals::Arrival call(std::string provider, Nanos at, std::int64_t status,
                       std::string agent = "tech_support") {
    arrivals::Arrival a;
    a.provider = std::move(provider);
    a.agent = std::move(agent);
    a.at = at;
    a.status = status;
    a.done = at + 300ms;
    return a;
}

Plan two() {
    Plan plan;
    plan.providers.resize(2);
    plan.providers[0].name = "groq";
    plan.providers[0].limit_per_minute = 2;
    plan.providers[1].name = "cerebras";
    plan.first_of = {{"tech_support", "groq"}, {"other", "cerebras"}};
    return plan;
}

TEST(Figures, EveryCallIsCountedOnce) {
    auto open = call("groq", 4s, 200);
    open.done.reset();
    const auto all =
        figures(two(), {call("groq", 1s, 200), call("groq", 2s, 429), call("groq", 3s, 503), open,
                        call("unknown", 5s, 200), call("cerebras", 6s, 200),
                        call("cerebras", 7s, 200, "other"), call("cerebras", 8s, 429)});
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].calls, 4U);
    EXPECT_EQ(all[0].ok, 1U);
    EXPECT_EQ(all[0].responses_429, 1U);
    EXPECT_EQ(all[0].failed, 2U) << "the 503 and the one without an end";
    EXPECT_EQ(all[0].served_as_fallback, 0U);
    EXPECT_EQ(all[0].limit_per_minute, 2U);
    EXPECT_THAT(all[0].times, ElementsAre(300ms));
    EXPECT_EQ(all[1].calls, 3U);
    EXPECT_EQ(all[1].served_as_fallback, 1U) << "of the agent whose chain begins with groq";
}

TEST(Figures, ThePeakIsOverAnyWindow) {
    std::vector<arrivals::Arrival> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(call("groq", 59s + i * 1ms, 200));
    for (int i = 0; i < 10; ++i) calls.push_back(call("groq", 61s + i * 1ms, 200));
    calls.push_back(call("groq", 119s, 200));
    EXPECT_EQ(figures(two(), calls)[0].peak_per_minute, 20U) << "across the full minute";
}

TEST(Figures, TheWindowIsHalfOpen) {
    const auto all = figures(two(), {call("groq", 0s, 200), call("groq", 60s, 200)});
    EXPECT_EQ(all[0].peak_per_minute, 1U);
}

}  // namespace
}  // namespace squadload::stack
