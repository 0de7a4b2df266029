#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "target/squad_api/embedded_limiter.h"
#include "target/squad_api/gateway_support.h"

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

std::string task_of(const SeenCall& call) {
    return json::parse(call.request.body)["messages"].back()["content"];
}

TEST_F(GatewayTest, WithoutRoomRequestsWaitAndAreServedInOrder) {
    provider("groq").limits.concurrency = 1;
    start();
    providers.always("groq", held(good("groq")));
    std::vector<std::shared_ptr<Pending>> asked;
    for (std::size_t i = 0; i < 6; ++i) {
        asked.push_back(begin_ask("single", "task " + std::to_string(i)));
        if (i == 0)
            until([this] { return providers.held_now() == 1; });
        else
            until_queued(i);
    }
    for (std::size_t i = 0; i < 6; ++i) {
        until([this] { return providers.held_now() == 1; });
        ASSERT_EQ(providers.calls().size(), i + 1);
        EXPECT_EQ(task_of(providers.calls()[i]), "task " + std::to_string(i));
        providers.release();
        until([&] { return asked[i]->over; });
        ASSERT_TRUE(asked[i]->answer);
        EXPECT_EQ(asked[i]->answer->status, 200);
    }
    EXPECT_EQ(json_of(*asked[1]->answer)["fallback_used"], false);
    EXPECT_EQ(asked[1]->answer->headers.get("x-squad-attempts"), "groq=skipped:quota, groq=ok");
    EXPECT_THAT(metrics(), HasSubstr("squad_queue_outcomes_total{outcome=\"granted\"} 5\n"));
    EXPECT_GT(audit->rows[1].queued, Nanos::zero());
}

TEST_F(GatewayTest, NewcomersOfAnotherChainDoNotOvertakeWhoWaits) {
    for (ProviderConfig& p : config.providers) p.limits.concurrency = 1;
    config.agents[0].chain = {1, 0};  // helper: cerebras, groq
    start();
    providers.always("groq", held(good("groq")));
    providers.always("cerebras", held(good("cerebras")));
    const auto first = begin_ask("helper", "one");
    until([this] { return providers.held_now() == 1; });
    const auto second = begin_ask("helper", "two");
    until([this] { return providers.held_now() == 2; });
    const auto third = begin_ask("helper", "three");
    until_queued(1);
    const auto fourth = begin_ask("single", "four");
    until_queued(2);
    // groq comes free: the older one may have it, though the other can have nothing else.
    until([this] { return providers.calls_of("groq") == 1; });
    providers.release(2);
    until([this] { return providers.calls().size() == 4; });
    EXPECT_EQ(task_of(providers.calls()[2]), "three");
    EXPECT_EQ(task_of(providers.calls()[3]), "four");
    until([this] { return providers.held_now() == 2; });
    providers.release(2);
    until([&] { return first->over && second->over && third->over && fourth->over; });
    EXPECT_EQ(fourth->answer->status, 200);
}

TEST_F(GatewayTest, TheQueueIsBounded) {
    provider("groq").limits.concurrency = 1;
    config.queue.max_length = 1;
    start();
    providers.always("groq", held(good("groq")));
    const auto first = begin_ask("single");
    until([this] { return providers.held_now() == 1; });
    const auto second = begin_ask("single");
    until_queued(1);
    const service::Answer third = ask("single");
    EXPECT_EQ(third.status, 429) << third.body;
    EXPECT_TRUE(third.headers.has("retry-after"));
    EXPECT_THAT(metrics(), HasSubstr("squad_queue_outcomes_total{outcome=\"full\"} 1\n"));
    providers.release();
    until([this] { return providers.held_now() == 1; });
    providers.release();
    until([&] { return first->over && second->over; });
    EXPECT_EQ(second->answer->status, 200);
}

