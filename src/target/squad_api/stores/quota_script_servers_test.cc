#include <gtest/gtest.h>

#include <memory>

#include "base/random.h"
#include "support/redis_server.h"
#include "target/squad_api/stores/quota_script.h"
#include "target/squad_api/stores/sync_redis_for_test.h"

namespace squadload::squad_api {
namespace {

using limits::Limit;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kFields = 18;                    // of the hash, beside the log
constexpr std::int64_t kStart = 1'790'000'000'000'000;  // of the server's clock, microseconds

// One quota in a real Redis, on a clock of the test's.
class QuotaScripts : public testing::Test {
  protected:
    void use(const limits::QuotaSettings& settings, std::int64_t gateways = 1) {
        limits_ = shared_limits(settings, gateways, true);
        calls_ = std::make_unique<QuotaCalls>(limits_);
        redis_({"FLUSHALL"});
    }
    RedisReply run(QuotaScript script, const std::vector<std::string>& arguments) {
        return redis_.eval(quota_scripts()[static_cast<std::size_t>(script)], "q", arguments);
    }
    JoinAnswer join(JoinRequest request) {
        if (request.run.empty()) request.run = "a1b2c3d4e5f6a7b8";
        const RedisReply reply = run(QuotaScript::join, calls_->join(request, now_));
        const auto answer = read_join_answer(reply);
        EXPECT_TRUE(answer) << reply.text;
        return answer.value_or(JoinAnswer{});
    }
    JoinAnswer join_as(const std::string& gateway, bool fresh = true) {
        JoinRequest request;
        request.gateway = gateway;
        request.fresh = fresh;
        JoinAnswer answer = join(request);
        epoch_ = answer.epoch;
        return answer;
    }
    QuotaAnswer acquire(std::int64_t tokens = 1) {
        const RedisReply reply = run(QuotaScript::acquire, calls_->acquire(epoch_, tokens, now_));
        const auto answer = read_quota_answer(reply);
        EXPECT_TRUE(answer) << reply.text;
        return answer.value_or(QuotaAnswer{});
    }
    QuotaAnswer cancel(std::uint64_t entry, std::int64_t tokens = 1) {
        const auto answer = read_quota_answer(
            run(QuotaScript::cancel, calls_->cancel(epoch_, entry, tokens, now_)));
        EXPECT_TRUE(answer);
        return answer.value_or(QuotaAnswer{});
    }
    int admitted_of(int asked, std::int64_t tokens = 1) {
        int admitted = 0;
        for (int i = 0; i < asked; ++i) admitted += acquire(tokens).admitted ? 1 : 0;
        return admitted;
    }

