// The decision core as a whole on a simulated clock: walks, provider states, limits and the wait
// queue together, driven as serve.cc drives them, over random schedules of requests and faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "target/limits/quota.h"
#include "target/squad_api/wait_queue.h"
#include "target/squad_api/walk.h"

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;

struct SimProvider {
    SimProvider(const limits::QuotaSettings& settings, MonoTime now)
        : state(ProviderSettings{}), quota(settings, now) {}

    ProviderState state;
    limits::Quota quota;
    // What its answers are: shares of 429, failure and hang, until they change.
    double limited = 0;
    double failing = 0;
    std::vector<MonoTime> calls;
    MonoTime hint_until{};  // no call before, says the last hint
};

struct SimRequest {
    std::uint64_t order = 0;
    std::size_t chain = 0;
    MonoTime arrived;
    std::unique_ptr<Walk> walk;
    WaitQueue::WaiterPtr waiter;
    std::optional<MonoTime> ended;
    std::size_t rounds = 0;
};

class Simulation {
  public:
    explicit Simulation(std::uint64_t seed) : random_(seed, RandomStream::test, 0) {
        for (std::size_t i = 0; i < 4; ++i) {
            limits::QuotaSettings quota;
            quota.requests = random_.between(20, 120);
            quota.window = 10s;
            quota.burst = random_.between(1, 10);
            quota.concurrency = random_.between(2, 20);
            providers_.emplace_back(quota, now_);
        }
        chains_ = {{0, 1, 2, 3}, {2, 0}, {3}};
        for (const auto& chain : chains_) static_cast<void>(queue_.add_chain(chain));
        bounds_.total_time = 8s;
        bounds_.queue_wait = 3s;
    }

    void run(int requests) {
        for (int i = 0; i < requests; ++i) {
            const Nanos at = Nanos(random_.between(0, Nanos(20s).count()));
            schedule(start_ + at, [this] { arrive(); });
        }
        for (int i = 0; i < 12; ++i)
            schedule(start_ + Nanos(random_.between(0, Nanos(20s).count())), [this] { fault(); });
        while (!events_.empty()) {
            const auto first = events_.begin();
            now_ = first->first;
            const auto action = std::move(first->second);
            events_.erase(first);
            action();
            pump();
        }
        check_ends();
    }

    std::size_t served = 0, queued = 0, refused = 0, left = 0;

  private:
    class SimDoors final : public Doors {
      public:
        SimDoors(Simulation& simulation, std::uint64_t order)
            : simulation_(simulation), order_(order) {}
        std::optional<Closed> closed(std::size_t provider, MonoTime now) override {
            const auto closed = simulation_.providers_[provider].state.closed(now);
            if (closed) return closed;
            if (simulation_.queue_.older_waits_for(provider, order_))
                return Closed{Reason::quota, Nanos::zero()};
            return std::nullopt;
        }

      private:
        Simulation& simulation_;
        std::uint64_t order_;
    };

    void schedule(MonoTime at, std::function<void()> action) {
        events_.emplace(std::max(at, now_), std::move(action));
    }

    void fault() {
        SimProvider& provider = providers_[random_.below(4)];
        const double roll = random_.unit();
        provider.limited = roll < 0.3 ? random_.unit() : 0;
        provider.failing = roll > 0.7 ? random_.unit() : 0;
    }

    void arrive() {
        auto request = std::make_shared<SimRequest>();
        request->order = requests_.size();
        request->chain = random_.below(chains_.size());
        request->arrived = now_;
        request->walk =
            std::make_unique<Walk>(chains_[request->chain], bounds_, budget_,
                                   Random(1, RandomStream::backoff, request->order), now_);
        requests_.push_back(request);
        step(request);
        if (random_.unit() < 0.05)  // the client loses patience
            schedule(now_ + 500ms, [this, request] { hang_up(request); });
    }

    void hang_up(const std::shared_ptr<SimRequest>& request) {
        if (request->ended || !request->waiter) return;
        queue_.leave(request->waiter);
        end(request);
        ++left;
    }

    void end(const std::shared_ptr<SimRequest>& request) {
        ASSERT_FALSE(request->ended);
        request->ended = now_;
        EXPECT_LE(now_, request->walk->deadline());
        total_calls_ += request->walk->calls();
        EXPECT_LE(request->walk->calls(), bounds_.attempts);
        EXPECT_LE(request->walk->queued(), bounds_.queue_wait);
        check_order(*request);
        request->walk.reset();
    }

