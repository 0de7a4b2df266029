// A clean gateway is never accused: the product's own limits, throttle, breaker and pauses call
// simulated providers through storms and outages in simulated time, and the witness, which shares
// no code with them, finds nothing broken. 1,000 seeds; the k-th differs in limits, load and
// faults.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>

#include "judge/witness/world_for_test.h"
#include "target/limits/quota.h"
#include "target/squad_api/provider_state.h"

namespace squadload::witness {
namespace {

using namespace std::chrono_literals;
using world::Limits;
using world::ProviderSide;
using world::World;

MonoTime at(Nanos now) {
    return MonoTime{} + now;
}

limits::QuotaSettings quota_of(const Limits& limits) {
    limits::QuotaSettings q;
    q.requests = limits.requests;
    q.burst = limits.burst;
    q.window = limits.window;
    q.guard = limits.guard;
    q.tokens = limits.tokens;
    q.concurrency = limits.concurrency;
    return q;
}

// What squad-api asks before it calls a provider, in its order.
class RealLimits : public world::Limiter {
  public:
    explicit RealLimits(const Limits& limits)
        : Limiter(limits), quota_(quota_of(limits), at(0ns)), state_(settings()) {}

    std::string take(Nanos now, std::uint64_t request) override {
        if (const auto closed = state_.closed(at(now)))
            return std::string(squad_api::name_of(closed->reason));
        quota_.set_factor(state_.factor(at(now)), at(now));
        const auto admission = quota_.admit(world::kTokensAsked, at(now));
        if (!admission.admitted)
            return admission.refused_by == limits::Limit::throttle ? "throttle" : "quota";
        const auto pass = state_.begin(at(now));
        if (!pass) {
            quota_.cancel(admission.ticket, at(now));
            return "breaker";
        }
        calls_[request] = {admission.ticket, *pass};
        return "";
    }
    void ended(Nanos now, std::uint64_t request, int status, std::optional<Nanos> hint) override {
        const auto call = calls_.extract(request).mapped();
        quota_.finish(call.ticket, std::nullopt, at(now));
        squad_api::CallEnd end;
        end.status = status;
        end.retry_after = hint;
        end.reason = status == 200   ? squad_api::Reason::none
                     : status == 429 ? squad_api::Reason::rate_limited
                                     : squad_api::Reason::server_error;
        state_.ended(call.pass, end, at(now));
    }
    void refused(Nanos, std::optional<Nanos>) override {}

  private:
    struct Call {
        limits::Ticket ticket;
        squad_api::ProviderState::Pass pass;
    };
    static squad_api::ProviderSettings settings() { return {}; }

    limits::Quota quota_;
    squad_api::ProviderState state_;
    std::map<std::uint64_t, Call> calls_;  // by request: one call of it at a time
};

// From now on the provider says `status`, for as long, with this hint if it is a 429.
struct Trouble {
    Nanos from{}, until{};
    int status = 429;
};

ProviderSide provider(const std::string& name, Random& random) {
    ProviderSide p;
    p.name = name;
    p.limits.window = random.below(2) == 0 ? 10s : 20s;
    p.limits.requests = 40 + static_cast<std::int64_t>(random.below(200));
    p.limits.burst = 2 + static_cast<std::int64_t>(random.below(20));
    if (random.below(3) == 0)
        p.limits.tokens = world::kTokensAsked * (30 + static_cast<std::int64_t>(random.below(150)));
    if (random.below(3) == 0) p.limits.concurrency = 1 + static_cast<std::int64_t>(random.below(8));
    if (random.below(2) == 0) {
        Trouble t;
        t.from = from_seconds(10 + 10 * random.unit());
        t.until = t.from + from_seconds(10 * random.unit());
        t.status = random.below(3) == 0 ? 503 : 429;
        p.status = [t](Nanos now) { return now >= t.from && now < t.until ? t.status : 200; };
        if (random.below(2) == 0) p.hint = std::chrono::seconds(1 + random.below(3));
    }
    p.limiter = std::make_unique<RealLimits>(p.limits);
    return p;
}

std::string said(const std::vector<ProviderSide>& providers) {
    std::string out;
    for (const auto& p : providers)
        out +=
            fmt::format("\n  {}: {} requests and {} tokens in {} s, burst {}, concurrency {}, {}",
                        p.name, p.limits.requests, p.limits.tokens, to_seconds(p.limits.window),
                        p.limits.burst, p.limits.concurrency,
                        !p.status ? "well"
                        : p.hint  ? "in trouble, with hints"
                                  : "in trouble");
    return out;
}

TEST(WitnessAndLimits, AThousandCleanRunsAndNobodyIsAccused) {
    std::map<std::string, int> exercised;
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        Random random(seed, RandomStream::test, 1);
        std::vector<ProviderSide> providers;
        for (const char* name : {"one", "two", "three"})
            providers.push_back(provider(name, random));
        const std::string setting = said(providers);
        World world(std::move(providers), seed);
        world.run(5 + 35 * random.unit(), 60s);
        for (const auto& check : world.judged()) {
            ASSERT_NE(check.answer, result::WitnessAnswer::broken)
                << "seed " << seed << ": " << check.check << " of " << check.provider << ": "
                << check.sentence << setting;
            exercised[check.check] += check.answer != result::WitnessAnswer::not_exercised;
        }
    }
    // Nothing was kept because nothing was looked at.
    for (const char* check :
         {"window", "bucket", "tokens", "retry_after", "chain_order", "attempts", "truth",
          "amplification", "throttle", "recovery", "return"})
        EXPECT_GT(exercised[check], 20) << check;
}

}  // namespace
}  // namespace squadload::witness
