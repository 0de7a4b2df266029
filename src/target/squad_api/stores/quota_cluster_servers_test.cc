// Several gateways, one quota, and a Redis that comes and goes: the scripts in a real Redis and a
// QuotaMirror per gateway, on one simulated clock, with random schedules of calls, crashes,
// restarts (empty, or with an old snapshot), flushes and freezes. Whatever happens, the limits hold
// in every window over all gateways.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "support/redis_server.h"
#include "target/squad_api/stores/quota_mirror.h"
#include "target/squad_api/stores/quota_script.h"
#include "target/squad_api/stores/sync_redis_for_test.h"

namespace squadload::squad_api {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Admitted {
    std::int64_t at;  // microseconds
    std::int64_t tokens;
};

// The worst there is in any window (t - window, t], and above a bucket.
struct Worst {
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
    double bucket = 0;  // the depth that these admissions need
};

Worst worst_of(const std::vector<Admitted>& admitted, std::int64_t window, double per_us) {
    Worst worst;
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
    std::size_t first = 0;
    double level = 0;
    std::int64_t before = admitted.empty() ? 0 : admitted.front().at;
    for (const Admitted& one : admitted) {
        ++requests;
        tokens += one.tokens;
        while (one.at - admitted[first].at >= window) {
            --requests;
            tokens -= admitted[first++].tokens;
        }
        worst.requests = std::max(worst.requests, requests);
        worst.tokens = std::max(worst.tokens, tokens);
        level = std::max(0.0, level - per_us * static_cast<double>(one.at - before)) + 1;
        before = one.at;
        worst.bucket = std::max(worst.bucket, level);
    }
    return worst;
}

class Cluster {
  public:
    Cluster(SyncRedis& redis, const limits::QuotaSettings& settings, std::int64_t gateways,
            std::uint64_t seed)
        : redis_(redis),
          limits_(shared_limits(settings, gateways, true)),
          calls_(limits_),
          random_(seed, RandomStream::test, 1) {
        redis_({"FLUSHALL"});
        for (std::int64_t i = 0; i < gateways; ++i) {
            gateways_.emplace_back("gateway" + std::to_string(i), limits_, mono());
        }
        for (Gateway& gateway : gateways_) join(gateway, false);
    }

    void advance(std::int64_t us) {
        now_ += us;
        // Whoever can reach Redis does within a window of the first that did.
        if (up_ && now_ - first_back_ >= window_us() * 9 / 10) reconnect_all();
    }

    // A call of some gateway: as RedisLimiter does it.
    void call(std::int64_t tokens) {
        Gateway& gateway = gateways_[random_.below(gateways_.size())];
        ++asked_;
        if (!gateway.connected) return call_alone(gateway, tokens);
        if (!up_) return;  // nobody answers, and nobody has noticed yet
        for (int tries = 0; tries < 3; ++tries) {
            const auto answer = read_quota_answer(
                run(QuotaScript::acquire, calls_.acquire(gateway.mirror.epoch(), tokens, clock())));
            ASSERT_TRUE(answer);
            if (answer->join) {
                join(gateway, false);
                continue;
            }
            gateway.mirror.observe(answer->counts, mono(), mono());
            if (answer->admitted) note(gateway, tokens, true);
            return;
        }
        FAIL() << "joining does not help";
    }

    void look() {
        for (Gateway& gateway : gateways_) {
            if (!gateway.connected || !up_) continue;
            const auto answer = read_quota_answer(
                run(QuotaScript::look, calls_.look(gateway.mirror.epoch(), clock())));
            ASSERT_TRUE(answer);
            if (answer->join) {
                join(gateway, false);
            } else {
                gateway.mirror.observe(answer->counts, mono(), mono());
            }
        }
    }

