#include "target/stack/scale.h"

#include <gtest/gtest.h>

namespace squadload::stack {
namespace {

using namespace std::chrono_literals;

squad_api::Config one_provider() {
    squad_api::Config config;
    auto& p = config.providers.emplace_back();
    p.limits.requests = 1560;
    p.limits.burst = 52;
    p.limits.concurrency = 256;
    p.limits.guard = 50ms;
    return config;
}

TEST(Scale, TimeShortensWindowsAndWaitsNotLatencies) {
    auto config = one_provider();
    scale(config, {.time_scale = 8});
    const auto& p = config.providers[0];
    EXPECT_EQ(p.limits.window, 7500ms);
    EXPECT_EQ(p.limits.requests, 1560) << "per window";
    EXPECT_EQ(p.limits.burst, 52);
    EXPECT_EQ(p.limits.guard, 50ms) << "how much calls' ways differ";
    EXPECT_EQ(p.limits.concurrency, 2048) << "eight times the rate at the same latency";
    EXPECT_EQ(p.throttle.calm, 375ms);
    EXPECT_EQ(p.breaker.open_max, 1875ms);
    EXPECT_EQ(p.timeout, 15s);
    EXPECT_EQ(config.queue.max_wait, 625ms);
    EXPECT_EQ(config.fallback.backoff_base, 12'500us);
    EXPECT_EQ(config.fallback.total_time, 30s);
    EXPECT_EQ(config.server.max_requests_in_flight, 40'000U);
}

TEST(Scale, QuotasAreMultiplied) {
    auto config = one_provider();
    scale(config, {.quota_scale = 10});
    const auto& p = config.providers[0];
    EXPECT_EQ(p.limits.requests, 15'600);
    EXPECT_EQ(p.limits.burst, 520);
    EXPECT_EQ(p.limits.window, 60s);
    EXPECT_EQ(p.limits.tokens, 0) << "none stays none";
    providers::Profile profile;
    profile.quota.requests = 3;
    profile.concurrency = 2000;
    scale(profile, {.quota_scale = 0.1, .time_scale = 2});
    EXPECT_EQ(profile.quota.requests, 1) << "never none";
    EXPECT_EQ(profile.concurrency, 400);
}

}  // namespace
}  // namespace squadload::stack
