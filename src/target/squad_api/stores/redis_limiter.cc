#include "target/squad_api/stores/redis_limiter.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>
#include <utility>

#include "target/squad_api/stores/deadline_event.h"
#include "target/squad_api/stores/gateway_gate.h"
#include "target/squad_api/stores/health_tracker.h"
#include "target/squad_api/stores/quota_mirror.h"
#include "target/squad_api/stores/quota_script.h"
#include "target/squad_api/stores/random_id.h"

namespace squadload::squad_api {
namespace {

// After a refusal that no limit made: the store is slow, or its queue full.
constexpr Nanos kAskAgain = std::chrono::milliseconds(10);

// Who decides about a scope now.
enum class Mode {
    waiting,  // soon known: connecting at once, or joining
    shared,   // Redis
    alone     // this gateway
};

struct Scope {
    Scope(LimitScope named, const SharedLimits& limits, std::string own_key, MonoTime now)
        : spec(std::move(named)),
          key(std::move(own_key)),
          calls(limits),
          mirror(limits, now),
          gate(spec.quota) {}

    LimitScope spec;
    std::string key;
    QuotaCalls calls;
    QuotaMirror mirror;
    GatewayGate gate;
    Mode mode = Mode::waiting;
    MonoTime asked{};  // last
};

// One question to Redis, held by who asked and by the answer's callback.
struct Ask {
    explicit Ask(const asio::any_io_executor& executor) : event(executor) {}
    DeadlineEvent event;
    std::optional<QuotaAnswer> answer;  // none though it happened: ask again, things have changed
    bool abandoned = false;
};

std::size_t place_of(QuotaScript script) {
    return static_cast<std::size_t>(script);
}

Decision refused(limits::Limit limit, Nanos wait) {
    Decision decision;
    decision.refused_by = limit;
    decision.wait = wait;
    return decision;
}

}  // namespace

class RedisLimiter::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(const asio::any_io_executor& executor, RedisLimiterOptions options,
         std::vector<LimitScope> scopes);

    void start();
    void stop();
    [[nodiscard]] asio::awaitable<Decision> acquire(std::size_t provider, std::int64_t tokens,
                                                    MonoTime now, MonoTime deadline);
    void give_back(const Lease& lease, bool sent, MonoTime now);
    void set_factor(std::size_t provider, double factor, MonoTime now) {
        scopes_[provider]->gate.set_factor(factor, now);
    }
    [[nodiscard]] LimiterState state(std::size_t provider, MonoTime now);
    [[nodiscard]] Nanos window(std::size_t provider) const {
        return scopes_[provider]->spec.quota.window;
    }
    [[nodiscard]] const StoreHealth& health() const { return health_.health(); }

  private:
    // What has to come back when a lease ends.
    struct Held {
        GatewayGate::Entry gate;
        QuotaMirror::Alone alone;
        std::uint64_t joins = 0;  // of the mirror, when admitted alone
    };
    class GateGuard;
    class AskGuard;

    [[nodiscard]] RedisClient::Events events();
    [[nodiscard]] asio::awaitable<Decision> decide(Scope* scope, std::int64_t tokens,
                                                   MonoTime deadline, QuotaMirror::Alone* alone);
    [[nodiscard]] asio::awaitable<std::shared_ptr<Ask>> ask(Scope* scope, std::int64_t tokens,
                                                            MonoTime deadline);
    [[nodiscard]] Decision decide_alone(Scope& scope, std::int64_t tokens,
                                        QuotaMirror::Alone& alone);
    void answered(Scope& scope, Ask& ask, std::int64_t tokens, RedisAnswer answer);
    // The counts of an answer; none when it is an error, or the scope has to join.
    [[nodiscard]] std::optional<QuotaAnswer> understood(Scope& scope, const RedisAnswer& answer);
    void take_back(Scope& scope, std::uint64_t entry, std::int64_t tokens);
    void join(Scope& scope, bool renew);
    void on_joined(Scope& scope, const RedisAnswer& answer);
    void go_alone(Scope& scope);
    void wake();
    void look_later();
    void look();

