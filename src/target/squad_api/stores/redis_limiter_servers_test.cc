#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "support/redis_server.h"
#include "target/squad_api/stores/limiter_flood_for_test.h"
#include "target/squad_api/stores/loop_for_test.h"
#include "target/squad_api/stores/redis_limiter.h"
#include "target/squad_api/stores/sync_redis_for_test.h"

namespace squadload::squad_api {
namespace {

using limits::Limit;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class RedisLimiting : public testing::Test {
  protected:
    RedisLimiting() {
        quota_.requests = 10;
        quota_.window = seconds(30);
        options_.redis.backoff_first = milliseconds(5);
        options_.redis.backoff_max = milliseconds(50);
        options_.redis.settled = milliseconds(10);
        options_.redis.answer_timeout = seconds(10);
        options_.redis.connect_timeout = seconds(10);
        options_.look = milliseconds(20);
    }
    std::unique_ptr<RedisLimiter> make(const std::string& url) {
        const auto address = parse_redis_url(url);
        EXPECT_TRUE(address);
        options_.redis.address = *address;
        std::vector<LimitScope> scopes;
        scopes.push_back({"groq", "groq:0123456789ab:m", quota_});
        scopes.push_back({"cerebras", "cerebras::m", quota_});
        return std::make_unique<RedisLimiter>(io_.get_executor(), options_, std::move(scopes));
    }
    std::unique_ptr<RedisLimiter> make() { return make(server_.url()); }
    Decision acquire(RedisLimiter& limiter, std::int64_t tokens = 1, std::size_t provider = 0) {
        const MonoTime now = mono_now();
        return result_of(io_, limiter.acquire(provider, tokens, now, now + seconds(30)));
    }
    int admitted_of(RedisLimiter& limiter, int asked) {
        int admitted = 0;
        for (int i = 0; i < asked; ++i) admitted += acquire(limiter).admitted ? 1 : 0;
        return admitted;
    }
    bool turn(const std::function<bool()>& until) { return turn_until(io_, until); }
    bool turn_for(Nanos duration) {
        const MonoTime until = mono_now() + duration;
        return turn([&] { return mono_now() >= until; });
    }
    static bool up(const RedisLimiter& limiter) {
        return limiter.health().status == StoreStatus::up;
    }
    static bool shared(RedisLimiter& limiter) { return limiter.state(0, mono_now()).shared; }

    test_support::RedisServer server_;
    asio::io_context io_;
    limits::QuotaSettings quota_;
    RedisLimiterOptions options_;
};

TEST_F(RedisLimiting, SeveralGatewaysShareOneQuota) {
    options_.gateways = 2;
    auto first = make();
    auto second = make();
    ASSERT_TRUE(turn([&] { return up(*first) && up(*second); }));
    EXPECT_EQ(first->health().kind, "redis");
    EXPECT_EQ(first->health().detail, server_.socket());
    EXPECT_EQ(admitted_of(*first, 7), 7);
    EXPECT_EQ(admitted_of(*second, 7), 3);
    const Decision refused = acquire(*first);
    EXPECT_EQ(refused.refused_by, Limit::requests);
    EXPECT_GT(refused.wait, seconds(1));
    EXPECT_LE(refused.wait, seconds(30));
    EXPECT_TRUE(acquire(*second, 1, 1).admitted);  // another scope
    // Each sees the whole of it.
    ASSERT_TRUE(turn([&] { return first->state(0, mono_now()).quota.requests->used == 10; }));
    ASSERT_TRUE(turn([&] { return second->state(0, mono_now()).quota.requests->used == 10; }));
    EXPECT_TRUE(first->state(0, mono_now()).shared);
}

TEST_F(RedisLimiting, AsksManyAtOnceAndGivesBackWhatIsCancelled) {
    auto limiter = make();
    std::vector<Decision> decisions;
    for (int i = 0; i < 25; ++i) {
        const MonoTime now = mono_now();
        asio::co_spawn(
            io_, limiter->acquire(0, 1, now, now + seconds(30)),
            [&](std::exception_ptr, Decision decision) { decisions.push_back(decision); });
    }
    ASSERT_TRUE(turn([&] { return decisions.size() == 25; }));
    std::vector<Lease> leases;
    for (const Decision& decision : decisions) {
        if (decision.admitted) leases.push_back(decision.lease);
    }
    ASSERT_EQ(leases.size(), 10U);
    EXPECT_EQ(limiter->state(0, mono_now()).quota.in_flight, 10);
    limiter->cancel(leases[0], mono_now());
    limiter->cancel(leases[0], mono_now());  // once only
    limiter->finish(leases[1], 5, mono_now());
    EXPECT_EQ(limiter->state(0, mono_now()).quota.in_flight, 8);
    EXPECT_EQ(admitted_of(*limiter, 5), 1);
}

TEST_F(RedisLimiting, ConcurrencyAndTheThrottleAreEachGatewaysOwn) {
    quota_.requests = 1000;
    quota_.concurrency = 4;
    auto first = make();
    auto second = make();
    ASSERT_TRUE(turn([&] { return up(*first) && up(*second); }));
    EXPECT_EQ(admitted_of(*first, 5), 4);
    EXPECT_EQ(acquire(*first).refused_by, Limit::concurrency);
    first->set_factor(0, 0.5, mono_now());
    second->set_factor(0, 0.5, mono_now());
    EXPECT_EQ(acquire(*first).refused_by, Limit::throttle);
    // Half of 1000 in 30 s: one after 60 ms, and at most 2 at once.
    ASSERT_TRUE(turn([&] { return acquire(*second).admitted; }));
    ASSERT_TRUE(turn([&] { return acquire(*second).admitted; }));
    EXPECT_TRUE(turn([&] { return acquire(*second).refused_by == Limit::concurrency; }));
    EXPECT_EQ(second->state(0, mono_now()).quota.concurrency->limit, 2);
    EXPECT_EQ(second->state(0, mono_now()).quota.factor, 0.5);
    // What the gates refused, Redis never heard of.
    ASSERT_TRUE(turn([&] { return second->state(0, mono_now()).quota.requests->used == 6; }));
}

TEST_F(RedisLimiting, MoreTokensThanTheLimitAreNeverAdmitted) {
    quota_.tokens = 100;
    auto limiter = make();
    const Decision never = acquire(*limiter, 101);
    EXPECT_EQ(never.refused_by, Limit::too_large);
    EXPECT_EQ(never.wait, Nanos::max());
    EXPECT_TRUE(acquire(*limiter, 100).admitted);
    EXPECT_EQ(acquire(*limiter, 1).refused_by, Limit::tokens);
}

TEST_F(RedisLimiting, AFlushOfScriptsIsNotNoticed) {
    auto limiter = make();
    EXPECT_EQ(admitted_of(*limiter, 3), 3);
    EXPECT_EQ(server_.command("SCRIPT FLUSH"), "+OK\r\n");
    EXPECT_EQ(admitted_of(*limiter, 9), 7);
    EXPECT_TRUE(up(*limiter));
    EXPECT_EQ(limiter->health().losses, 0U);
}

TEST_F(RedisLimiting, AFlushOfTheDataForgetsNothing) {
    options_.gateways = 2;
    auto first = make();
    auto second = make();
    ASSERT_TRUE(turn([&] { return up(*first) && up(*second); }));
    EXPECT_EQ(admitted_of(*first, 4), 4);
    EXPECT_EQ(admitted_of(*second, 4), 4);
    // Both know of all.
    ASSERT_TRUE(turn([&] { return first->state(0, mono_now()).quota.requests->used == 8; }));
    EXPECT_EQ(server_.command("FLUSHALL"), "+OK\r\n");
    EXPECT_LE(admitted_of(*first, 10) + admitted_of(*second, 10), 2);
    EXPECT_EQ(first->health().losses, 0U);
}

TEST_F(RedisLimiting, AKilledConnectionIsReplacedAndNobodyGoesAlone) {
    auto limiter = make();
    ASSERT_TRUE(turn([&] { return up(*limiter); }));
    ASSERT_TRUE(turn_for(milliseconds(15)));  // settled
    EXPECT_EQ(admitted_of(*limiter, 3), 3);
    server_.command("CLIENT KILL TYPE normal SKIPME yes");
    ASSERT_TRUE(turn([&] { return limiter->health().losses == 1; }));
    for (int i = 0; i < 7; ++i) {
        const Decision decision = acquire(*limiter);
        EXPECT_TRUE(decision.admitted);
        EXPECT_FALSE(decision.lease.local);
    }
    EXPECT_FALSE(acquire(*limiter).admitted);
    EXPECT_TRUE(up(*limiter));
}

// --- away

TEST_F(RedisLimiting, WithoutRedisEachGatewayHasItsShareAndTellsLater) {
    options_.gateways = 2;
    server_.kill();
    auto limiter = make();
    EXPECT_EQ(admitted_of(*limiter, 10), 5);
    EXPECT_EQ(limiter->health().status, StoreStatus::down);
    EXPECT_EQ(limiter->health().detail, server_.socket() + " refused the connection");
    EXPECT_FALSE(shared(*limiter));
    server_.start();
    ASSERT_TRUE(turn([&] { return up(*limiter); }));
    EXPECT_TRUE(shared(*limiter));
    EXPECT_EQ(admitted_of(*limiter, 10), 0);  // the other share is the other's
    auto other = make();
    ASSERT_TRUE(turn([&] { return up(*other); }));
    EXPECT_EQ(admitted_of(*other, 10), 5);
}

TEST_F(RedisLimiting, ARestartLosesNothingThatOneGatewayKnew) {
    auto limiter = make();
    EXPECT_EQ(admitted_of(*limiter, 6), 6);
    server_.kill();
    ASSERT_TRUE(turn([&] { return !shared(*limiter); }));
    const Decision alone = acquire(*limiter);
    EXPECT_TRUE(alone.admitted);
    EXPECT_TRUE(alone.lease.local);
    const Decision cancelled = acquire(*limiter);
    limiter->cancel(cancelled.lease, mono_now());
    EXPECT_EQ(admitted_of(*limiter, 1), 1);
    server_.start();  // empty
    ASSERT_TRUE(turn([&] { return up(*limiter); }));
    // 9 were admitted and one given back, which Redis is not told.
    EXPECT_EQ(admitted_of(*limiter, 5), 1);
    EXPECT_EQ(limiter->health().losses, 1U);
    limiter->finish(alone.lease, std::nullopt, mono_now());
}

TEST_F(RedisLimiting, ClosedAdmitsNothingWhileRedisIsAway) {
    options_.on_loss = OnLoss::closed;
    auto limiter = make();
    EXPECT_TRUE(acquire(*limiter).admitted);
    server_.kill();
    ASSERT_TRUE(turn([&] { return !shared(*limiter); }));
    const Decision refused = acquire(*limiter);
    EXPECT_EQ(refused.refused_by, Limit::requests);
    EXPECT_EQ(refused.wait, options_.redis.backoff_max);
    server_.start();
    ASSERT_TRUE(turn([&] { return up(*limiter); }));
    EXPECT_EQ(admitted_of(*limiter, 10), 9);
}

TEST_F(RedisLimiting, OpenAdmitsEverythingAndTellsRedisAfterwards) {
    options_.on_loss = OnLoss::open;
    auto limiter = make();
    EXPECT_TRUE(acquire(*limiter).admitted);
    server_.kill();
    ASSERT_TRUE(turn([&] { return !shared(*limiter); }));
    EXPECT_EQ(admitted_of(*limiter, 30), 30);
    server_.start();
    ASSERT_TRUE(turn([&] { return up(*limiter); }));
    EXPECT_EQ(admitted_of(*limiter, 5), 0);
}

TEST_F(RedisLimiting, AFrozenRedisIsLeftAloneAndJoinedAgain) {
    options_.redis.answer_timeout = milliseconds(50);
    options_.redis.connect_timeout = milliseconds(50);
    auto limiter = make();
    EXPECT_EQ(admitted_of(*limiter, 3), 3);
    server_.freeze();
    const Decision alone = acquire(*limiter);  // waits for both timeouts
    EXPECT_TRUE(alone.admitted);
    EXPECT_TRUE(alone.lease.local);
    EXPECT_EQ(limiter->health().detail, server_.socket() + " did not answer in time");
    server_.thaw();
    ASSERT_TRUE(turn([&] { return up(*limiter); }));
    // The call that was never answered counts with Redis, when it arrived there: one at most.
    const int more = admitted_of(*limiter, 10);
    EXPECT_GE(more, 5);
    EXPECT_LE(more, 6);
}

TEST_F(RedisLimiting, ADeadlineBeforeTheAnswerRefusesAndTakesBack) {
    auto limiter = make();
    EXPECT_EQ(admitted_of(*limiter, 2), 2);
    server_.freeze();
    const MonoTime now = mono_now();
    const Decision late = result_of(io_, limiter->acquire(0, 1, now, now + milliseconds(20)));
    EXPECT_FALSE(late.admitted);
    EXPECT_GT(late.wait, Nanos::zero());
    EXPECT_EQ(limiter->state(0, mono_now()).quota.in_flight, 2);
    server_.thaw();
    EXPECT_EQ(admitted_of(*limiter, 12), 8);
}

TEST_F(RedisLimiting, ACancelledCallerLeavesNothingBehind) {
    auto limiter = make();
    EXPECT_EQ(admitted_of(*limiter, 2), 2);
    server_.freeze();
    asio::cancellation_signal signal;
    bool ended = false;
    const MonoTime now = mono_now();
    asio::co_spawn(
        io_, limiter->acquire(0, 1, now, now + seconds(30)),
        asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error, const Decision&) {
            ended = error != nullptr;
        }));
    ASSERT_TRUE(turn([&] { return limiter->state(0, mono_now()).quota.in_flight == 3; }));
    signal.emit(asio::cancellation_type::terminal);
    ASSERT_TRUE(turn([&] { return ended; }));
    EXPECT_EQ(limiter->state(0, mono_now()).quota.in_flight, 2);
    server_.thaw();
    EXPECT_EQ(admitted_of(*limiter, 12), 8);
}

