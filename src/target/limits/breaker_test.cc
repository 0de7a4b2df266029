#include "target/limits/breaker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "target/limits/oracles_for_tests.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;

// One call that ends at once.
bool call(Breaker& breaker, bool ok, Nanos now) {
    const auto pass = breaker.allows(at(now));
    if (!pass) return false;
    if (ok) breaker.succeeded(*pass, at(now));
    if (!ok) breaker.failed(*pass, at(now));
    return true;
}

void open_it(Breaker& breaker, Nanos now) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(call(breaker, false, now));
    ASSERT_EQ(breaker.state(at(now)).phase, BreakerPhase::open);
}

TEST(BreakerTest, OpensOnFailuresInARow) {
    Breaker breaker({});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 4; ++i) EXPECT_TRUE(call(breaker, false, 1s));
        EXPECT_TRUE(call(breaker, true, 1s));
    }
    EXPECT_EQ(breaker.state(at(1s)).phase, BreakerPhase::closed);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(call(breaker, false, 2s));
    EXPECT_FALSE(breaker.allows(at(2s)));
    const BreakerState state = breaker.state(at(2s));
    EXPECT_EQ(name_of(state.phase), "open");
    EXPECT_EQ(state.since, at(2s));
    EXPECT_EQ(state.opened, 1U);
    EXPECT_EQ(breaker.retry_after(at(2500ms)), 1500ms);
    EXPECT_FALSE(breaker.would_allow(at(4s - 1ns)));
    EXPECT_TRUE(breaker.would_allow(at(4s)));
}

TEST(BreakerTest, OpensOnAShareOfFailuresInTheWindow) {
    BreakerSettings settings;
    settings.failures = 0;
    Breaker breaker(settings);
    // Half of 19: too few samples. The twentieth decides.
    for (int i = 0; i < 19; ++i) EXPECT_TRUE(call(breaker, i % 2 == 0, 1s));
    EXPECT_EQ(breaker.state(at(1s)).failed, 9);
    EXPECT_TRUE(call(breaker, false, 1s));
    EXPECT_EQ(breaker.state(at(1s)).phase, BreakerPhase::open);

    // What is older than the window does not count.
    Breaker later(settings);
    for (int i = 0; i < 19; ++i) EXPECT_TRUE(call(later, i % 2 == 0, 1s));
    EXPECT_EQ(later.state(at(10s)).samples, 19);
    EXPECT_EQ(later.state(at(11s)).samples, 0);
    EXPECT_TRUE(call(later, false, 11s));
    EXPECT_EQ(later.state(at(11s)).phase, BreakerPhase::closed);
    EXPECT_EQ(later.state(at(11s)).failed, 1);

    // And what was before it closed again does not, either.
    BreakerSettings quick = settings;
    quick.open = 10ms;
    Breaker reopened(quick);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(call(reopened, i % 2 == 0, 1s));
    EXPECT_TRUE(call(reopened, true, 1010ms));
    EXPECT_TRUE(call(reopened, false, 1020ms));
    EXPECT_EQ(reopened.state(at(1020ms)).phase, BreakerPhase::closed);

    // Just below the share it stays closed whatever the number.
    Breaker busy(settings);
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(call(busy, i * 9 % 20 < 11, 1s + i * 1ms));
}

TEST(BreakerTest, HalfOpenLetsABoundedNumberOfProbesThrough) {
    BreakerSettings settings;
    settings.probes = 3;
    settings.successes = 2;
    Breaker breaker(settings);
    open_it(breaker, 0s);
    std::vector<Breaker::Pass> probes;
    for (int i = 0; i < 100; ++i) {
        if (const auto pass = breaker.allows(at(2s))) probes.push_back(*pass);
    }
    ASSERT_EQ(probes.size(), 3U);
    EXPECT_EQ(name_of(breaker.state(at(2s)).phase), "half_open");
    EXPECT_EQ(breaker.retry_after(at(2s)), 0s);
    breaker.abandoned(probes[0], at(3s));  // no verdict: another may try
    probes[0] = breaker.allows(at(3s)).value();
    EXPECT_FALSE(breaker.allows(at(3s)));
    breaker.succeeded(probes[1], at(3s));
    EXPECT_EQ(breaker.state(at(3s)).phase, BreakerPhase::half_open);
    breaker.succeeded(probes[2], at(3s));
    EXPECT_EQ(name_of(breaker.state(at(3s)).phase), "closed");
    breaker.failed(probes[0], at(3s));  // began before it closed: says nothing
    EXPECT_EQ(breaker.state(at(3s)).failures_in_row, 0);
}