TEST_F(GatewayTest, WaitingEndsWith429) {
    provider("groq").limits.concurrency = 1;
    config.queue.max_wait = 20ms;
    start();
    providers.always("groq", held(good("groq")));
    const auto first = begin_ask("single");
    until([this] { return providers.held_now() == 1; });
    const service::Answer second = ask("single");
    EXPECT_EQ(second.status, 429) << second.body;
    EXPECT_EQ(second.headers.get("x-squad-attempts"), "groq=skipped:quota");
    EXPECT_GE(audit->rows.at(0).queued, 20ms);
    EXPECT_EQ(audit->rows.at(0).outcome, "rate_limited");
    EXPECT_EQ(get("/health")["queue"]["length"], 0);
    providers.release();
    until([&] { return first->over; });
}

TEST_F(GatewayTest, WhoCouldOnlyWaitInVainIsToldAtOnceWhenToComeBack) {
    for (ProviderConfig& p : config.providers) p.limits.requests = 1;
    start();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(ask().status, 200);
    const service::Answer answer = ask();
    EXPECT_EQ(answer.status, 429) << answer.body;
    const int hint = std::stoi(std::string(answer.headers.get("retry-after")));
    EXPECT_GE(hint, 40);
    EXPECT_LE(hint, 61);
    EXPECT_EQ(answer.headers.get("x-squad-attempts"),
              "groq=skipped:quota, cerebras=skipped:quota, gemini=skipped:quota, "
              "openrouter=skipped:quota");
    EXPECT_EQ(providers.calls().size(), 4U);
}

TEST_F(GatewayTest, QuotaOverflowsIntoTheChain) {
    provider("groq").limits.requests = 2;
    start();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(ask().headers.get("x-squad-provider"), "groq");
    const service::Answer answer = ask();
    EXPECT_EQ(answer.headers.get("x-squad-attempts"), "groq=skipped:quota, cerebras=ok");
    EXPECT_EQ(json_of(answer)["fallback_reason"], "quota");
    EXPECT_THAT(metrics(),
                HasSubstr("squad_fallbacks_total{provider=\"cerebras\",reason=\"quota\"} 1\n"));
}

TEST_F(GatewayTest, RoomThatComesWithTimeIsHandedOut) {
    provider("groq").limits.requests = 1;
    provider("groq").limits.window = 50ms;
    start();
    std::vector<std::shared_ptr<Pending>> asked;
    for (int i = 0; i < 4; ++i) asked.push_back(begin_ask("single"));
    until([&] {
        return std::all_of(asked.begin(), asked.end(), [](const auto& p) { return p->over; });
    });
    for (const auto& pending : asked) EXPECT_EQ(pending->answer->status, 200);
}

TEST_F(GatewayTest, MoreTokensThanAnyProviderTakesIs413) {
    for (ProviderConfig& p : config.providers) p.limits.tokens = 50;
    start();
    const service::Answer answer = ask();
    EXPECT_EQ(answer.status, 413) << answer.body;
    EXPECT_EQ(json_of(answer)["error"]["type"], "request_too_large");
    EXPECT_TRUE(providers.calls().empty());
}

TEST_F(GatewayTest, AClientThatLeavesTheQueueIsForgotten) {
    provider("groq").limits.concurrency = 1;
    start();
    providers.always("groq", held(good("groq")));
    const auto first = begin_ask("single", "one");
    until([this] { return providers.held_now() == 1; });
    const auto second = begin_ask("single", "two");
    until_queued(1);
    second->cancel.emit(asio::cancellation_type::terminal);
    until_queued(0);
    const auto third = begin_ask("single", "three");
    until_queued(1);
    providers.release();
    until([this] { return providers.calls().size() == 2 && providers.held_now() == 1; });
    EXPECT_EQ(task_of(providers.calls()[1]), "three");
    providers.release();
    until([&] { return first->over && third->over; });
    ASSERT_EQ(audit->rows.size(), 3U);
    EXPECT_EQ(audit->rows[0].outcome, "hangup");
    EXPECT_EQ(audit->rows[0].status, 0);
    EXPECT_THAT(metrics(), HasSubstr("squad_hangups_total 1\n"));
}

