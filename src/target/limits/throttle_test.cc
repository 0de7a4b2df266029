#include "target/limits/throttle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "target/limits/oracles_for_tests.h"
#include "target/limits/quota.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;

void too_many(Throttle& throttle, int times, Nanos now) {
    for (int i = 0; i < times; ++i) throttle.rate_limited(at(now));
}

TEST(ThrottleTest, SeveralInAWindowLowerTheFactorOnceInAHoldTime) {
    Throttle throttle({});
    EXPECT_EQ(throttle.factor(at(0s)), 1);
    too_many(throttle, 2, 0s);
    EXPECT_EQ(throttle.factor(at(0s)), 1);
    too_many(throttle, 1, 9s);  // three within ten seconds
    EXPECT_EQ(throttle.factor(at(9s)), 0.5);
    too_many(throttle, 100, 9s + 999ms);
    EXPECT_EQ(throttle.factor(at(9s + 999ms)), 0.5);
    too_many(throttle, 2, 10s);  // those within the hold do not count
    EXPECT_EQ(throttle.factor(at(10s)), 0.5);
    too_many(throttle, 1, 10s);
    EXPECT_EQ(throttle.factor(at(10s)), 0.25);
    for (int i = 0; i < 10; ++i) too_many(throttle, 3, 11s + i * 1s);
    EXPECT_EQ(throttle.factor(at(20s)), 0.1);
}

TEST(ThrottleTest, TooFewInAWindowChangeNothing) {
    Throttle throttle({});
    for (int i = 0; i < 1000; ++i) {  // two within any ten seconds
        throttle.rate_limited(at(i * 5s));
        ASSERT_EQ(throttle.factor(at(i * 5s)), 1);
    }
}

TEST(ThrottleTest, CalmRestoresItStepByStep) {
    Throttle throttle({});
    too_many(throttle, 3, 100s);
    EXPECT_EQ(throttle.factor(at(103s - 1ns)), 0.5);
    EXPECT_DOUBLE_EQ(throttle.factor(at(103s)), 0.6);
    EXPECT_DOUBLE_EQ(throttle.factor(at(106s)), 0.7);
    EXPECT_EQ(throttle.state(at(107s)).next_step_after, 2s);
    EXPECT_EQ(throttle.factor(at(115s)), 1);
    const ThrottleState state = throttle.state(at(200s));
    EXPECT_EQ(state.since, at(115s));
    EXPECT_EQ(state.last_429, at(100s));
    EXPECT_EQ(state.recent_429s, 0);
    EXPECT_EQ(state.steps_down, 1U);
    EXPECT_FALSE(state.next_step_after);
}

TEST(ThrottleTest, AStray429DelaysRestoringByAtMostTheCalmTime) {
    Throttle throttle({});
    too_many(throttle, 3, 0s);
    throttle.rate_limited(at(2s));
    EXPECT_EQ(throttle.state(at(2s)).next_step_after, 3s);
    EXPECT_EQ(throttle.factor(at(5s - 1ns)), 0.5);
    EXPECT_DOUBLE_EQ(throttle.factor(at(5s)), 0.6);
    EXPECT_EQ(throttle.factor(at(17s)), 1);  // where one stray 429 used to block it for ever

    // A stray one every so often, never enough for a step down: each step up comes within 2 calm.
    Throttle trickle({});
    too_many(trickle, 3, 0s);
    for (Nanos now = 1500ms; now < 30s; now += 5100ms) trickle.rate_limited(at(now));
    EXPECT_EQ(trickle.factor(at(30s)), 1);
    ThrottleSettings dense;
    dense.trigger = 1000;
    dense.hold = 0s;
    Throttle storm(dense);
    too_many(storm, 1000, 0s);
    for (Nanos now = 100ms; now < 30s; now += 100ms) storm.rate_limited(at(now));
    EXPECT_EQ(storm.factor(at(30s)), 1);
}

TEST(ThrottleTest, AtTheFloorAStormStillHoldsItThere) {
    Throttle throttle({});
    for (Nanos now{}; now < 60s; now += 40ms) {
        throttle.rate_limited(at(now));
        if (now > 10s) {
            ASSERT_EQ(throttle.factor(at(now)), 0.1);
        }
    }
    EXPECT_EQ(throttle.factor(at(60s + 27s)), 1);
}

TEST(ThrottleTest, AStormIsAnsweredWithinTwoSeconds) {
    Throttle throttle({});
    for (Nanos now{}; now <= 2s; now += 38ms) throttle.rate_limited(at(now));
    EXPECT_LE(throttle.factor(at(2s)), 0.25);
}

// The header's rules, a millisecond at a time.
class TickingThrottle {
  public:
    explicit TickingThrottle(const ThrottleSettings& s) : s_(s) {}

    void tick(std::int64_t ms) {
        if (factor < 1 &&
            (ms >= std::max(step_, last_) + in_ms(s_.calm) || ms >= step_ + 2 * in_ms(s_.calm))) {
            factor = std::min(1.0, factor + s_.restore_step);
            if (std::abs(factor - 1) < 1e-9) factor = 1;
            step_ = ms;
        }
    }
    void rate_limited(std::int64_t ms) {
        last_ = ms;
        if (down_ >= 0 && ms < down_ + in_ms(s_.hold)) return;
        counted_.push_back(ms);
        std::int64_t in_window = 0;
        for (const std::int64_t t : counted_) in_window += t > ms - in_ms(s_.window) ? 1 : 0;
        if (in_window < s_.trigger) return;
        factor = std::max(s_.floor, factor * s_.decrease);
        step_ = down_ = ms;
        counted_.clear();
    }
    double factor = 1;