    test_support::RedisServer server_;
    SyncRedis redis_{server_.socket()};
    SharedLimits limits_;
    std::unique_ptr<QuotaCalls> calls_;
    std::string epoch_;
    std::int64_t now_ = kStart;
};

limits::QuotaSettings quota_of(std::int64_t requests, Nanos window) {
    limits::QuotaSettings settings;
    settings.requests = requests;
    settings.window = window;
    return settings;
}

TEST_F(QuotaScripts, WhoHasNotJoinedIsToldTo) {
    use(quota_of(5, seconds(1)));
    EXPECT_TRUE(acquire().join);
    join_as("g1");
    EXPECT_TRUE(acquire().admitted);
    epoch_ = "another";
    EXPECT_TRUE(acquire().join);
}

TEST_F(QuotaScripts, TheLogHoldsALimitInEveryWindowAndTellsTheWait) {
    use(quota_of(3, seconds(1)));
    join_as("g1");
    EXPECT_EQ(admitted_of(2), 2);
    now_ += 400'000;
    EXPECT_EQ(admitted_of(2), 1);
    QuotaAnswer refused = acquire();
    EXPECT_EQ(refused.refused_by, Limit::requests);
    EXPECT_EQ(refused.wait, microseconds(600'000));
    EXPECT_EQ(refused.counts.used_requests, 3);
    now_ += 599'999;
    EXPECT_EQ(acquire().wait, microseconds(1));
    now_ += 1;
    EXPECT_EQ(admitted_of(3), 2);
    EXPECT_EQ(acquire().wait, microseconds(400'000));
}

// Many in one microsecond do not fall into one.
TEST_F(QuotaScripts, AdmissionsOfTheSameMicrosecondAllCount) {
    use(quota_of(500, seconds(1)));
    join_as("g1");
    EXPECT_EQ(admitted_of(600), 500);
}

TEST_F(QuotaScripts, ARefusalByOneLimitUsesNothingOfTheOthers) {
    limits::QuotaSettings settings = quota_of(10, seconds(1));
    settings.tokens = 100;
    settings.burst = 4;
    use(settings);
    join_as("g1");
    EXPECT_TRUE(acquire(90).admitted);
    const QuotaAnswer refused = acquire(20);
    EXPECT_EQ(refused.refused_by, Limit::tokens);
    EXPECT_EQ(refused.counts.used_requests, 1);
    EXPECT_EQ(refused.counts.used_tokens, 90);
    EXPECT_EQ(refused.counts.level, 3);
    EXPECT_EQ(admitted_of(5, 1), 3);
    const QuotaAnswer burst = acquire(1);
    EXPECT_EQ(burst.refused_by, Limit::burst);
    EXPECT_EQ(burst.wait, microseconds(100'000));
    EXPECT_EQ(burst.counts.used_tokens, 93);
}

TEST_F(QuotaScripts, TheWaitForTokensLooksPastSmallEntries) {
    limits::QuotaSettings settings = quota_of(0, seconds(1));
    settings.tokens = 1000;
    use(settings);
    join_as("g1");
    for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(acquire(20).admitted);
        now_ += 1000;
    }
    // 30 entries have to leave; the 30th came 29 ms after the first.
    EXPECT_EQ(acquire(600).wait, microseconds(1'000'000 + 29'000 - 50'000));
}

TEST_F(QuotaScripts, WhatIsCancelledComesBack) {
    limits::QuotaSettings settings = quota_of(3, seconds(1));
    settings.tokens = 100;
    settings.burst = 2;
    use(settings);
    join_as("g1");
    const QuotaAnswer first = acquire(40);
    const QuotaAnswer second = acquire(40);
    ASSERT_TRUE(second.admitted);
    const QuotaAnswer after = cancel(second.entry, 40);
    EXPECT_EQ(after.counts.used_requests, 1);
    EXPECT_EQ(after.counts.used_tokens, 40);
    EXPECT_EQ(after.counts.level, 1);                             // nothing was taken since
    EXPECT_EQ(cancel(second.entry, 40).counts.used_requests, 1);  // once only
    ASSERT_TRUE(acquire(60).admitted);
    EXPECT_EQ(cancel(first.entry, 40).counts.level, 0);  // the bucket may have been full since
    EXPECT_EQ(cancel(first.entry + 1000, 40).counts.used_requests, 1);  // nobody's
    now_ += 2'000'000;
    EXPECT_EQ(cancel(first.entry, 40).counts.used_requests, 0);
    EXPECT_EQ(acquire(100).counts.used_tokens, 100);
}

TEST_F(QuotaScripts, AClockThatGoesBackStopsTimeAndNoMore) {
    use(quota_of(2, seconds(1)));
    join_as("g1");
    EXPECT_EQ(admitted_of(2), 2);
    now_ -= 3'600'000'000;
    EXPECT_FALSE(acquire().admitted);
    now_ += 999'999;
    EXPECT_EQ(acquire().wait, microseconds(1));
    now_ += 1;
    EXPECT_TRUE(acquire().admitted);
}

TEST_F(QuotaScripts, MemoryIsBoundedBeyondTheExactEntries) {
    use(quota_of(100'000, seconds(1)));
    join_as("g1");
    for (int i = 0; i < 12'000; ++i) {
        ASSERT_TRUE(acquire().admitted);
        now_ += 1;
    }
    EXPECT_LE(redis_({"HLEN", "q"}).integer, 8192 + 120 + kFields);
    EXPECT_EQ(acquire().counts.used_requests, 12'001);
    now_ += 1'000'000;
    EXPECT_LE(acquire().counts.used_requests, 1);
    EXPECT_LE(redis_({"HLEN", "q"}).integer, 1 + kFields);
    EXPECT_GT(redis_({"PTTL", "q"}).integer, 60'000);
}

// --- several gateways

TEST_F(QuotaScripts, SharesOfMissingGatewaysAreKeptFreeForAWindow) {
    use(quota_of(10, seconds(1)), 2);
    join_as("g1");
    EXPECT_EQ(admitted_of(10), 5);
    EXPECT_EQ(acquire().wait, microseconds(1'000'000));
    join_as("g2");
    join_as("g2");  // is one gateway still
    EXPECT_EQ(admitted_of(10), 5);
    now_ += 1'000'000;
    EXPECT_EQ(admitted_of(12), 10);
}

TEST_F(QuotaScripts, AfterAWindowNobodyIsWaitedFor) {
    use(quota_of(10, seconds(1)), 3);
    join_as("g1");
    EXPECT_EQ(admitted_of(10), 3);
    now_ += 1'000'000;
    EXPECT_EQ(admitted_of(12), 10);
}

TEST_F(QuotaScripts, AJoinBringsWhatWasAdmittedWithoutRedis) {
    use(quota_of(10, seconds(1)), 2);
    join_as("g1");
    EXPECT_EQ(admitted_of(2), 2);
    JoinRequest request;
    request.gateway = "g2";
    request.alone = {
        {milliseconds(600), 3, 0}, {milliseconds(1000), 9, 0}, {milliseconds(1), 1, 0}};
    const JoinAnswer answer = join(request);
    EXPECT_EQ(answer.counts.used_requests, 6);
    // Slots within 1/64 of the window are one, as old as the youngest.
    ASSERT_EQ(answer.recent.size(), 2U);
    EXPECT_EQ(answer.recent[0], (RecentCounts::Slot{milliseconds(600), 3, 0}));
    EXPECT_EQ(answer.recent[1], (RecentCounts::Slot{milliseconds(0), 3, 0}));
    EXPECT_EQ(admitted_of(10), 4);
    now_ += 400'000;
    EXPECT_EQ(admitted_of(10), 3);
}

TEST_F(QuotaScripts, ARenewedEpochKeepsTheLogAndAsksEveryoneAgain) {
    use(quota_of(10, seconds(1)), 2);
    join_as("g1");
    const std::string old = join_as("g2").epoch;
    EXPECT_EQ(admitted_of(4), 4);
    JoinRequest back;
    back.gateway = "g2";
    back.epoch = old;
    back.renew = true;
    epoch_ = join(back).epoch;
    EXPECT_NE(epoch_, old);
    EXPECT_EQ(admitted_of(10), 1);  // 10 - 5 for g1 - 4
    epoch_ = old;
    EXPECT_TRUE(acquire().join);
    join_as("g1");
    EXPECT_EQ(admitted_of(10), 5);
}

TEST_F(QuotaScripts, AnotherRunOfRedisFoundsAnewFromWhatIsKnown) {
    use(quota_of(10, seconds(1)));
    const std::string old = join_as("g1").epoch;
    EXPECT_EQ(admitted_of(6), 6);
    JoinRequest stranger;  // knows nothing, and comes first
    stranger.gateway = "g9";
    stranger.run = "ffffffffffffffff";
    EXPECT_EQ(join(stranger).counts.used_requests, 0);
    JoinRequest informed = stranger;
    informed.gateway = "g1";
    informed.epoch = old;
    informed.knows = 6;
    informed.known = {{milliseconds(100), 6, 0}};
    EXPECT_EQ(join(informed).counts.used_requests, 6);
    informed.gateway = "g2";
    informed.knows = 5;
    const JoinAnswer again = join(informed);  // told once is enough
    EXPECT_EQ(again.counts.used_requests, 6);
    epoch_ = again.epoch;
    EXPECT_EQ(admitted_of(10), 4);
    informed.gateway = "g3";
    informed.knows = 7;  // the first did not know of all
    EXPECT_EQ(join(informed).counts.used_requests, 16);
}

// --- against the limiter of one process

// Random calls: the script never admits what limits::Quota refuses, and when it refuses, the wait
// is the same to 2 microseconds.
TEST_F(QuotaScripts, DecidesAsTheQuotaInProcess) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        Random random(seed, RandomStream::test, 0);
        limits::QuotaSettings settings = quota_of(random.between(1, 40), milliseconds(500));
        settings.tokens = seed % 2 == 0 ? 0 : random.between(100, 2000);
        settings.burst = seed % 3 == 0 ? 0 : random.between(1, 12);
        settings.guard = milliseconds(random.between(0, 30));
        use(settings);
        join_as("g1");
        const std::int64_t begin = now_;
        limits::Quota quota(settings, MonoTime{});
        int refused = 0;
        for (int i = 0; i < 1500; ++i) {
            now_ += random.between(0, 3) == 0 ? random.between(0, 40'000) : random.between(0, 50);
            const MonoTime at = MonoTime{microseconds(now_ - begin)};
            const std::int64_t tokens = random.between(0, 100);
            const limits::Admission expected = quota.check(tokens, at);
            const QuotaAnswer answer = acquire(tokens);
            if (answer.admitted) {
                ASSERT_TRUE(expected.admitted) << "seed " << seed << " call " << i;
                static_cast<void>(quota.admit(tokens, at));
                continue;
            }
            ++refused;
            const auto difference = std::chrono::abs(answer.wait - expected.wait);
            ASSERT_LE(difference, microseconds(2))
                << "seed " << seed << " call " << i << " " << limits::name_of(answer.refused_by)
                << " " << limits::name_of(expected.refused_by);
        }
        EXPECT_GT(refused, 100);
    }
}

}  // namespace
}  // namespace squadload::squad_api