    asio::any_io_executor executor_;
    RedisLimiterOptions options_;
    std::string gateway_;  // who this is, among those that share
    std::string run_;      // Redis's run id
    std::vector<std::unique_ptr<Scope>> scopes_;
    std::vector<std::shared_ptr<DeadlineEvent>> waiting_;  // for a scope that is Mode::waiting
    std::unordered_map<std::uint64_t, Held> held_;         // by Lease::id
    std::uint64_t next_id_ = 1;
    HealthTracker health_;
    MonoTime lost_since_{};
    asio::steady_timer look_timer_;
    RedisClient client_;
};

// Gives the gate's slot back unless kept: a coroutine may end at any co_await.
class RedisLimiter::Core::GateGuard {
  public:
    GateGuard(std::weak_ptr<Core> core, Scope& scope, const GatewayGate::Entry& entry)
        : core_(std::move(core)), scope_(scope), entry_(entry) {}
    ~GateGuard() {
        if (!kept_ && core_.lock()) scope_.gate.undo(entry_, mono_now());
    }
    GateGuard(const GateGuard&) = delete;
    GateGuard& operator=(const GateGuard&) = delete;
    void keep() { kept_ = true; }

  private:
    std::weak_ptr<Core> core_;
    Scope& scope_;
    GatewayGate::Entry entry_;
    bool kept_ = false;
};

// Whoever stops waiting for an answer does not use it: what it admitted is taken back.
class RedisLimiter::Core::AskGuard {
  public:
    AskGuard(std::weak_ptr<Core> core, Scope& scope, std::shared_ptr<Ask> ask, std::int64_t tokens)
        : core_(std::move(core)), scope_(scope), ask_(std::move(ask)), tokens_(tokens) {}
    ~AskGuard() {
        if (used_) return;
        ask_->abandoned = true;
        const auto core = core_.lock();
        if (core && ask_->answer && ask_->answer->admitted) {
            core->take_back(scope_, ask_->answer->entry, tokens_);
        }
    }
    AskGuard(const AskGuard&) = delete;
    AskGuard& operator=(const AskGuard&) = delete;
    void use() { used_ = true; }

  private:
    std::weak_ptr<Core> core_;
    Scope& scope_;
    std::shared_ptr<Ask> ask_;
    std::int64_t tokens_;
    bool used_ = false;
};

RedisLimiter::Core::Core(const asio::any_io_executor& executor, RedisLimiterOptions options,
                         std::vector<LimitScope> scopes)
    : executor_(executor),
      options_(std::move(options)),
      gateway_(random_id().substr(0, 16)),
      health_("redis", mono_now()),
      look_timer_(executor),
      client_(
          executor,
          [&] {
              RedisOptions redis = options_.redis;
              redis.greeting = {{"INFO", "server"}};
              redis.scripts = quota_scripts();
              return redis;
          }(),
          events()) {
    const bool alone = options_.on_loss != OnLoss::closed;
    for (LimitScope& spec : scopes) {
        const SharedLimits limits = shared_limits(spec.quota, options_.gateways, alone);
        std::string key = quota_key(options_.prefix, spec.scope);
        scopes_.push_back(
            std::make_unique<Scope>(std::move(spec), limits, std::move(key), mono_now()));
    }
}