    // Within a round, places in the chain only grow.
    void check_order(const SimRequest& request) {
        const auto& chain = chains_[request.chain];
        std::size_t drops = 0;
        std::optional<std::size_t> before;
        for (const Attempt& attempt : request.walk->attempts()) {
            const auto place = static_cast<std::size_t>(
                std::find(chain.begin(), chain.end(), attempt.provider) - chain.begin());
            ASSERT_LT(place, chain.size());
            if (before && place <= *before) ++drops;
            before = place;
        }
        EXPECT_LE(drops, request.rounds);
    }

    void step(const std::shared_ptr<SimRequest>& request) {
        SimDoors doors(*this, request->order);
        while (true) {
            const Step step = request->walk->next(now_, doors);
            switch (step.kind) {
                case Step::Kind::acquire:
                    if (try_provider(request, step.provider)) return;
                    break;
                case Step::Kind::queue:
                    ++request->rounds;
                    if (enter(request, step.until)) return;
                    break;
                case Step::Kind::pause:
                    ++request->rounds;
                    EXPECT_LT(step.until, request->walk->deadline());
                    schedule(step.until, [this, request] { this->step(request); });
                    return;
                case Step::Kind::done:
                    const Verdict verdict = request->walk->verdict(now_);
                    ++(verdict.kind == Verdict::Kind::served ? served : refused);
                    end(request);
                    return;
            }
        }
    }

    // False: refused.
    bool try_provider(const std::shared_ptr<SimRequest>& request, std::size_t place) {
        SimProvider& provider = providers_[place];
        provider.quota.set_factor(provider.state.factor(now_), now_);
        const auto admission = provider.quota.admit(10, now_);
        if (!admission.admitted) {
            request->walk->refused(Reason::quota, admission.wait, now_);
            return false;
        }
        return call(request, place, admission.ticket);
    }