TEST_F(RedisLimiting, ALoopThatEndsTakesItsCallersWithIt) {
    {
        asio::io_context loop;
        const auto address = parse_redis_url(server_.url());
        options_.redis.address = *address;
        std::vector<LimitScope> scopes = {{"groq", "groq::m", quota_}};
        RedisLimiter limiter(loop.get_executor(), options_, scopes);
        ASSERT_TRUE(turn_until(loop, [&] { return up(limiter); }));
        server_.freeze();
        Flood flood;
        start_callers(loop, limiter, 20, 1, flood);
        loop.run_one_for(milliseconds(5));
        loop.run_for(milliseconds(5));
    }
    server_.thaw();
}

// --- refused by Redis

TEST_F(RedisLimiting, AWrongPasswordIsSaidWithoutIt) {
    test_support::RedisServerOptions locked;
    locked.password = "right-one";
    locked.tcp = true;
    const test_support::RedisServer server(locked);
    auto wrong = make("unix://:pass-word@" + server.socket());
    EXPECT_EQ(admitted_of(*wrong, 12), 10);  // alone
    EXPECT_NE(wrong->health().detail.find("refused the user or password: WRONGPASS"),
              std::string::npos)
        << wrong->health().detail;
    EXPECT_EQ(wrong->health().detail.find("pass-word"), std::string::npos);
    auto none = make("unix://" + server.socket());
    ASSERT_TRUE(turn([&] { return none->health().detail != "not reached yet"; }));
    EXPECT_NE(none->health().detail.find("wants a password"), std::string::npos)
        << none->health().detail;
    auto right = make(server.tcp_url());
    ASSERT_TRUE(turn([&] { return up(*right); }));
    EXPECT_EQ(right->health().detail,
              server.tcp_url().substr(server.tcp_url().find('@') + 1) + "/0");
}

