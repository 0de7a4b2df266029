#include "target/squad_api/stores/gateway_gate.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace squadload::squad_api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(GatewayGate, HoldsConcurrencyAndGivesItBack) {
    limits::QuotaSettings settings;
    settings.concurrency = 2;
    GatewayGate gate(settings);
    const MonoTime now{};
    const auto first = gate.enter(now);
    EXPECT_TRUE(first.entered);
    EXPECT_TRUE(gate.enter(now).entered);
    const auto third = gate.enter(now);
    EXPECT_EQ(third.refused_by, limits::Limit::concurrency);
    EXPECT_EQ(third.wait, Nanos::zero());
    gate.leave();
    gate.undo(first, now);
    EXPECT_EQ(gate.in_flight(), 0);
    EXPECT_EQ(gate.concurrency()->remaining, 2);
}

// As limits::Quota does it with the same calls: same decisions, same waits.
TEST(GatewayGate, PacesAsTheQuotaInProcess) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        Random random(seed, RandomStream::test, 0);
        limits::QuotaSettings settings;
        settings.requests = random.between(1, 3000);
        settings.concurrency = random.between(1, 20);
        limits::QuotaSettings roomy = settings;
        GatewayGate gate(settings);
        limits::Quota quota(roomy, MonoTime{});
        std::vector<limits::Ticket> tickets;
        MonoTime now{};
        for (int i = 0; i < 400; ++i) {
            now += milliseconds(random.between(0, 300));
            if (random.below(20) == 0) {
                const double factor = random.below(3) == 0 ? 1 : random.unit();
                gate.set_factor(factor, now);
                quota.set_factor(factor, now);
            }
            if (!tickets.empty() && random.below(2) == 0) {
                gate.leave();
                quota.finish(tickets.back(), std::nullopt, now);
                tickets.pop_back();
            }
            const auto expected = quota.check(0, now);
            if (expected.refused_by == limits::Limit::requests) continue;  // not the gate's
            const auto entry = gate.enter(now);
            ASSERT_EQ(entry.entered, expected.admitted) << seed << " " << i;
            ASSERT_EQ(entry.refused_by, expected.refused_by) << seed << " " << i;
            ASSERT_EQ(entry.wait, expected.wait) << seed << " " << i;
            if (entry.entered) tickets.push_back(quota.admit(0, now).ticket);
            ASSERT_EQ(gate.concurrency(), quota.state(now).concurrency);
        }
    }
}

}  // namespace
}  // namespace squadload::squad_api
