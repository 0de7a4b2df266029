// Faults planted in a gateway: each is found by the check it belongs to, and no other accuses it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "judge/witness/world_for_test.h"

namespace squadload::witness {
namespace {

using namespace world;
using result::WitnessAnswer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::set<std::string> answered(const std::vector<result::WitnessCheck>& rows,
                               WitnessAnswer answer) {
    std::set<std::string> out;
    for (const auto& row : rows)
        if (row.answer == answer) out.insert(row.check);
    return out;
}
std::set<std::string> broken(const std::vector<result::WitnessCheck>& rows) {
    return answered(rows, WitnessAnswer::broken);
}

int storm(Nanos now, Nanos from, Nanos to) {
    return now >= from && now < to ? 429 : 200;
}

std::vector<ProviderSide> three(std::function<int(Nanos)> first = {},
                                std::optional<Nanos> hint = {}) {
    std::vector<ProviderSide> out(3);
    out[0].name = "groq";
    out[0].status = std::move(first);
    out[0].hint = hint;
    out[1].name = "cerebras";
    out[1].limits = {600, 30};
    out[2].name = "gemini";
    out[2].limits = {1200, 60};
    return out;
}

TEST(Planted, ACleanGatewayIsNotAccused) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        World world(three(), seed);
        world.run(12, 150s);
        const auto rows = world.judged();
        EXPECT_THAT(broken(rows), IsEmpty()) << "seed " << seed;
        EXPECT_THAT(answered(rows, WitnessAnswer::kept), Contains("utilisation"));
        EXPECT_THAT(answered(rows, WitnessAnswer::kept), Contains("truth"));
    }
}

TEST(Planted, ACleanGatewayIsNotAccusedInStorms) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const Nanos hint = seed % 3 == 0 ? Nanos{8s} : Nanos{500ms};
        World world(three([](Nanos t) { return storm(t, 70s, 90s); },
                          seed % 2 == 0 ? std::nullopt : std::optional(hint)),
                    seed);
        world.run(12, 200s);
        const auto rows = world.judged();
        EXPECT_THAT(broken(rows), IsEmpty()) << "seed " << seed;
        // With long hints so few calls are refused that the throttle is never asked.
        if (seed % 2 == 0 || seed % 3 != 0) {
            EXPECT_THAT(answered(rows, WitnessAnswer::kept), Contains("recovery")) << seed;
        }
    }
}

// Counts per clock window: twice the limit around a boundary.
class FixedWindow : public Limiter {
  public:
    using Limiter::Limiter;
    std::string take(Nanos now, std::uint64_t) override {
        const auto window = now / limits_.window;
        if (window != window_) count_ = 0;
        window_ = window;
        return count_++ < limits_.requests ? "" : "quota";
    }

  private:
    std::int64_t window_ = -1;
    std::int64_t count_ = 0;
};

TEST(Planted, AFixedWindowsDoubleBurst) {
    auto providers = three();
    providers[0].limits.burst = 0;  // it declares none
    providers[0].limiter = std::make_unique<FixedWindow>(providers[0].limits);
    World world(std::move(providers), 1);
    // 300 calls take 25 s: the end of one window is empty, the start of the next is full.
    world.run(12, 50s);
    EXPECT_THAT(broken(world.judged()), IsEmpty()) << "nothing is broken yet";
    auto again = three();
    again[0].limits.burst = 0;
    again[0].limiter = std::make_unique<FixedWindow>(again[0].limits);
    class Late : public World {
      public:
        using World::World;
        bool overlooks(const Trip&, std::size_t) override { return now_ < 40s; }
    };
    Late late(std::move(again), 1);
    late.run(12, 100s);
    EXPECT_THAT(broken(late.judged()), ElementsAre("window"));
}

// A refill counts whole tokens alone and forgets the rest.
class LossyBucket : public Limiter {
  public:
    using Limiter::Limiter;

  protected:
    void refill(Nanos now) override {
        const double rate = static_cast<double>(limits_.requests) / to_seconds(limits_.window);
        tokens_ = std::min(static_cast<double>(limits_.burst),
                           tokens_ + std::floor(rate * to_seconds(now - refilled_) * 4) / 4);
        refilled_ = now;
    }
};

TEST(Planted, ATokensFractionLostOnRefill) {
    auto providers = three();
    providers[0].limiter = std::make_unique<LossyBucket>(providers[0].limits);
    World world(std::move(providers), 1);
    world.run(12, 150s);
    EXPECT_THAT(broken(world.judged()), ElementsAre("utilisation"));
}

class DeafToHints : public Limiter {
  public:
    using Limiter::Limiter;
    void refused(Nanos now, std::optional<Nanos>) override { slow_down(now); }
};

