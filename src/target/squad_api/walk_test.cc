#include "target/squad_api/walk.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::size_t, 4> kChain = {0, 1, 2, 3};
const MonoTime kStart = MonoTime{} + 1h;

class FakeDoors final : public Doors {
  public:
    std::map<std::size_t, Closed> shut;
    std::optional<Closed> closed(std::size_t provider, MonoTime /*now*/) override {
        const auto found = shut.find(provider);
        return found == shut.end() ? std::nullopt : std::optional<Closed>(found->second);
    }
};

// A walk with everything it needs; chains of any length up to four.
struct Way {
    explicit Way(std::size_t length = 4, WalkBounds bounds = {}, double amplification = 10,
                 std::int64_t reserve = 1000)
        : budget(amplification, reserve),
          walk(std::span<const std::size_t>(kChain).first(length), bounds, budget,
               Random(1, RandomStream::backoff, 1), kStart) {}

    CallBudget budget;
    Walk walk;
    FakeDoors doors;
    MonoTime now = kStart;

    Step next() { return walk.next(now, doors); }
    void fail(Reason reason, std::optional<Nanos> hint = std::nullopt, int status = 0) {
        walk.ended(CallEnd{reason, status, hint, false}, 1ms, now);
    }
    void serve() { walk.ended(CallEnd{Reason::none, 200, std::nullopt, false}, 1ms, now); }
    Verdict verdict() { return walk.verdict(now); }
};

TEST(WalkTest, TheFirstProviderServes) {
    Way way;
    const Step step = way.next();
    ASSERT_EQ(step.kind, Step::Kind::acquire);
    EXPECT_EQ(step.provider, 0U);
    way.serve();
    EXPECT_EQ(way.next().kind, Step::Kind::done);
    const Verdict verdict = way.verdict();
    EXPECT_EQ(verdict.kind, Verdict::Kind::served);
    EXPECT_EQ(verdict.provider, 0U);
    EXPECT_FALSE(verdict.fallback);
    ASSERT_EQ(way.walk.attempts().size(), 1U);
    EXPECT_EQ(short_text(way.walk.attempts()[0]), "ok");
}

TEST(WalkTest, EveryFailureButARejectionAsksTheNextAtOnce) {
    const std::vector<Reason> reasons = {Reason::rate_limited, Reason::server_error,
                                         Reason::timeout,      Reason::connect,
                                         Reason::invalid,      Reason::quota};
    for (const Reason reason : reasons) {
        Way way;
        ASSERT_EQ(way.next().provider, 0U);
        way.fail(reason);
        const Step step = way.next();
        ASSERT_EQ(step.kind, Step::Kind::acquire) << name_of(reason);
        EXPECT_EQ(step.provider, 1U);
        way.serve();
        ASSERT_EQ(way.next().kind, Step::Kind::done);
        EXPECT_TRUE(way.verdict().fallback);
        EXPECT_EQ(way.verdict().fallback_reason, reason);
        EXPECT_EQ(way.verdict().provider, 1U);
    }
    Way way;
    static_cast<void>(way.next());
    way.fail(Reason::rejected, std::nullopt, 400);
    EXPECT_EQ(way.next().kind, Step::Kind::done);
    EXPECT_EQ(way.verdict().kind, Verdict::Kind::rejected);
    EXPECT_EQ(way.walk.calls(), 1);
}

TEST(WalkTest, ClosedProvidersArePassedOverAndSaidSo) {
    Way way;
    way.doors.shut[0] = Closed{Reason::breaker, 1s};
    way.doors.shut[1] = Closed{Reason::throttle, 1s};
    Step step = way.next();
    ASSERT_EQ(step.kind, Step::Kind::acquire);
    EXPECT_EQ(step.provider, 2U);
    way.walk.refused(Reason::quota, 1s, way.now);
    step = way.next();
    EXPECT_EQ(step.provider, 3U);
    way.serve();
    const auto& attempts = way.walk.attempts();
    ASSERT_EQ(attempts.size(), 4U);
    EXPECT_EQ(short_text(attempts[0]), "skipped:breaker");
    EXPECT_EQ(short_text(attempts[1]), "skipped:throttle");
    EXPECT_EQ(short_text(attempts[2]), "skipped:quota");
    EXPECT_EQ(short_text(attempts[3]), "ok");
    EXPECT_EQ(way.verdict().fallback_reason, Reason::breaker);
}

