#include "target/squad_api/serve.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;

Reason reason_of(limits::Limit limit) {
    return limit == limits::Limit::throttle ? Reason::throttle : Reason::quota;
}

// Providers as one request sees them: closed while somebody older waits for them.
class RequestDoors final : public Doors {
  public:
    RequestDoors(Core& core, std::uint64_t order) : core_(core), order_(order) {}
    std::optional<Closed> closed(std::size_t provider, MonoTime now) override {
        Provider& p = core_.providers[provider];
        auto closed = p.state.closed(now);
        if (!closed && core_.queue.older_waits_for(provider, order_))
            closed = Closed{Reason::quota, Nanos::zero()};
        if (closed) ++p.counters.skipped[static_cast<std::size_t>(closed->reason)];
        return closed;
    }

  private:
    Core& core_;
    std::uint64_t order_;
};

// A request in the wait queue: whatever ends its coroutine, it leaves, and what it was granted but
// did not use goes back.
class Waiting {
  public:
    struct Slot : WaitQueue::Waiter {
        explicit Slot(asio::io_context& io) : timer(io) {}
        asio::steady_timer timer;
        std::optional<Lease> lease;
    };

    explicit Waiting(Core& core) : core_(core), slot_(std::make_shared<Slot>(core.io)) {}
    ~Waiting() {
        core_.queue.leave(slot_);
        if (!slot_->lease) return;
        core_.stores.limiter->cancel(*slot_->lease, mono_now());
        core_.kick(slot_->lease->provider);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    [[nodiscard]] const std::shared_ptr<Slot>& slot() const { return slot_; }
    [[nodiscard]] std::optional<Lease> take() { return std::exchange(slot_->lease, std::nullopt); }

  private:
    Core& core_;
    std::shared_ptr<Slot> slot_;
};

std::uint64_t never_bits(const ChatCall& call, const Walk& walk) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < call.route->chain.size(); ++i)
        if (walk.never(i)) bits |= std::uint64_t{1} << call.route->chain[i];
    return bits;
}

// Nothing: it was not its turn in time, or the queue is full.
asio::awaitable<std::optional<Lease>> wait_for_room(std::shared_ptr<Core> core, ChatCall* call,
                                                    Walk* walk, MonoTime until) {
    Waiting waiting(*core);
    const auto& slot = waiting.slot();
    slot->order = call->order;
    slot->chain = call->route->queue_chain;
    slot->tokens = call->tokens;
    slot->never = never_bits(*call, *walk);
    if (!core->queue.enter(slot)) {
        ++core->counters.queue_full;
        co_return std::nullopt;
    }
    ++core->counters.queued;
    slot->timer.expires_at(until);
    core->wake_pump();
    boost::system::error_code ignored;
    co_await slot->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    for (const std::size_t provider : call->route->chain)
        if ((slot->never & std::uint64_t{1} << provider) != 0) walk->never_fits(provider);
    const auto lease = waiting.take();
    ++(lease ? core->counters.queue_granted : core->counters.queue_timeouts);
    co_return lease;
}

// Copies what the walk knows when the request ends, in whatever way.
class Recorder {
  public:
    Recorder(const Walk& walk, Served& served) : walk_(walk), served_(served) {}
    ~Recorder() {
        served_.attempts = walk_.attempts();
        served_.calls = walk_.calls();
        served_.queued = walk_.queued();
    }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

  private:
    const Walk& walk_;
    Served& served_;
};

asio::awaitable<void> try_provider(std::shared_ptr<Core> core, ChatCall* call, Walk* walk,
                                   Served* served, std::size_t provider) {
    MonoTime now = mono_now();
    core->apply_factor(provider, now);
    const Decision decision =
        co_await core->stores.limiter->acquire(provider, call->tokens, now, walk->deadline());
    if (decision.admitted) {
        // The client may have left just when a shared store's answer came: from the next co_await
        // on nobody would give the lease back.
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            core->stores.limiter->cancel(decision.lease, mono_now());
            core->kick(provider);
            throw boost::system::system_error(asio::error::operation_aborted);
        }
        co_await make_call(core, call, walk, served, decision.lease);
        co_return;
    }
    // While it was asked it may have held a slot that somebody in the queue was refused for.
    core->kick(provider);
    now = mono_now();
    const Reason reason = reason_of(decision.refused_by);
    ++core->providers[provider].counters.skipped[static_cast<std::size_t>(reason)];
    walk->refused(reason, decision.wait, now);
}

asio::awaitable<void> wait_turn(std::shared_ptr<Core> core, ChatCall* call, Walk* walk,
                                Served* served, MonoTime until) {
    const MonoTime since = mono_now();
    const auto lease = co_await wait_for_room(core, call, walk, until);
    const MonoTime now = mono_now();
    core->counters.queue_seconds += to_seconds(now - since);
    if (!lease) {
        walk->queue_over(now);
        co_return;
    }
    walk->granted(lease->provider, now);
    co_await make_call(core, call, walk, served, *lease);
}