TEST(BreakerTest, OpensForLongerEachTimeAndAsAtFirstAfterSuccess) {
    Breaker breaker({});
    open_it(breaker, 0s);
    Nanos now{};
    for (const Nanos expected : {2s, 4s, 8s, 15s, 15s}) {
        EXPECT_EQ(breaker.retry_after(at(now)), expected);
        now += expected;
        EXPECT_FALSE(breaker.would_allow(at(now - 1ns)));
        EXPECT_TRUE(call(breaker, false, now));
        EXPECT_FALSE(call(breaker, true, now));
    }
    now += 15s;
    EXPECT_TRUE(call(breaker, true, now));
    open_it(breaker, now);
    EXPECT_EQ(breaker.retry_after(at(now)), 2s);
    EXPECT_EQ(breaker.state(at(now)).opened, 7U);
}

TEST(BreakerTest, SuccessesOfAnEarlierHalfOpenDoNotCount) {
    BreakerSettings settings;
    settings.successes = 2;
    Breaker breaker(settings);
    open_it(breaker, 0s);
    EXPECT_TRUE(call(breaker, true, 2s));
    EXPECT_TRUE(call(breaker, false, 2s));
    EXPECT_TRUE(call(breaker, true, 6s));
    EXPECT_EQ(breaker.state(at(6s)).phase, BreakerPhase::half_open);
    EXPECT_TRUE(call(breaker, true, 6s));
    EXPECT_EQ(breaker.state(at(6s)).phase, BreakerPhase::closed);
}

TEST(BreakerTest, LateResultsOfEarlierCallsDecideNothing) {
    Breaker breaker({});
    const auto slow_ok = breaker.allows(at(0s)).value();
    const auto slow_bad = breaker.allows(at(0s)).value();
    open_it(breaker, 1s);
    breaker.succeeded(slow_ok, at(2s));
    EXPECT_EQ(breaker.state(at(2s)).phase, BreakerPhase::open);
    const auto probe = breaker.allows(at(3s)).value();
    breaker.failed(slow_bad, at(3s));
    breaker.abandoned(slow_bad, at(3s));
    EXPECT_EQ(breaker.state(at(3s)).phase, BreakerPhase::half_open);
    EXPECT_FALSE(breaker.allows(at(3s)));  // the probe's slot is still taken
    breaker.succeeded(probe, at(4s));
    EXPECT_EQ(breaker.state(at(4s)).phase, BreakerPhase::closed);
    for (int i = 0; i < 10; ++i) breaker.failed(slow_bad, at(4s));
    breaker.failed({}, at(4s));  // a pass of nobody
    EXPECT_EQ(breaker.state(at(4s)).phase, BreakerPhase::closed);
}

TEST(BreakerTest, ALostProbeDoesNotShutItForEver) {
    Breaker breaker({});
    open_it(breaker, 0s);
    const auto lost = breaker.allows(at(2s)).value();
    EXPECT_FALSE(breaker.allows(at(62s - 1ns)));
    const auto next = breaker.allows(at(62s));
    ASSERT_TRUE(next);
    breaker.abandoned(lost, at(62s));  // after all; frees at most what is taken
    breaker.abandoned(lost, at(62s));
    EXPECT_TRUE(breaker.allows(at(62s)));
    EXPECT_FALSE(breaker.allows(at(62s)));
    breaker.succeeded(*next, at(63s));
    EXPECT_EQ(breaker.state(at(63s)).phase, BreakerPhase::closed);
}