TEST_F(RedisLimiting, AFullMemoryIsALossUntilThereIsRoom) {
    test_support::RedisServerOptions small;
    small.arguments = {"--maxmemory", "1", "--maxmemory-policy", "noeviction"};
    const test_support::RedisServer server(small);
    auto limiter = make(server.url());
    EXPECT_EQ(admitted_of(*limiter, 12), 10);
    EXPECT_NE(limiter->health().detail.find("OOM"), std::string::npos) << limiter->health().detail;
    server.command("CONFIG SET maxmemory 0");
    ASSERT_TRUE(turn([&] { return up(*limiter); }));
}

// --- under load

// Five times what there is, over several windows, at two gateways.
class RedisLimiterFlood : public RedisLimiting {
  protected:
    RedisLimiterFlood() {
        quota_.requests = 200;
        quota_.window = milliseconds(1500);
        quota_.guard = milliseconds(20);
        quota_.burst = 40;
        quota_.tokens = 1900;  // binds before requests do: 10 for each call
        options_.gateways = 2;
        options_.redis.answer_timeout = seconds(2);
        options_.redis.connect_timeout = milliseconds(500);
    }
    void start() {
        for (auto& limiter : limiters_) {
            limiter = make();
            ASSERT_TRUE(turn([&] { return up(*limiter); }));
            start_callers(io_, *limiter, 25, 10, flood_);
        }
        begun_ = mono_now();
    }
    void stop() {
        flood_.stop = true;
        ASSERT_TRUE(turn([&] { return flood_.callers == 0; }));
    }
    void expect_limits_kept() {
        const Nanos window = quota_.window + quota_.guard;
        const Most most = most_within(flood_.granted, window);
        EXPECT_LE(most.requests, quota_.requests);
        EXPECT_LE(most.tokens, quota_.tokens);
        const double per_s = static_cast<double>(quota_.requests) / to_seconds(quota_.window);
        EXPECT_LE(depth_needed(flood_.granted, per_s), static_cast<double>(quota_.burst));
        // Where no answer took longer than the guard, arrivals at the provider keep them, too.
        Nanos slowest{};
        for (Granted& granted : flood_.granted) {
            slowest = std::max(slowest, granted.told - granted.asked);
            granted.asked = granted.told;
        }
        if (slowest > quota_.guard) return;
        EXPECT_LE(most_within(flood_.granted, quota_.window).requests, quota_.requests);
    }