  private:
    static std::int64_t in_ms(Nanos t) { return t / 1ms; }
    ThrottleSettings s_;
    std::int64_t step_ = 0;
    std::int64_t down_ = -1;
    std::int64_t last_ = 0;
    std::vector<std::int64_t> counted_;
};

TEST(ThrottleTest, FollowsTheRulesTickByTickAndAlwaysRecovers) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Random random = oracle::random(seed);
        ThrottleSettings settings;
        settings.trigger = random.between(1, 5);
        settings.window = random.between(10, 1000) * 1ms;
        settings.decrease = 0.3 + 0.6 * random.unit();
        settings.hold = random.between(0, 300) * 1ms;
        settings.floor = 0.05 + 0.5 * random.unit();
        settings.calm = random.between(1, 400) * 1ms;
        settings.restore_step = 0.02 + 0.3 * random.unit();
        Throttle throttle(settings);
        TickingThrottle ticking(settings);
        std::uint64_t every = 1;
        std::int64_t last = 0;
        for (std::int64_t ms = 0; ms < 5000; ++ms) {
            if (random.below(300) == 0) every = 1 + random.below(400);
            ticking.tick(ms);
            if (random.below(every) == 0) {
                ticking.rate_limited(ms);
                throttle.rate_limited(at(ms * 1ms));
                last = ms;
            }
            if (random.below(20) != 0) continue;
            ASSERT_NEAR(throttle.factor(at(ms * 1ms)), ticking.factor, 1e-9) << seed << " " << ms;
            ASSERT_GE(throttle.factor(at(ms * 1ms)), settings.floor);
        }
        const auto steps =
            static_cast<std::int64_t>(std::ceil((1 - settings.floor) / settings.restore_step));
        ASSERT_EQ(throttle.factor(at(last * 1ms + steps * settings.calm)), 1) << seed;
    }
}

TEST(ThrottleTest, SettlesBesideAHalvedQuotaAndComesBack) {
    QuotaSettings declared;
    declared.requests = 1560;
    declared.algorithm = Algorithm::token_bucket;
    declared.burst = 52;
    QuotaSettings halved = declared;
    halved.requests = 780;
    Quota gateway(declared, at(0s));
    Quota provider(declared, at(0s));
    Throttle throttle({});
    int served = 0;
    int limited = 0;
    const auto run = [&](Nanos from, Nanos to) {
        served = limited = 0;
        for (Nanos now = from; now < to; now += 10ms) {
            gateway.set_factor(throttle.factor(at(now)), at(now));
            const Admission sent = gateway.admit(0, at(now));
            if (!sent.admitted) continue;
            const Admission admission = provider.admit(0, at(now));
            if (!admission.admitted) throttle.rate_limited(at(now));
            ++(admission.admitted ? served : limited);
            provider.finish(admission.ticket, 0, at(now));
            gateway.finish(sent.ticket, 0, at(now));
        }
    };
    run(0s, 60s);
    EXPECT_EQ(limited, 0);
    provider.change(halved, at(60s));
    run(60s, 70s);
    run(70s, 190s);
    EXPECT_GE(served, 2 * 780 * 80 / 100);
    EXPECT_LE(limited, (served + limited) * 2 / 100);
    provider.change(declared, at(190s));
    run(190s, 220s);
    run(220s, 280s);
    EXPECT_EQ(throttle.factor(at(280s)), 1);
    EXPECT_EQ(limited, 0);
    EXPECT_GE(served, 1560 * 99 / 100);
}

TEST(ThrottleTest, TimeJumpsAndSillySettings) {
    Throttle throttle({});
    too_many(throttle, 3, 100s);
    too_many(throttle, 3, 5s);  // back: as at 100 s, within the hold
    EXPECT_EQ(throttle.factor(at(5s)), 0.5);
    EXPECT_EQ(throttle.factor(MonoTime::max()), 1);

    ThrottleSettings silly;
    silly.trigger = 0;
    silly.window = -1s;
    silly.decrease = -1;
    silly.hold = Nanos::max();
    silly.floor = 0;
    silly.calm = Nanos::max();
    silly.restore_step = 0;
    Throttle odd(silly);
    odd.rate_limited(at(1s));
    EXPECT_EQ(odd.factor(at(1s)), 0.001);
    EXPECT_EQ(odd.factor(MonoTime::max() - 1ns), 0.001);
    silly.calm = 0s;
    silly.floor = 0.7;
    odd.change(silly, MonoTime::max() - 1ns);
    EXPECT_EQ(odd.factor(MonoTime::max()), 1);

    ThrottleSettings off;
    off.decrease = 1;
    Throttle never(off);
    too_many(never, 1000, 1s);
    EXPECT_EQ(never.factor(at(1s)), 1);
    EXPECT_EQ(never.state(at(1s)).recent_429s, 1000);
}

}  // namespace
}  // namespace squadload::limits
