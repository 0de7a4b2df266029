// The guard: a gateway admits with it, calls travel for varying times, and the provider enforces
// the same quota without it. No call may be refused there.
#include <gtest/gtest.h>

#include <queue>
#include <vector>

#include "target/limits/oracles_for_tests.h"
#include "target/limits/quota.h"

namespace squadload::limits {
namespace {

using namespace std::chrono_literals;
using oracle::at;
using oracle::Calls;

struct Journey {
    MonoTime arrives;
    MonoTime provider_ends;
    std::int64_t reserved = 0;
    std::int64_t used = 0;
};

// Delays that hurt: long ones and short ones by turns of some length, sometimes anything between.
Nanos delay(Random& random, Nanos guard, std::uint64_t turn) {
    const Nanos base = 3us;
    if (random.below(4) == 0) return base + Nanos{random.between(0, guard.count())};
    return base + (turn % 2 == 0 ? guard : Nanos::zero());
}

// A gateway with endless demand. Times within `length`.
std::vector<Journey> run_gateway(const QuotaSettings& settings, Nanos travel_varies_by,
                                 std::uint64_t seed, Nanos length) {
    struct End {
        MonoTime at;
        Ticket ticket;
        std::int64_t used = 0;
        bool operator<(const End& other) const { return at > other.at; }
    };
    Random random = oracle::random(seed);
    Quota quota(settings, at(0s));
    std::priority_queue<End> ends;
    std::vector<Journey> journeys;
    const Nanos turn = length / random.between(5, 60);
    const std::int64_t largest =
        settings.tokens > 0 ? std::max<std::int64_t>(1, settings.tokens / 6) : 10;
    for (MonoTime now = at(0s); now < at(length);) {
        while (!ends.empty() && ends.top().at <= now) {
            quota.finish(ends.top().ticket, ends.top().used, now);
            ends.pop();
        }
        Journey journey;
        journey.reserved = random.between(1, largest);
        const Admission admission = quota.admit(journey.reserved, now);
        if (admission.admitted) {
            const auto turns = static_cast<std::uint64_t>((now - at(0s)) / turn);
            journey.arrives = now + delay(random, travel_varies_by, turns);
            journey.provider_ends = journey.arrives + Nanos{random.between(1, length.count() / 20)};
            journey.used = random.between(0, journey.reserved);
            journeys.push_back(journey);
            const MonoTime back = journey.provider_ends + Nanos{random.between(1, 50'000)};
            ends.push({back, admission.ticket, journey.used});
            continue;
        }
        if (admission.wait == Nanos::max()) {  // too large for the guarded bucket
            now += 1us;
            continue;
        }
        MonoTime next = now + std::max(admission.wait, Nanos{1});
        if (admission.wait == 0ns) next = ends.top().at;
        if (!ends.empty()) next = std::min(next, ends.top().at);
        now = next;
    }
    return journeys;
}

// How many the provider refuses.
std::int64_t replay(const QuotaSettings& enforced, const std::vector<Journey>& journeys) {
    struct Event {
        MonoTime at;
        std::size_t which;
        bool arrival;
    };
    std::vector<Event> events;
    for (std::size_t i = 0; i < journeys.size(); ++i) {
        events.push_back({journeys[i].arrives, i, true});
        events.push_back({journeys[i].provider_ends, i, false});
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.at < b.at; });
    Quota provider(enforced, at(0s));
    std::vector<Ticket> tickets(journeys.size());
    std::int64_t refused = 0;
    for (const Event& event : events) {
        const Journey& journey = journeys[event.which];
        if (!event.arrival) {
            provider.finish(tickets[event.which], journey.used, event.at);
            continue;
        }
        const Admission admission = provider.admit(journey.reserved, event.at);
        tickets[event.which] = admission.ticket;
        refused += admission.admitted ? 0 : 1;
    }
    return refused;
}

QuotaSettings some_quota(Random& random) {
    QuotaSettings settings;
    settings.algorithm = static_cast<Algorithm>(random.below(3));
    settings.tokens_algorithm = static_cast<Algorithm>(random.below(3));
    settings.window = Nanos{random.between(1'000'000, 4'000'000)};
    settings.requests = random.between(1, 60);
    settings.burst = random.between(0, settings.requests);
    settings.day = settings.window * 5;
    if (random.below(3) == 0) settings.requests_day = settings.requests * 4;
    if (random.below(2) == 0) settings.tokens = random.between(1, 2'000);
    if (settings.tokens_algorithm != Algorithm::token_bucket && random.below(2) == 0) {
        settings.tokens_accounting = TokenAccounting::settle;
    }
    if (random.below(3) == 0) settings.concurrency = random.between(1, 20);
    return settings;
}

TEST(QuotaGuardTest, WithinTheGuardNoCallBreaksTheProvidersLimits) {
    std::int64_t sent = 0;
    std::int64_t refused_without = 0;
    for (std::uint64_t seed = 0; seed < 600; ++seed) {
        Random random = oracle::random(seed);
        const QuotaSettings enforced = some_quota(random);
        QuotaSettings kept = enforced;
        kept.guard = Nanos{random.between(1, enforced.window.count() / 3)};
        const Nanos length = enforced.window * 8;
        const auto journeys = run_gateway(kept, kept.guard, seed, length);
        sent += static_cast<std::int64_t>(journeys.size());
        ASSERT_EQ(replay(enforced, journeys), 0) << seed;

        // By definition as well, not only by the provider's own quota.
        Calls arrivals;
        Calls reserved;
        for (const Journey& journey : journeys) {
            arrivals.push_back({journey.arrives, 1});
            reserved.push_back({journey.arrives, journey.reserved});
        }
        arrivals = oracle::sorted(arrivals);
        const Rate rate{enforced.requests, enforced.window};
        const bool bucket = enforced.algorithm == Algorithm::token_bucket;
        if (!bucket) {
            EXPECT_LE(oracle::most_in_window(arrivals, enforced.window), enforced.requests);
        }
        if (bucket || enforced.burst > 0) {
            const std::int64_t depth = enforced.burst > 0 ? enforced.burst : enforced.requests;
            EXPECT_TRUE(oracle::bucket_holds(arrivals, rate, depth)) << seed;
        }
        if (enforced.tokens > 0 && enforced.tokens_accounting == TokenAccounting::reserve &&
            enforced.tokens_algorithm != Algorithm::token_bucket) {
            EXPECT_LE(oracle::most_in_window(oracle::sorted(reserved), enforced.window),
                      enforced.tokens);
        }
        // The same delays with no guard do break them, so this test can fail.
        refused_without += replay(enforced, run_gateway(enforced, kept.guard, seed, length));
    }
    EXPECT_GT(sent, 30'000);
    EXPECT_GT(refused_without, 1'000);
}

TEST(QuotaGuardTest, ASmallGuardCostsLittle) {
    for (const Algorithm algorithm :
         {Algorithm::sliding_log, Algorithm::fixed_window, Algorithm::token_bucket}) {
        QuotaSettings settings;
        settings.algorithm = algorithm;
        settings.requests = 1560;
        settings.burst = 52;
        settings.guard = 50ms;
        Quota quota(settings, at(0s));
        std::int64_t admitted = 0;
        for (Nanos now{}; now < 180s; now += 5ms) {
            const Admission admission = quota.admit(0, at(now));
            if (!admission.admitted) continue;
            ++admitted;
            quota.finish(admission.ticket, 0, at(now));
        }
        EXPECT_GE(static_cast<double>(admitted), 0.99 * 3 * 1560);
    }
}

TEST(QuotaGuardTest, AGuardedDayIsAnyDay) {
    QuotaSettings settings;
    settings.requests_day = 10;
    settings.day = 1h;
    settings.guard = 1s;
    Quota quota(settings, at(0s));
    ASSERT_TRUE(quota.admit(0, at(0s)).admitted);
    for (int i = 0; i < 9; ++i) ASSERT_TRUE(quota.admit(0, at(50min)).admitted);
    EXPECT_EQ(quota.wait_for(0, at(1h)), 1s);
    EXPECT_TRUE(quota.admit(0, at(1h + 1s)).admitted);
    EXPECT_EQ(quota.wait_for(0, at(1h + 1s)), 50min);
}

}  // namespace
}  // namespace squadload::limits