TEST_F(GatewayTest, AClientThatLeavesDuringACallEndsTheCall) {
    provider("groq").limits.concurrency = 1;
    start();
    providers.script("groq", held(good("groq")));
    const auto first = begin_ask("single");
    until([this] { return providers.held_now() == 1; });
    first->cancel.emit(asio::cancellation_type::terminal);
    until([this] { return providers.hung_up() == 1; });
    EXPECT_EQ(ask("single").status, 200);  // its slot is free again
    EXPECT_EQ(audit->rows.at(0).outcome, "hangup");
    EXPECT_EQ(audit->rows.at(0).agent, "single");
    const json groq = get("/providers/groq");
    EXPECT_EQ(groq["calls"]["given_up"], 1);
    EXPECT_EQ(groq["in_flight"], 0);
    EXPECT_EQ(groq["breaker_state"]["failures_in_row"], 0);
    EXPECT_EQ(get("/health")["in_flight"], 0);
}

asio::awaitable<void> drain(Gateway* gateway, std::optional<bool>* whole) {
    const bool drained = co_await gateway->drain();
    *whole = drained;
}

TEST_F(GatewayTest, DrainAnswersWhatIsInFlightAndTakesNothingNew) {
    provider("groq").limits.concurrency = 1;
    start();
    providers.always("groq", held(good("groq")));
    const auto first = begin_ask("single");
    until([this] { return providers.held_now() == 1; });
    const auto waiting = begin_ask("single");
    until_queued(1);
    std::optional<bool> whole;
    asio::co_spawn(io, drain(gateway.get(), &whole), [](const std::exception_ptr&) {});
    const auto late = begin("GET", "/health");
    until([&] { return late->over; });
    // No new connection; on one that was open already the end is announced.
    if (late->answer && late->answer->ok()) {
        EXPECT_EQ(late->answer->status, 503);
        EXPECT_EQ(json_of(*late->answer)["status"], "draining");
    }
    EXPECT_FALSE(whole);
    providers.release();
    until([&] { return first->over && providers.held_now() == 1; });
    providers.release();
    until([&] { return waiting->over && whole.has_value(); });
    EXPECT_EQ(first->answer->status, 200);
    EXPECT_EQ(waiting->answer->status, 200);
    EXPECT_EQ(whole, true);
    EXPECT_EQ(audit->rows.size(), 2U);
}

TEST_F(GatewayTest, StoppingInTheMiddleOfThingsIsSafe) {
    provider("groq").limits.concurrency = 1;
    start();
    providers.always("groq", held(good("groq")));
    const auto first = begin_ask("single");
    until([this] { return providers.held_now() == 1; });
    const auto second = begin_ask("single");
    until_queued(1);
    gateway->stop();
    until([&] { return first->over && second->over && audit->rows.size() == 2; });
    gateway.reset();
    // What is left ends with the loop.
}

TEST_F(GatewayTest, RetryAfterKnowsWhatTheRequestNeeds) {
    provider("groq").limits.window = 20s;
    provider("groq").limits.tokens = 200;
    config.queue.max_wait = 0s;
    start();
    for (int i = 0; i < 2; ++i) ASSERT_EQ(ask("single").status, 200);
    // One token is left, and many more; but not as many as a request needs.
    const json levels = get("/providers/groq")["levels"]["tokens"];
    ASSERT_GT(levels["remaining"], 1);
    const service::Answer answer = ask("single");
    ASSERT_EQ(answer.status, 429) << answer.body;
    const int hint = std::stoi(std::string(answer.headers.get("retry-after")));
    EXPECT_GE(hint, 15);
    EXPECT_LE(hint, 21);
}