TEST(WalkTest, AWholeFailedChainIsTriedAgainAfterAGrowingPauseUpToTheBound) {
    WalkBounds bounds;
    bounds.attempts = 5;
    Way way(1, bounds);
    Nanos full = bounds.backoff_base;
    for (int call = 1; call <= 5; ++call) {
        ASSERT_EQ(way.next().kind, Step::Kind::acquire) << call;
        way.fail(Reason::server_error, std::nullopt, 503);
        const Step step = way.next();
        if (call == 5) {
            EXPECT_EQ(step.kind, Step::Kind::done);
            break;
        }
        ASSERT_EQ(step.kind, Step::Kind::pause);
        EXPECT_GT(step.until, way.now + full / 2 - 1us);
        EXPECT_LE(step.until, way.now + full);
        way.now = step.until;
        full = std::min(full * 2, bounds.backoff_max);
    }
    EXPECT_EQ(way.walk.calls(), 5);
    EXPECT_EQ(way.verdict().kind, Verdict::Kind::failed);
}

TEST(WalkTest, ThePauseIsNotShorterThanTheProvidersHint) {
    Way way(1);
    static_cast<void>(way.next());
    way.fail(Reason::rate_limited, 3s, 429);
    const Step step = way.next();
    ASSERT_EQ(step.kind, Step::Kind::pause);
    EXPECT_GE(step.until, way.now + 3s);
    way.now = step.until;
    EXPECT_EQ(way.next().kind, Step::Kind::acquire);
}

TEST(WalkTest, AHintBeyondTheTotalTimeEndsItWithATruthfulRetryAfter) {
    Way way(1);
    static_cast<void>(way.next());
    way.fail(Reason::rate_limited, 40s, 429);
    EXPECT_EQ(way.next().kind, Step::Kind::done);
    EXPECT_EQ(way.verdict().kind, Verdict::Kind::rate_limited);
    EXPECT_EQ(way.verdict().retry_after, std::optional<Nanos>(40s));
}

TEST(WalkTest, WithoutAnyQuotaItQueues) {
    Way way(2);
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(way.next().kind, Step::Kind::acquire);
        way.walk.refused(Reason::quota, 2s, way.now);
    }
    const Step step = way.next();
    ASSERT_EQ(step.kind, Step::Kind::queue);
    EXPECT_EQ(step.until, way.now + 5s);
    way.now += 2s;
    way.walk.granted(1, way.now);
    way.serve();
    EXPECT_EQ(way.next().kind, Step::Kind::done);
    EXPECT_TRUE(way.verdict().fallback);
    EXPECT_EQ(way.verdict().fallback_reason, Reason::quota);
    EXPECT_EQ(way.walk.queued(), 2s);
}

TEST(WalkTest, AGrantOfTheFirstProviderIsNoFallback) {
    Way way(2);
    for (int i = 0; i < 2; ++i) {
        static_cast<void>(way.next());
        way.walk.refused(Reason::quota, 1s, way.now);
    }
    ASSERT_EQ(way.next().kind, Step::Kind::queue);
    way.walk.granted(0, way.now + 1s);
    way.serve();
    EXPECT_EQ(way.verdict().kind, Verdict::Kind::served);
    EXPECT_FALSE(way.verdict().fallback);
}

TEST(WalkTest, AGrantThatFailsGoesOnAlongTheChain) {
    Way way(2);
    for (int i = 0; i < 2; ++i) {
        static_cast<void>(way.next());
        way.walk.refused(Reason::quota, 1s, way.now);
    }
    ASSERT_EQ(way.next().kind, Step::Kind::queue);
    way.walk.granted(0, way.now);
    way.fail(Reason::rate_limited, std::nullopt, 429);
    const Step step = way.next();
    ASSERT_EQ(step.kind, Step::Kind::acquire);
    EXPECT_EQ(step.provider, 1U);
}