// The client is a member: its callbacks end with stop().
RedisClient::Events RedisLimiter::Core::events() {
    RedisClient::Events events;
    events.up = [this](const std::vector<RedisReply>& greeting) {
        run_ = greeting.empty() ? "" : run_id_of(greeting.front());
        if (run_.empty()) return client_.drop("INFO server does not tell a run_id");
        for (const auto& scope : scopes_) join(*scope, scope->mirror.joins() > 0);
    };
    events.lost = [this](const std::string& why, bool retries_now) {
        lost_since_ = mono_now();
        health_.down(why, lost_since_);
        for (const auto& scope : scopes_) {
            // Joining has failed: no second attempt while calls wait.
            const bool hopeful = retries_now && scope->mode == Mode::shared;
            if (hopeful) scope->mode = Mode::waiting;
            if (!hopeful) go_alone(*scope);
        }
        wake();
    };
    events.unreachable = [this](const std::string& why) {
        health_.down(why, mono_now());
        for (const auto& scope : scopes_) go_alone(*scope);
        wake();
    };
    return events;
}

void RedisLimiter::Core::start() {
    client_.start();
    look_later();
}

void RedisLimiter::Core::stop() {
    client_.stop();
    look_timer_.cancel();
    wake();
}

void RedisLimiter::Core::go_alone(Scope& scope) {
    if (scope.mode == Mode::alone) return;
    scope.mirror.lost(lost_since_, mono_now());
    scope.mode = Mode::alone;
}

void RedisLimiter::Core::wake() {
    for (const auto& event : std::exchange(waiting_, {})) event->happen();
}

// --- joining

void RedisLimiter::Core::join(Scope& scope, bool renew) {
    JoinRequest request = scope.mirror.join_request(mono_now());
    request.run = run_;
    request.gateway = gateway_;
    request.renew = renew;
    // From here to the answer nothing is admitted: it would not be in what is told.
    scope.mode = Mode::waiting;
    const bool sent =
        client_.eval(place_of(QuotaScript::join), scope.key, scope.calls.join(request),
                     [this, &scope](RedisAnswer answer) { on_joined(scope, answer); });
    if (!sent) client_.drop("too much is waiting for " + options_.redis.address.text());
}

void RedisLimiter::Core::on_joined(Scope& scope, const RedisAnswer& answer) {
    if (!answer.reply) return;  // lost: the event said so before
    const std::string where = options_.redis.address.text();
    if (answer.reply->is_error()) return client_.drop(where + ": " + answer.reply->text);
    const auto joined = read_join_answer(*answer.reply);
    if (!joined) return client_.drop(where + " answered a script with something else");
    const MonoTime now = mono_now();
    scope.mirror.joined(*joined, answer.sent, now);
    scope.mode = Mode::shared;
    scope.asked = now;
    bool all = true;
    for (const auto& other : scopes_) all = all && other->mode == Mode::shared;
    if (all && health_.health().status != StoreStatus::up) health_.up(where, now);
    wake();
}

std::optional<QuotaAnswer> RedisLimiter::Core::understood(Scope& scope, const RedisAnswer& answer) {
    if (!answer.reply) return std::nullopt;
    const std::string where = options_.redis.address.text();
    if (answer.reply->is_error()) {
        client_.drop(where + ": " + answer.reply->text);
        return std::nullopt;
    }
    const auto read = read_quota_answer(*answer.reply);
    if (!read) {
        client_.drop(where + " answered a script with something else");
        return std::nullopt;
    }
    if (read->join) {
        if (scope.mode == Mode::shared) join(scope, false);
        return std::nullopt;
    }
    scope.mirror.observe(read->counts, answer.sent, mono_now());
    return read;
}

// --- deciding

asio::awaitable<Decision> RedisLimiter::Core::acquire(std::size_t provider, std::int64_t tokens,
                                                      MonoTime now, MonoTime deadline) {
    Scope& scope = *scopes_[provider];
    tokens = std::max<std::int64_t>(tokens, 0);
    const std::int64_t most = scope.mirror.limits().tokens;
    if (most > 0 && tokens > most) co_return refused(limits::Limit::too_large, Nanos::max());
    const GatewayGate::Entry entry = scope.gate.enter(now);
    if (!entry.entered) co_return refused(entry.refused_by, entry.wait);

    GateGuard guard(weak_from_this(), scope, entry);
    QuotaMirror::Alone alone;
    Decision decision = co_await decide(&scope, tokens, deadline, &alone);
    if (!decision.admitted) co_return decision;
    guard.keep();
    decision.lease.provider = provider;
    decision.lease.tokens = tokens;
    decision.lease.id = next_id_++;
    Held& held = held_[decision.lease.id];
    held.gate = entry;
    held.alone = alone;
    held.joins = scope.mirror.joins();
    co_return decision;
}