TEST(Planted, RetryAfterIgnored) {
    auto providers = three([](Nanos t) { return storm(t, 70s, 90s); }, 2s);
    providers[0].limiter = std::make_unique<DeafToHints>(providers[0].limits);
    World world(std::move(providers), 1);
    world.run(12, 200s);
    const auto rows = world.judged();
    EXPECT_THAT(broken(rows), ElementsAre("retry_after"));
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [](const auto& r) { return r.answer == WitnessAnswer::broken; });
    EXPECT_GE(*row->from, 70s) << "the interval is where it happened";
    EXPECT_LE(*row->to, 93s);
    EXPECT_FALSE(row->request_ids.empty());
}

class WrongName : public World {
  public:
    using World::World;
    std::string served_by(const Trip& trip, const std::string& provider) override {
        return trip.number % 50 == 0 ? "gemini" : provider;
    }
};

TEST(Planted, TheWrongProviderReported) {
    WrongName world(three(), 1);
    world.run(12, 100s);
    EXPECT_THAT(broken(world.judged()), ElementsAre("truth"));
}

class Overlooks : public World {
  public:
    using World::World;
    bool overlooks(const Trip& trip, std::size_t place) override {
        return place == 1 && trip.number % 10 == 0;
    }
};

TEST(Planted, AProviderOfTheChainSkipped) {
    Overlooks world(three(), 1);
    world.run(12, 100s);
    EXPECT_THAT(broken(world.judged()), ElementsAre("chain_order"));
}

// Says quota, though there was plenty.
class Excuses : public World {
  public:
    using World::World;
    bool overlooks(const Trip& trip, std::size_t place) override {
        return place == 0 && trip.number % 10 == 0;
    }
    std::string told(const Trip& trip) override {
        return (trip.number % 10 == 0 ? "groq=skipped:quota, " : "") + World::told(trip);
    }
};

TEST(Planted, AFalseExcuse) {
    Excuses world(three(), 1);
    world.run(1, 100s);
    EXPECT_THAT(broken(world.judged()), ElementsAre("chain_order"));
}

// Tells of the call that served, not of those before it.
class HidesRetries : public World {
  public:
    using World::World;
    std::string told(const Trip& trip) override {
        Trip shown = trip;
        std::erase_if(shown.attempts, [](const auto& a) { return a.second == "5xx"; });
        return World::told(shown);
    }
};

TEST(Planted, RetriesHidden) {
    HidesRetries world(three([](Nanos t) { return t / 10ms % 10 == 0 ? 500 : 200; }), 1);
    world.run(3, 100s);
    EXPECT_THAT(broken(world.judged()), ElementsAre("attempts"));
}

class NeverRecovers : public Limiter {
  public:
    using Limiter::Limiter;

  protected:
    void recover(Nanos) override {}
};

TEST(Planted, AThrottleThatNeverRecovers) {
    auto providers = three([](Nanos t) { return storm(t, 70s, 80s); });
    providers[0].limiter = std::make_unique<NeverRecovers>(providers[0].limits);
    World world(std::move(providers), 1);
    world.run(12, 200s);
    EXPECT_THAT(broken(world.judged()), ElementsAre("recovery"));
}

class NeverSlows : public Limiter {
  public:
    using Limiter::Limiter;
    void refused(Nanos, std::optional<Nanos>) override {}
};

TEST(Planted, AGatewayThatDoesNotSlowDown) {
    auto providers = three([](Nanos t) { return storm(t, 70s, 90s); });
    providers[0].limiter = std::make_unique<NeverSlows>(providers[0].limits);
    World world(std::move(providers), 1);
    world.run(12, 200s);
    EXPECT_THAT(broken(world.judged()), ElementsAre("throttle"));
}

TEST(Planted, AGatewayThatStaysAway) {
    class Shy : public Limiter {
      public:
        using Limiter::Limiter;
        void refused(Nanos now, std::optional<Nanos>) override { floor_ = now + 1h; }
    };
    auto providers = three([](Nanos t) { return storm(t, 70s, 75s); }, 2s);
    providers[0].limiter = std::make_unique<Shy>(providers[0].limits);
    World world(std::move(providers), 1);
    world.run(12, 250s);
    EXPECT_THAT(broken(world.judged()), Contains("return"));
}

TEST(Planted, LateCallsWithinTheJitterAccuseNobody) {
    // A correct log-keeper without a guard: the ways of calls alone can bring one too many into a
    // window as the provider sees it.
    auto providers = three();
    providers[0].limits.guard = 0ns;
    World world(std::move(providers), 3);
    world.run(30, 200s);
    EXPECT_THAT(broken(world.judged()), IsEmpty());
}

}  // namespace
}  // namespace squadload::witness