TEST(WalkTest, NobodyQueuesInVain) {
    {  // the soonest room is later than the queue's bound
        Way way(1);
        static_cast<void>(way.next());
        way.walk.refused(Reason::quota, 20s, way.now);
        EXPECT_EQ(way.next().kind, Step::Kind::done);
        EXPECT_EQ(way.verdict().kind, Verdict::Kind::rate_limited);
        EXPECT_EQ(way.verdict().retry_after, std::optional<Nanos>(20s));
    }
    {  // breakers alone
        Way way(2);
        way.doors.shut[0] = Closed{Reason::breaker, 3s};
        way.doors.shut[1] = Closed{Reason::breaker, 2s};
        EXPECT_EQ(way.next().kind, Step::Kind::done);
        EXPECT_EQ(way.verdict().kind, Verdict::Kind::unavailable);
        EXPECT_EQ(way.verdict().retry_after, std::optional<Nanos>(2s));
    }
    {  // more tokens than any provider takes
        Way way(2);
        for (int i = 0; i < 2; ++i) {
            static_cast<void>(way.next());
            way.walk.refused(Reason::quota, Nanos::max(), way.now);
        }
        EXPECT_EQ(way.next().kind, Step::Kind::done);
        EXPECT_EQ(way.verdict().kind, Verdict::Kind::too_large);
    }
    {  // no queue at all
        WalkBounds bounds;
        bounds.queue_wait = 0s;
        Way way(1, bounds);
        static_cast<void>(way.next());
        way.walk.refused(Reason::quota, 1ms, way.now);
        EXPECT_EQ(way.next().kind, Step::Kind::done);
    }
}

TEST(WalkTest, QuotaBesideABreakerQueues) {
    Way way(2);
    way.doors.shut[0] = Closed{Reason::breaker, 10s};
    ASSERT_EQ(way.next().provider, 1U);
    way.walk.refused(Reason::quota, 1s, way.now);
    EXPECT_EQ(way.next().kind, Step::Kind::queue);
    way.now += 5s;
    way.walk.queue_over(way.now);
    EXPECT_EQ(way.next().kind, Step::Kind::done);
    EXPECT_EQ(way.verdict().kind, Verdict::Kind::rate_limited);
}

TEST(WalkTest, TheTotalTimeEndsIt) {
    WalkBounds bounds;
    bounds.total_time = 1s;
    Way way(4, bounds);
    static_cast<void>(way.next());
    way.now += 1s;
    way.fail(Reason::timeout);
    EXPECT_EQ(way.next().kind, Step::Kind::done);
    EXPECT_EQ(way.verdict().kind, Verdict::Kind::timed_out);
    EXPECT_EQ(way.walk.deadline(), kStart + 1s);
}

TEST(WalkTest, TheBudgetEndsIt) {
    Way way(4, {}, 2, 1);  // one call more of its own, and one in the bank
    for (int call = 0; call < 3; ++call) {
        ASSERT_EQ(way.next().kind, Step::Kind::acquire) << call;
        way.fail(Reason::server_error, std::nullopt, 500);
    }
    EXPECT_EQ(way.next().kind, Step::Kind::done);
    EXPECT_EQ(way.walk.calls(), 3);
    EXPECT_EQ(way.verdict().kind, Verdict::Kind::failed);
}

TEST(WalkTest, ABudgetedCallThatIsNotMadeGoesBack) {
    CallBudget budget(1, 1);
    {
        Walk walk(kChain, {}, budget, Random(1, RandomStream::backoff, 1), kStart);
        FakeDoors doors;
        static_cast<void>(walk.next(kStart, doors));
        walk.ended(CallEnd{Reason::connect, 0, std::nullopt, false}, 1ms, kStart);
        EXPECT_EQ(walk.next(kStart, doors).kind, Step::Kind::acquire);  // paid for, not called
        EXPECT_EQ(budget.bank(), 0);
    }
    EXPECT_EQ(budget.bank(), 1);
}

TEST(WalkTest, VerdictsByWhatWentWrong) {
    struct Case {
        std::vector<Reason> reasons;  // of the chain's providers, one call each
        Verdict::Kind kind;
    };
    using Kind = Verdict::Kind;
    const std::vector<Case> cases = {
        {{Reason::rate_limited, Reason::rate_limited}, Kind::rate_limited},
        {{Reason::rate_limited, Reason::server_error}, Kind::failed},
        {{Reason::timeout, Reason::timeout}, Kind::timed_out},
        {{Reason::timeout, Reason::rate_limited}, Kind::timed_out},
        {{Reason::timeout, Reason::invalid}, Kind::failed},
        {{Reason::connect, Reason::connect}, Kind::failed},
    };
    for (const Case& c : cases) {
        WalkBounds bounds;
        bounds.attempts = 2;
        Way way(2, bounds);
        for (const Reason reason : c.reasons) {
            ASSERT_EQ(way.next().kind, Step::Kind::acquire);
            way.fail(reason);
        }
        EXPECT_EQ(way.next().kind, Step::Kind::done);
        EXPECT_EQ(way.verdict().kind, c.kind) << name_of(c.reasons[0]);
    }
}

}  // namespace
}  // namespace squadload::squad_api