asio::awaitable<Decision> RedisLimiter::Core::decide(Scope* scope, std::int64_t tokens,
                                                     MonoTime deadline, QuotaMirror::Alone* alone) {
    while (true) {
        if (scope->mode == Mode::alone) co_return decide_alone(*scope, tokens, *alone);
        if (scope->mode == Mode::waiting) {
            const auto event = std::make_shared<DeadlineEvent>(executor_);
            waiting_.push_back(event);
            const bool known = co_await event->wait(deadline);
            if (known) continue;
            std::erase(waiting_, event);
            co_return refused(limits::Limit::requests, kAskAgain);
        }
        const std::shared_ptr<Ask> question = co_await ask(scope, tokens, deadline);
        if (!question) co_return refused(limits::Limit::requests, kAskAgain);
        if (!question->answer) continue;
        const QuotaAnswer& answer = *question->answer;
        if (!answer.admitted) co_return refused(answer.refused_by, answer.wait);
        Decision decision;
        decision.admitted = true;
        decision.lease.shared = answer.entry;
        co_return decision;
    }
}

// Nothing: it could not be sent, or no answer came in time.
asio::awaitable<std::shared_ptr<Ask>> RedisLimiter::Core::ask(Scope* scope, std::int64_t tokens,
                                                              MonoTime deadline) {
    auto question = std::make_shared<Ask>(executor_);
    const bool sent = client_.eval(place_of(QuotaScript::acquire), scope->key,
                                   scope->calls.acquire(scope->mirror.epoch(), tokens),
                                   [this, scope, question, tokens](RedisAnswer answer) {
                                       answered(*scope, *question, tokens, std::move(answer));
                                   });
    if (!sent) co_return nullptr;
    scope->asked = mono_now();
    AskGuard guard(weak_from_this(), *scope, question, tokens);
    const bool in_time = co_await question->event.wait(deadline);
    if (!in_time) co_return nullptr;
    guard.use();
    co_return question;
}

void RedisLimiter::Core::answered(Scope& scope, Ask& ask, std::int64_t tokens, RedisAnswer answer) {
    const auto read = understood(scope, answer);
    if (ask.abandoned) {
        if (read && read->admitted) take_back(scope, read->entry, tokens);
        return;
    }
    ask.answer = read;
    ask.event.happen();
}

Decision RedisLimiter::Core::decide_alone(Scope& scope, std::int64_t tokens,
                                          QuotaMirror::Alone& alone) {
    if (options_.on_loss == OnLoss::closed) {
        return refused(limits::Limit::requests, options_.redis.backoff_max);
    }
    const MonoTime now = mono_now();
    if (options_.on_loss == OnLoss::open) {
        scope.mirror.count_alone(tokens, now);
    } else {
        alone = scope.mirror.admit_alone(tokens, now);
        if (!alone.admitted) return refused(alone.refused_by, alone.wait);
    }
    Decision decision;
    decision.admitted = true;
    decision.lease.local = true;
    return decision;
}

void RedisLimiter::Core::take_back(Scope& scope, std::uint64_t entry, std::int64_t tokens) {
    // Not sent, or lost: it stays in the log, and leaves with the window.
    static_cast<void>(client_.eval(
        place_of(QuotaScript::cancel), scope.key,
        scope.calls.cancel(scope.mirror.epoch(), entry, tokens),
        [this, &scope](RedisAnswer answer) { static_cast<void>(understood(scope, answer)); }));
}