    void crash() { up_ = false; }
    // Gateways notice one after the other.
    void notice() {
        if (up_) return;
        Gateway& gateway = gateways_[random_.below(gateways_.size())];
        if (gateway.connected) gateway.mirror.lost(mono(), mono());
        gateway.connected = false;
    }
    enum class Return { empty, old_snapshot, frozen };
    // It comes back; whoever has lost it connects again later, whoever has not noticed sees the
    // connection break first.
    void come_back(Return how) {
        if (up_) return;
        for (Gateway& gateway : gateways_) {
            if (gateway.connected) gateway.mirror.lost(mono(), mono());
            gateway.connected = false;
        }
        up_ = true;
        first_back_ = now_;
        if (how == Return::frozen) return;
        ++run_;
        if (how == Return::empty || snapshot_.empty()) {
            redis_({"DEL", "q"});
        } else {
            redis_({"RESTORE", "q", "0", snapshot_, "REPLACE"});
        }
    }
    void save_snapshot() {
        if (up_) snapshot_ = redis_({"DUMP", "q"}).text;
    }
    void flush() {
        if (up_) redis_({"DEL", "q"});
    }
    void reconnect() {
        if (!up_) return;
        Gateway& gateway = gateways_[random_.below(gateways_.size())];
        if (gateway.connected) return;
        connect(gateway);
    }
    void reconnect_all() {
        if (!up_) return;
        for (Gateway& gateway : gateways_) {
            if (!gateway.connected) connect(gateway);
        }
    }

    [[nodiscard]] const std::vector<Admitted>& admitted() const { return admitted_; }
    [[nodiscard]] std::int64_t window_us() const {
        return std::chrono::duration_cast<microseconds>(limits_.window).count();
    }
    [[nodiscard]] const SharedLimits& limits() const { return limits_; }
    std::int64_t alone_ = 0, with_redis_ = 0, asked_ = 0;

  private:
    struct Gateway {
        Gateway(std::string named, const SharedLimits& limits, MonoTime now)
            : name(std::move(named)), mirror(limits, now) {}
        std::string name;
        QuotaMirror mirror;
        bool connected = true;
    };