    std::array<std::unique_ptr<RedisLimiter>, 2> limiters_;
    Flood flood_;
    MonoTime begun_;
};

TEST_F(RedisLimiterFlood, KeepsTheLimitsAndUsesThem) {
    start();
    ASSERT_TRUE(turn_for(4 * quota_.window));
    stop();
    expect_limits_kept();
    EXPECT_GT(flood_.refused, flood_.granted.size());
    // After the first window, of what tokens allow.
    const MonoTime from = begun_ + quota_.window;
    const double share = to_seconds(quota_.window) / to_seconds(quota_.window + quota_.guard);
    const auto used =
        static_cast<double>(told_between(flood_.granted, from, from + 3 * quota_.window));
    EXPECT_GE(used, 0.95 * 3 * 190 * share);
    for (const Granted& granted : flood_.granted) EXPECT_FALSE(granted.local);
}

TEST_F(RedisLimiterFlood, KeepsTheLimitsOverARestartOfRedis) {
    start();
    ASSERT_TRUE(turn_for(quota_.window * 3 / 2));
    server_.kill();
    ASSERT_TRUE(turn([&] { return !shared(*limiters_[0]) && !shared(*limiters_[1]); }));
    ASSERT_TRUE(turn_for(quota_.window));
    const std::size_t before = flood_.granted.size();
    server_.start();  // empty: with nothing saved
    ASSERT_TRUE(turn([&] { return up(*limiters_[0]) && up(*limiters_[1]); }));
    const MonoTime back = mono_now();
    ASSERT_TRUE(turn_for(2 * quota_.window));
    stop();
    expect_limits_kept();
    const auto local = std::count_if(flood_.granted.begin(), flood_.granted.end(),
                                     [](const Granted& granted) { return granted.local; });
    EXPECT_GT(local, 20);
    EXPECT_GT(flood_.granted.size(), before + 100);
    for (const Granted& granted : flood_.granted) {
        if (granted.asked > back) {
            EXPECT_FALSE(granted.local);
        }
    }
}

TEST_F(RedisLimiterFlood, KeepsTheLimitsWhateverElseHappens) {
    start();
    for (const char* const command :
         {"SCRIPT FLUSH", "FLUSHALL", "CLIENT KILL TYPE normal SKIPME yes", "FLUSHALL ASYNC"}) {
        ASSERT_TRUE(turn_for(quota_.window / 2));
        server_.command(command);
    }
    ASSERT_TRUE(turn_for(quota_.window));
    ASSERT_TRUE(turn([&] { return up(*limiters_[0]) && up(*limiters_[1]); }));
    stop();
    expect_limits_kept();
}

}  // namespace
}  // namespace squadload::squad_api