void RedisLimiter::Core::give_back(const Lease& lease, bool sent, MonoTime now) {
    const auto found = held_.find(lease.id);
    if (found == held_.end()) return;
    const Held held = found->second;
    held_.erase(found);
    Scope& scope = *scopes_[lease.provider];
    if (sent) return scope.gate.leave();
    scope.gate.undo(held.gate, now);
    if (!lease.local) return take_back(scope, lease.shared, lease.tokens);
    if (held.joins == scope.mirror.joins()) {
        scope.mirror.cancel_alone(held.alone, lease.tokens, now);
    }
}

LimiterState RedisLimiter::Core::state(std::size_t provider, MonoTime now) {
    Scope& scope = *scopes_[provider];
    LimiterState state;
    state.quota = scope.mirror.state(now);
    state.quota.concurrency = scope.gate.concurrency();
    state.quota.in_flight = scope.gate.in_flight();
    state.quota.factor = scope.gate.factor();
    state.as_of = scope.mirror.as_of();
    state.shared = scope.mode == Mode::shared;
    return state;
}

// --- looking

void RedisLimiter::Core::look_later() {
    look_timer_.expires_after(options_.look);
    look_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto core = weak.lock();
        if (error || !core) return;
        core->look();
        core->look_later();
    });
}

// Keeps the mirror young, the epoch known and the key from expiring where nobody asks, and finds
// out about a loss.
void RedisLimiter::Core::look() {
    const MonoTime now = mono_now();
    for (const auto& scope : scopes_) {
        if (scope->mode != Mode::shared || now - scope->asked < options_.look) continue;
        scope->asked = now;
        static_cast<void>(client_.eval(place_of(QuotaScript::look), scope->key,
                                       scope->calls.look(scope->mirror.epoch()),
                                       [this, &own = *scope](RedisAnswer answer) {
                                           static_cast<void>(understood(own, answer));
                                       }));
    }
}

// ---

RedisLimiter::RedisLimiter(const asio::any_io_executor& executor, RedisLimiterOptions options,
                           std::vector<LimitScope> scopes)
    : core_(std::make_shared<Core>(executor, std::move(options), std::move(scopes))) {
    core_->start();
}

RedisLimiter::~RedisLimiter() {
    core_->stop();
}

asio::awaitable<Decision> RedisLimiter::acquire(std::size_t provider, std::int64_t tokens,
                                                MonoTime now, MonoTime deadline) {
    return core_->acquire(provider, tokens, now, deadline);
}

void RedisLimiter::finish(const Lease& lease, std::optional<std::int64_t> /*used_tokens*/,
                          MonoTime now) {
    core_->give_back(lease, true, now);
}

void RedisLimiter::cancel(const Lease& lease, MonoTime now) {
    core_->give_back(lease, false, now);
}

void RedisLimiter::set_factor(std::size_t provider, double factor, MonoTime now) {
    core_->set_factor(provider, factor, now);
}

Nanos RedisLimiter::wait_for(std::size_t provider, std::int64_t tokens, MonoTime now) {
    const limits::QuotaState quota = state(provider, now).quota;
    Nanos wait{};
    for (const auto* level : {&quota.requests, &quota.burst, &quota.tokens})
        if (*level) wait = std::max(wait, (*level)->next_after);
    if (!quota.tokens || tokens <= quota.tokens->remaining || tokens > quota.tokens->limit)
        return wait;
    const double lacking = static_cast<double>(tokens - quota.tokens->remaining);
    const double window = to_seconds(core_->window(provider));
    return std::max(wait,
                    from_seconds(lacking * window / static_cast<double>(quota.tokens->limit)));
}

LimiterState RedisLimiter::state(std::size_t provider, MonoTime now) {
    return core_->state(provider, now);
}

StoreHealth RedisLimiter::health() const {
    return core_->health();
}

}  // namespace squadload::squad_api