    bool call(const std::shared_ptr<SimRequest>& request, std::size_t place,
              limits::Ticket ticket) {
        SimProvider& provider = providers_[place];
        const auto pass = provider.state.begin(now_);
        if (!pass) {
            provider.quota.cancel(ticket, now_);
            const auto closed = provider.state.closed(now_);
            request->walk->refused(closed ? closed->reason : Reason::breaker,
                                   closed ? closed->wait : Nanos::zero(), now_);
            return false;
        }
        EXPECT_GE(now_, provider.hint_until) << "a call before the provider's hint was over";
        provider.calls.push_back(now_);
        ++calls_begun_;
        CallEnd end{Reason::none, 200, std::nullopt, false};
        Nanos takes = Nanos(random_.between(1'000'000, 400'000'000));
        if (random_.unit() < provider.limited) {
            end = CallEnd{Reason::rate_limited, 429, std::nullopt, false};
            if (random_.unit() < 0.5) end.retry_after = Nanos(random_.between(1, 3'000'000'000));
        } else if (random_.unit() < provider.failing) {
            end = CallEnd{random_.unit() < 0.5 ? Reason::connect : Reason::server_error, 0,
                          std::nullopt, false};
        }
        if (now_ + takes > request->walk->deadline()) {
            takes = request->walk->deadline() - now_;
            end = CallEnd{Reason::timeout, 0, std::nullopt, true};
        }
        schedule(now_ + takes, [this, request, place, ticket, pass = *pass, end, takes] {
            SimProvider& called = providers_[place];
            called.quota.finish(ticket, std::nullopt, now_);
            called.state.ended(pass, end, now_);
            if (end.retry_after)
                called.hint_until = std::max(called.hint_until, now_ + *end.retry_after);
            static_cast<void>(queue_.kick(place));
            request->walk->ended(end, takes, now_);
            step(request);
        });
        return true;
    }

    bool enter(const std::shared_ptr<SimRequest>& request, MonoTime until) {
        auto waiter = std::make_shared<WaitQueue::Waiter>();
        waiter->order = request->order;
        waiter->chain = request->chain;
        if (!queue_.enter(waiter)) {
            request->walk->queue_over(now_);
            return false;
        }
        ++queued;
        request->waiter = waiter;
        waiting_[waiter->order] = request;
        schedule(until, [this, request, waiter] {
            if (!waiter->waiting) return;
            queue_.leave(waiter);
            request->waiter.reset();
            request->walk->queue_over(now_);
            step(request);
        });
        return true;
    }

    void pump() {
        auto pass = queue_.begin(now_);
        std::optional<std::uint64_t> last_granted_of_chain[3];
        while (const auto asked = queue_.next(pass)) {
            SimProvider& provider = providers_[asked->provider];
            if (const auto closed = provider.state.closed(now_)) {
                queue_.refused(pass, asked->provider, ask_again(closed->wait));
                continue;
            }
            const auto admission = provider.quota.admit(10, now_);
            if (!admission.admitted) {
                queue_.refused(pass, asked->provider, ask_again(admission.wait));
                continue;
            }
            // Grants of one chain go by arrival.
            auto& last = last_granted_of_chain[asked->waiter->chain];
            EXPECT_TRUE(!last || *last < asked->waiter->order);
            last = asked->waiter->order;
            const auto request = waiting_.at(asked->waiter->order);
            const std::size_t place = asked->provider;
            queue_.granted(asked->waiter);
            request->waiter.reset();
            request->walk->granted(place, now_);
            if (!call(request, place, admission.ticket)) step(request);
        }
        const MonoTime wake = queue_.wake_at();
        if (wake != MonoTime::max()) {
            EXPECT_GT(wake, now_) << "the queue would spin";
            if (wake_ > now_ && wake_ <= wake) return;
            wake_ = wake;
            schedule(wake, [] {});
        }
    }

    MonoTime ask_again(Nanos wait) const {
        return wait > Nanos::zero() ? now_ + std::min<Nanos>(wait, 100ms) : MonoTime::max();
    }

    void check_ends() {
        EXPECT_EQ(queue_.length(), 0U);
        EXPECT_EQ(total_calls_, calls_begun_);
        EXPECT_LE(static_cast<double>(total_calls_),
                  kAmplification * static_cast<double>(requests_.size()) + kReserve);
        for (const auto& request : requests_)
            EXPECT_TRUE(request->ended) << "request " << request->order << " was lost";
        for (SimProvider& provider : providers_) {
            EXPECT_EQ(provider.state.in_flight(), 0);
            EXPECT_EQ(provider.quota.state(now_).in_flight, 0);
            check_quota(provider);
        }
    }

    static void check_quota(const SimProvider& provider) {
        const auto& limits = provider.quota.settings();
        std::size_t first = 0;
        for (std::size_t i = 0; i < provider.calls.size(); ++i) {
            while (provider.calls[first] <= provider.calls[i] - limits.window) ++first;
            ASSERT_LE(static_cast<std::int64_t>(i - first + 1), limits.requests);
        }
    }

    static constexpr double kAmplification = 1.5;
    static constexpr std::int64_t kReserve = 5;

    const MonoTime start_ = MonoTime{} + 1h;
    MonoTime now_ = start_;
    Random random_;
    std::vector<SimProvider> providers_;
    std::vector<std::vector<std::size_t>> chains_;
    WaitQueue queue_{40};
    CallBudget budget_{kAmplification, kReserve};
    WalkBounds bounds_;
    std::multimap<MonoTime, std::function<void()>> events_;
    std::vector<std::shared_ptr<SimRequest>> requests_;
    std::map<std::uint64_t, std::shared_ptr<SimRequest>> waiting_;
    MonoTime wake_{};  // of the last event that was scheduled for the queue
    std::int64_t total_calls_ = 0;
    std::int64_t calls_begun_ = 0;
};

TEST(SimulationTest, BoundsOrderFloorsAndQuotasHoldAndNobodyIsLost) {
    std::size_t served = 0;
    std::size_t queued = 0;
    std::size_t refused = 0;
    std::size_t left = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SCOPED_TRACE(seed);
        Simulation simulation(seed);
        simulation.run(300);
        served += simulation.served;
        queued += simulation.queued;
        refused += simulation.refused;
        left += simulation.left;
        if (testing::Test::HasFailure()) break;
    }
    // The schedules exercise what they are for.
    EXPECT_GT(served, 20'000U);
    EXPECT_GT(queued, 2'000U);
    EXPECT_GT(refused, 2'000U);
    EXPECT_GT(left, 20U);
}

}  // namespace
}  // namespace squadload::squad_api