    void connect(Gateway& gateway) {
        bool first = true;
        for (const Gateway& other : gateways_) first = first && !other.connected;
        if (first) first_back_ = now_;
        gateway.connected = true;
        join(gateway, gateway.mirror.joins() > 0);
    }
    void call_alone(Gateway& gateway, std::int64_t tokens) {
        if (gateway.mirror.admit_alone(tokens, mono()).admitted) note(gateway, tokens, false);
    }
    void note(Gateway&, std::int64_t tokens, bool with_redis) {
        admitted_.push_back({now_, tokens});
        ++(with_redis ? with_redis_ : alone_);
    }
    void join(Gateway& gateway, bool renew) {
        JoinRequest request = gateway.mirror.join_request(mono());
        request.run = "run" + std::to_string(run_) + "abcdefghijkl";
        request.gateway = gateway.name;
        request.renew = renew;
        const RedisReply reply = run(QuotaScript::join, calls_.join(request, clock()));
        const auto answer = read_join_answer(reply);
        ASSERT_TRUE(answer) << reply.text;
        gateway.mirror.joined(*answer, mono(), mono());
    }
    RedisReply run(QuotaScript script, const std::vector<std::string>& arguments) {
        return redis_.eval(quota_scripts()[static_cast<std::size_t>(script)], "q", arguments);
    }
    [[nodiscard]] MonoTime mono() const { return MonoTime{microseconds(now_)}; }
    // The server's clock is another one.
    [[nodiscard]] std::int64_t clock() const { return 1'790'000'000'000'000 + now_; }

    SyncRedis& redis_;
    SharedLimits limits_;
    QuotaCalls calls_;
    Random random_;
    std::deque<Gateway> gateways_;
    std::int64_t now_ = 1'000'000'000;
    bool up_ = true;
    std::int64_t first_back_ = 0;
    int run_ = 1;
    std::string snapshot_;
    std::vector<Admitted> admitted_;
};

limits::QuotaSettings random_quota(Random& random, std::int64_t gateways) {
    limits::QuotaSettings settings;
    settings.requests = random.between(4 * gateways, 60);
    settings.window = milliseconds(1000);
    if (random.below(3) > 0) settings.burst = random.between(gateways, 12);
    if (random.below(2) > 0) settings.tokens = random.between(40 * gateways, 600);
    return settings;
}

// Something other than calls, once in a while.
void disturb(Cluster& cluster, Random& random) {
    switch (random.below(9)) {
        case 0:
            return cluster.crash();
        case 1:
            return cluster.notice();
        case 2:
            return cluster.come_back(Cluster::Return::empty);
        case 3:
            return cluster.come_back(Cluster::Return::old_snapshot);
        case 4:
            return cluster.come_back(Cluster::Return::frozen);
        case 5:
            return cluster.save_snapshot();
        case 6:
            return random.below(4) == 0 ? cluster.flush() : cluster.look();
        default:
            return cluster.reconnect();
    }
}

class QuotaCluster : public testing::TestWithParam<int> {};

TEST_P(QuotaCluster, KeepsItsLimitsWhateverRedisDoes) {
    const test_support::RedisServer server;
    SyncRedis redis(server.socket());
    std::int64_t alone = 0;
    std::int64_t with_redis = 0;
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
        Random random(seed, RandomStream::test, static_cast<std::uint64_t>(GetParam()));
        const limits::QuotaSettings settings = random_quota(random, GetParam());
        Cluster cluster(redis, settings, GetParam(), seed);
        // Calls of one size: what others may have used unseen is then known exactly.
        const std::int64_t tokens = settings.tokens > 0 ? random.between(1, 10) : 0;
        const std::int64_t mean_gap =
            1'000'000 / settings.requests / random.between(1, 8);  // up to 8 times the limit
        for (int i = 0; i < 900; ++i) {
            cluster.advance(random.between(0, 2 * mean_gap));
            if (random.below(25) == 0) {
                disturb(cluster, random);
            } else {
                cluster.call(tokens);
            }
            if (testing::Test::HasFatalFailure()) return;
        }
        const SharedLimits& limits = cluster.limits();
        const double per_us = static_cast<double>(limits.rate.amount) * 1000 /
                              static_cast<double>(limits.rate.per.count());
        const Worst worst = worst_of(cluster.admitted(), cluster.window_us(), per_us);
        ASSERT_LE(worst.requests, settings.requests) << "seed " << seed;
        if (settings.tokens > 0) {
            ASSERT_LE(worst.tokens, settings.tokens) << "seed " << seed;
        }
        if (limits.depth > 0) {
            ASSERT_LE(worst.bucket, static_cast<double>(limits.depth) + 1e-3) << "seed " << seed;
        }
        alone += cluster.alone_;
        with_redis += cluster.with_redis_;
    }
    EXPECT_GT(alone, 500);
    EXPECT_GT(with_redis, 500);
}

INSTANTIATE_TEST_SUITE_P(Gateways, QuotaCluster, testing::Values(1, 2, 3));

// Redis is gone for a while and comes back empty, under demand of five times the limit.
std::vector<Admitted> restart_under_flood(SyncRedis& redis, std::int64_t gateways) {
    limits::QuotaSettings settings;
    settings.requests = 100;
    settings.window = milliseconds(1000);
    settings.burst = 10;
    Cluster cluster(redis, settings, gateways, 1);
    for (int i = 0; i < 5000; ++i) {
        cluster.advance(2000);
        if (i == 1500) cluster.crash();
        if (i >= 1501 && i < 1520) cluster.notice();
        if (i == 2500) cluster.come_back(Cluster::Return::empty);
        if (i >= 2600) cluster.reconnect_all();
        cluster.call(0);
    }
    return cluster.admitted();
}

std::int64_t admitted_between(const std::vector<Admitted>& admitted, std::int64_t from_ms,
                              std::int64_t to_ms) {
    std::int64_t count = 0;
    for (const Admitted& one : admitted) {
        const std::int64_t ms = (one.at - 1'000'000'000) / 1000;
        count += ms >= from_ms && ms < to_ms ? 1 : 0;
    }
    return count;
}

TEST(QuotaClusterRestart, LosesLittleOfTheLimit) {
    const test_support::RedisServer server;
    SyncRedis redis(server.socket());
    for (const std::int64_t gateways : {1, 2}) {
        const auto admitted = restart_under_flood(redis, gateways);
        // With Redis, without, and with it again: 2 s each of at most 200.
        EXPECT_GE(admitted_between(admitted, 1000, 3000), 195) << gateways;
        EXPECT_GE(admitted_between(admitted, 3000, 5000), gateways == 1 ? 190 : 150) << gateways;
        EXPECT_GE(admitted_between(admitted, 6500, 8500), 190) << gateways;
        EXPECT_LE(worst_of(admitted, 1'000'000, 0.0001).requests, 100) << gateways;
    }
}

}  // namespace
}  // namespace squadload::squad_api