TEST_F(GatewayTest, WhoIsTooLargeForOneProviderHoldsUpNobodyThere) {
    provider("groq").limits.concurrency = 1;
    provider("groq").limits.tokens = 200;
    provider("cerebras").limits.concurrency = 1;
    config.agents[0].chain = {0, 1};
    start();
    providers.always("groq", held(good("groq")));
    providers.always("cerebras", held(good("cerebras")));
    const auto on_groq = begin_ask();
    until([this] { return providers.calls_of("groq") == 1; });
    const auto on_cerebras = begin_ask();
    until([this] { return providers.calls_of("cerebras") == 1; });
    const auto large = begin_ask("helper", std::string(1000, 'x'));  // cerebras alone takes it
    until_queued(1);
    const auto small = begin_ask("helper", "small");
    until_queued(2);
    providers.release();  // groq: it was held first
    until([this] { return providers.calls_of("groq") == 2; });
    EXPECT_EQ(task_of(providers.calls().back()), "small");
    until([this] { return providers.held_now() == 2; });
    providers.release(2);
    until([this] { return providers.calls_of("cerebras") == 2 && providers.held_now() == 1; });
    providers.release();
    until([&] { return large->over && small->over && on_groq->over && on_cerebras->over; });
    EXPECT_EQ(large->answer->status, 200);
}

// Asks as long as the test wants, and, like an answer that has come but was not looked at yet, is
// not stopped by a client that leaves.
class PonderingLimiter final : public Limiter {
  public:
    PonderingLimiter(asio::io_context& loop, const Config& config)
        : timer(loop), quotas(limit_scopes(config), mono_now()) {
        timer.expires_after(1h);
    }
    asio::awaitable<Decision> acquire(std::size_t provider, std::int64_t tokens, MonoTime now,
                                      MonoTime deadline) override {
        ++asked;
        boost::system::error_code ignored;
        co_await timer.async_wait(asio::bind_cancellation_slot(
            asio::cancellation_slot(), asio::redirect_error(asio::use_awaitable, ignored)));
        // The next co_await would throw, as it does for whoever was cancelled.
        Decision decision;
        decision.admitted = true;
        decision.lease.provider = provider;
        decision.lease.id = ++admitted;
        decision.lease.tokens = tokens;
        static_cast<void>(now), static_cast<void>(deadline);
        co_return decision;
    }
    void finish(const Lease& /*lease*/, std::optional<std::int64_t> /*used*/,
                MonoTime /*now*/) override {
        ++finished;
    }
    void cancel(const Lease& /*lease*/, MonoTime /*now*/) override { ++cancelled; }
    void set_factor(std::size_t /*provider*/, double /*factor*/, MonoTime /*now*/) override {}
    Nanos wait_for(std::size_t provider, std::int64_t tokens, MonoTime now) override {
        return quotas.wait_for(provider, tokens, now);
    }
    LimiterState state(std::size_t provider, MonoTime now) override {
        return quotas.state(provider, now);
    }
    [[nodiscard]] StoreHealth health() const override { return quotas.health(); }

    asio::steady_timer timer;
    EmbeddedLimiter quotas;
    std::uint64_t asked = 0, admitted = 0, finished = 0, cancelled = 0;
};

TEST_F(GatewayTest, WhatWasAdmittedForAClientThatLeftIsGivenBack) {
    const auto pondering = std::make_shared<PonderingLimiter>(io, config);
    limiter = pondering;
    start();
    const auto pending = begin_ask();
    until([&] { return pondering->asked == 1; });
    pending->cancel.emit(asio::cancellation_type::terminal);
    until([&] { return pending->over; });
    io.restart();
    io.run_for(50ms);  // until the gateway knows
    pondering->timer.cancel();
    until([this] { return audit->rows.size() == 1; });
    EXPECT_EQ(audit->rows[0].outcome, "hangup");
    EXPECT_EQ(pondering->admitted, 1U);
    EXPECT_EQ(pondering->cancelled, 1U);
    EXPECT_EQ(pondering->finished, 0U);
    EXPECT_EQ(providers.calls().size(), 0U);
}

}  // namespace
}  // namespace squadload::squad_api