asio::awaitable<void> pause_until(std::shared_ptr<Core> core, MonoTime until) {
    asio::steady_timer timer(core->io);
    timer.expires_at(until);
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

asio::awaitable<void> serve(std::shared_ptr<Core> core, ChatCall* call, Served* served) {
    Random jitter(core->seed, RandomStream::backoff, call->order);
    Walk walk(call->route->chain, core->bounds, core->budget, jitter, call->arrived);
    RequestDoors doors(*core, call->order);
    {
        const Recorder recorder(walk, *served);
        Step step = walk.next(mono_now(), doors);
        while (step.kind != Step::Kind::done) {
            if (step.kind == Step::Kind::acquire)
                co_await try_provider(core, call, &walk, served, step.provider);
            else if (step.kind == Step::Kind::queue)
                co_await wait_turn(core, call, &walk, served, step.until);
            else
                co_await pause_until(core, step.until);
            step = walk.next(mono_now(), doors);
        }
    }
    const MonoTime now = mono_now();
    served->verdict = walk.verdict(now);
    if (served->verdict.kind == Verdict::Kind::rate_limited)
        served->verdict.retry_after = retry_hint(*core, *call, served->verdict.retry_after, now);
}

namespace {

// Waits for `wait`, told by a limit; 0 is no matter of time. They may turn out shorter (calls are
// cancelled, factors grow), so the limit is asked again soon.
void ask_again(Core& core, WaitQueue::Pass& pass, std::size_t provider, Nanos wait) {
    constexpr Nanos kMost = 100ms;
    const bool of_time = wait > Nanos::zero();
    core.queue.refused(pass, provider, mono_now() + (of_time ? std::min(wait, kMost) : kMost),
                       !of_time);
}

// What a waiting request is told by one provider: room, or when to ask again.
asio::awaitable<void> offer(std::shared_ptr<Core> core, WaitQueue::Pass* pass,
                            WaitQueue::Asked asked) {
    const MonoTime now = mono_now();
    Provider& provider = core->providers[asked.provider];
    if (const auto closed = provider.state.closed(now)) {
        ask_again(*core, *pass, asked.provider, closed->wait);
        co_return;
    }
    core->apply_factor(asked.provider, now);
    const auto slot = std::static_pointer_cast<Waiting::Slot>(asked.waiter);
    const Decision decision =
        co_await core->stores.limiter->acquire(asked.provider, slot->tokens, now, now + 5s);
    const MonoTime then = mono_now();
    if (!decision.admitted) {
        if (decision.wait != Nanos::max())
            ask_again(*core, *pass, asked.provider, decision.wait);
        else if (!core->queue.never(slot, asked.provider))
            slot->timer.cancel();  // nothing is left to wait for
        co_return;
    }
    if (!slot->waiting) {  // it left while the limiter was asked
        core->stores.limiter->cancel(decision.lease, then);
        co_return;
    }
    core->queue.granted(slot);
    slot->lease = decision.lease;
    slot->timer.cancel();
}

}  // namespace

asio::awaitable<void> pump_queue(std::shared_ptr<Core> core) {
    while (!core->stopping) {
        core->pump_again = false;
        WaitQueue::Pass pass = core->queue.begin(mono_now());
        while (auto asked = core->queue.next(pass)) {
            WaitQueue::Asked pair = std::move(*asked);
            co_await offer(core, &pass, std::move(pair));
        }
        if (core->pump_again || core->stopping) continue;
        // An hour: time points far away overflow when clocks are converted.
        core->pump_timer.expires_at(std::min(core->queue.wake_at(), mono_now() + 1h));
        boost::system::error_code ignored;
        co_await core->pump_timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

namespace {

Nanos wait_for(Core& core, std::size_t place, std::int64_t tokens, MonoTime now) {
    const Nanos wait = core.stores.limiter->wait_for(place, tokens, now);
    const auto closed = core.providers[place].state.closed(now);
    return closed ? std::max(wait, closed->wait) : wait;
}

}  // namespace

Nanos retry_hint(Core& core, const ChatCall& call, std::optional<Nanos> known, MonoTime now) {
    const Route& route = *call.route;
    Nanos earliest = Nanos::max();
    double requests_per_s = 0;
    double tokens_per_s = 0;
    bool tokens_limited = true;
    for (const std::size_t place : route.chain) {
        const Provider& provider = core.providers[place];
        const limits::QuotaSettings& limits = provider.config.limits;
        if (limits.tokens > 0 && call.tokens > limits.tokens) continue;  // never
        earliest = std::min(earliest, wait_for(core, place, call.tokens, now));
        const double share = provider.factor / to_seconds(limits.window);
        requests_per_s += share * static_cast<double>(limits.requests);
        tokens_per_s += share * static_cast<double>(limits.tokens);
        tokens_limited = tokens_limited && limits.tokens > 0;
    }
    if (earliest == Nanos::max()) earliest = Nanos::zero();
    if (known) earliest = std::max(earliest, *known);
    // Those who wait already are served first.
    double ahead = 0;
    if (requests_per_s > 0)
        ahead = static_cast<double>(core.queue.length(route.queue_chain)) / requests_per_s;
    if (tokens_limited && tokens_per_s > 0)
        ahead = std::max(ahead,
                         static_cast<double>(core.queue.tokens(route.queue_chain)) / tokens_per_s);
    return earliest + from_seconds(std::min(3600.0, ahead));
}

}  // namespace squadload::squad_api