// Outages of random length under random load; every call fails during one, succeeds otherwise, and
// takes up to P. Within the header's time after the end of an outage the breaker is closed.
TEST(BreakerTest, TrafficIsBackWithinTheStatedTime) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Random random = oracle::random(seed);
        BreakerSettings settings;
        settings.failures = random.between(0, 5);
        settings.min_samples = random.between(1, 10);
        settings.open = random.between(1, 2000) * 1ms;
        settings.growth = 1 + 2 * random.unit();
        settings.open_max = settings.open * random.between(1, 10);
        settings.probes = random.between(1, 3);
        settings.successes = random.between(1, 3);
        const Nanos longest_call = random.between(1, 500) * 1ms;
        const Nanos longest_gap = random.between(1, 200) * 1ms;
        Breaker breaker(settings);
        struct Call {
            MonoTime end;
            Breaker::Pass pass;
            bool ok;
        };
        std::vector<Call> calls;
        bool opened = false;
        const Nanos outage_begins = 5s;
        const Nanos outage_ends = outage_begins + random.between(1, 20'000) * 1ms;
        const Nanos back = outage_ends + longest_call + settings.open_max +
                           settings.successes * (longest_gap + longest_call);
        Nanos next_call{};
        for (Nanos now{}; now <= back; now += 1ms) {
            const bool healthy = now < outage_begins || now >= outage_ends;
            std::erase_if(calls, [&](const Call& c) {
                if (c.end > at(now)) return false;
                if (c.ok) breaker.succeeded(c.pass, at(now));
                if (!c.ok) breaker.failed(c.pass, at(now));
                return true;
            });
            const BreakerState state = breaker.state(at(now));
            opened = opened || state.phase == BreakerPhase::open;
            ASSERT_LE(state.open_time, settings.open_max);
            ASSERT_LE(breaker.retry_after(at(now)), settings.open_max);
            const bool would = breaker.would_allow(at(now));
            if (now < next_call) continue;
            next_call = now + random.between(1, longest_gap / 1ms) * 1ms;
            const auto pass = breaker.allows(at(now));
            ASSERT_EQ(pass.has_value(), would);
            ASSERT_FALSE(pass && state.phase == BreakerPhase::open);
            if (!pass) continue;
            const Nanos takes = random.between(1, longest_call / 1ms) * 1ms;
            calls.push_back({at(now + takes), *pass, healthy});
        }
        EXPECT_EQ(breaker.state(at(back)).phase, BreakerPhase::closed) << seed;
        if (outage_ends - outage_begins > 10s) {
            EXPECT_TRUE(opened) << seed;
        }
    }
}

TEST(BreakerTest, NeverMoreProbesAtOnceThanAllowed) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        Random random = oracle::random(seed);
        BreakerSettings settings;
        settings.probes = random.between(1, 4);
        settings.successes = 1'000;
        Breaker breaker(settings);
        open_it(breaker, 0s);
        std::vector<Breaker::Pass> out;
        for (Nanos now = 2s; now < 30s; now += 10ms) {
            if (const auto pass = breaker.allows(at(now))) out.push_back(*pass);
            ASSERT_LE(static_cast<std::int64_t>(out.size()), settings.probes) << seed;
            if (!out.empty() && random.below(3) == 0) {
                const bool ok = random.below(2) == 0;
                if (ok) breaker.succeeded(out.back(), at(now));
                if (!ok) breaker.abandoned(out.back(), at(now));
                out.pop_back();
            } else if (static_cast<std::int64_t>(out.size()) < settings.probes) {
                ASSERT_TRUE(breaker.would_allow(at(now))) << seed;
            }
        }
    }
}

TEST(BreakerTest, ChangingSettingsKeepsThePhase) {
    Breaker breaker({});
    open_it(breaker, 0s);
    BreakerSettings settings;
    settings.open = 1s;
    settings.open_max = 1s;
    breaker.change(settings);
    EXPECT_EQ(breaker.retry_after(at(0s)), 1s);
    EXPECT_TRUE(call(breaker, true, 1s));
    EXPECT_EQ(breaker.state(at(1s)).open_time, 1s);
}

TEST(BreakerTest, TimeJumpsAndSillySettings) {
    Breaker breaker({});
    open_it(breaker, 100s);
    EXPECT_FALSE(breaker.allows(at(5s)));
    EXPECT_EQ(breaker.retry_after(at(5s)), 2s);  // back: as at 100 s
    EXPECT_TRUE(call(breaker, true, 24h * 365 * 100));

    BreakerSettings silly;
    silly.failures = -1;
    silly.failure_share = 7;
    silly.min_samples = -1;
    silly.window = -1s;
    silly.open = Nanos::max();
    silly.growth = 1e300;
    silly.open_max = -1s;
    silly.probes = silly.successes = 0;
    silly.probe_timeout = -1s;
    Breaker odd(silly);
    EXPECT_TRUE(call(odd, false, 1s));
    EXPECT_EQ(odd.retry_after(at(1s)), Nanos::max());
    EXPECT_FALSE(odd.allows(MonoTime::max()));
    silly.open = 0s;
    odd.change(silly);
    EXPECT_TRUE(call(odd, false, MonoTime::max() - MonoTime{}));
    EXPECT_TRUE(call(odd, true, MonoTime::max() - MonoTime{}));
    EXPECT_EQ(odd.state(MonoTime::max()).phase, BreakerPhase::closed);
}

}  // namespace
}  // namespace squadload::limits
