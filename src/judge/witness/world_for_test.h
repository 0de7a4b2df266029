// A small world in simulated time: clients, a gateway with a limiter per provider, providers with
// quotas and storms. It writes the arrival log and the claims a witness is given. The gateway here
// is correct; tests plant faults by overriding one thing. It shares no code with the witness.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/random.h"
#include "judge/witness/witness.h"

namespace squadload::witness::world {

using namespace std::chrono_literals;

struct Limits {
    std::int64_t requests = 300;  // per window
    std::int64_t burst = 15;
    Nanos window = 60s;
    Nanos guard = 50ms;
    std::int64_t tokens = 0;       // per window
    std::int64_t concurrency = 0;  // at once
};
inline constexpr std::int64_t kTokensAsked = 300;  // by every call

// Decides whether a call may go to one provider; learns of its 429s. Sliding log, bucket, hints,
// throttle: what squad-api declares.
class Limiter {
  public:
    explicit Limiter(const Limits& limits)
        : limits_(limits), tokens_(static_cast<double>(limits.burst)) {}
    virtual ~Limiter() = default;

    // "" or why not. Takes the call of this request when it may go.
    virtual std::string take(Nanos now, std::uint64_t) {
        if (now < floor_) return "throttle";
        refill(now);
        while (!log_.empty() && log_.front() <= now - limits_.window - limits_.guard)
            log_.pop_front();
        if (static_cast<std::int64_t>(log_.size()) >= limits_.requests) return "quota";
        if (tokens_ < 1) return factor_ < 1 ? "throttle" : "quota";
        tokens_ -= 1;
        log_.push_back(now);
        return "";
    }
    virtual void refused(Nanos now, std::optional<Nanos> hint) {
        if (hint) floor_ = std::max(floor_, now + *hint);
        slow_down(now);
    }
    // Every call that was taken ends once, before refused() when it was a 429.
    virtual void ended(Nanos, std::uint64_t /*request*/, int /*status*/,
                       std::optional<Nanos> /*hint*/) {}

  protected:
    void slow_down(Nanos now) {
        refusals_.push_back(now);
        while (refusals_.front() <= now - 10s) refusals_.pop_front();
        last_refusal_ = now;
        if (refusals_.size() >= 3 && now >= held_until_) {
            factor_ = std::max(0.1, factor_ / 2);
            held_until_ = now + 1s;
            tokens_ = std::min(tokens_, 1.0);
        }
    }
    virtual void recover(Nanos now) {
        while (factor_ < 1 && now - last_refusal_ >= 3s) {
            factor_ = std::min(1.0, factor_ + 0.1);
            last_refusal_ += 3s;
        }
    }
    virtual void refill(Nanos now) {
        recover(now);
        const double rate =
            static_cast<double>(limits_.requests) / to_seconds(limits_.window + limits_.guard);
        tokens_ = std::min(static_cast<double>(limits_.burst) * factor_ < 1
                               ? 1.0
                               : static_cast<double>(limits_.burst) * factor_,
                           tokens_ + rate * factor_ * to_seconds(now - refilled_));
        refilled_ = now;
    }

    Limits limits_;
    std::deque<Nanos> log_;
    std::deque<Nanos> refusals_;
    double tokens_;
    double factor_ = 1;
    Nanos refilled_{}, floor_{}, last_refusal_{}, held_until_{};
};

struct ProviderSide {
    std::string name;
    Limits limits;                          // declared by the gateway
    std::function<int(Nanos)> status = {};  // of an answer at that time; none: 200
    std::optional<Nanos> hint = {};         // with its 429s
    std::unique_ptr<Limiter> limiter = {};
};

// One request on its way.
struct Trip {
    std::uint64_t number = 0;
    std::size_t place = 0;                                      // in the chain, next to be asked
    std::vector<std::pair<std::string, std::string>> attempts;  // provider, outcome
};

class World {
  public:
    World(std::vector<ProviderSide> providers, std::uint64_t seed)
        : providers_(std::move(providers)), random_(seed, RandomStream::test, 0) {
        for (auto& p : providers_)
            if (!p.limiter) p.limiter = std::make_unique<Limiter>(p.limits);
    }
    virtual ~World() = default;

    // Poisson requests at `per_s`, for `length`.
    void run(double per_s, Nanos length) {
        Nanos at{};
        for (std::uint64_t k = 1; (at += from_seconds(random_.exponential() / per_s)) < length; ++k)
            when(at, [this, k] { step(Trip{k, 0, {}}); });
        while (!events_.empty()) {
            Event next = events_.top();
            events_.pop();
            now_ = next.at;
            next.act();
        }
        end_ = length;  // of the schedule, as a run says it
    }

    [[nodiscard]] std::vector<result::WitnessCheck> judged() {
        std::sort(log_.begin(), log_.end(),
                  [](const auto& a, const auto& b) { return a.at < b.at; });
        table_ = {};
        std::uint64_t seq = 0;
        for (auto& a : log_) {
            a.seq = ++seq;
            table_.add(a);
        }
        const Declared declared = declares();
        Evidence evidence{table_, declared, &claims_, std::nullopt, {}, end_};
        return judge(evidence);
    }
    [[nodiscard]] Declared declares() const {
        Declared d;
        for (const auto& p : providers_) {
            DeclaredProvider one;
            one.name = p.name;
            one.requests = p.limits.requests;
            one.burst = p.limits.burst;
            one.tokens = p.limits.tokens;
            one.concurrency = p.limits.concurrency;
            one.window = p.limits.window;
            one.guard = p.limits.guard;
            one.throttle = DeclaredThrottle{3, 10s, 0.5, 1s, 0.1, 3s, 0.1};
            one.breaker_open_max = 15s;
            d.providers.push_back(one);
            d.chains["agent"].push_back(p.name);
        }
        d.amplification = 2;
        d.amplification_reserve = 100;
        return d;
    }
    [[nodiscard]] const ArrivalTable& table() const { return table_; }
    [[nodiscard]] const measure::ClaimLog& claims() const { return claims_; }
    [[nodiscard]] Nanos end() const { return end_; }

  protected:
    // What faulty gateways do otherwise.
    virtual std::string served_by(const Trip&, const std::string& provider) { return provider; }
    virtual std::string told(const Trip& trip) {
        std::string text;
        for (const auto& [provider, outcome] : trip.attempts)
            text += (text.empty() ? "" : ", ") + provider + "=" + outcome;
        return text;
    }
    // Whether this place of the chain is left out without a word.
    virtual bool overlooks(const Trip&, std::size_t) { return false; }

    void step(Trip trip) {
        for (; trip.place < providers_.size(); ++trip.place) {
            if (overlooks(trip, trip.place)) continue;
            auto& p = providers_[trip.place];
            const std::string why = p.limiter->take(now_, trip.number);
            if (why.empty()) return call(std::move(trip));
            trip.attempts.emplace_back(p.name, "skipped:" + why);
        }
        answer(trip, 429, "");
    }

    void call(Trip trip) {
        auto& p = providers_[trip.place];
        const Nanos arrives = now_ + from_seconds(0.0002 + random_.exponential() * 0.0003);
        arrivals::Arrival a;
        a.at = arrives;
        a.provider = p.name;
        a.key = "0123456789ab";
        a.model = "model";
        a.agent = "agent";
        a.correlation_id = "r-" + std::to_string(trip.number);
        a.status = p.status ? p.status(arrives) : 200;
        a.admitted = a.status == 200;
        if (a.status == 429) a.retry_after = p.hint;
        const Nanos latency =
            a.status == 200 ? from_seconds(0.1 + random_.exponential() * 0.2) : 2ms;
        a.done = arrives + latency;
        a.reserved_tokens = kTokensAsked;
        a.in_flight = static_cast<std::int64_t>(++in_flight_[p.name]);
        log_.push_back(a);
        when(*a.done + 300us,
             [this, trip = std::move(trip), a]() mutable { returned(std::move(trip), a); });
    }

    void returned(Trip trip, const arrivals::Arrival& a) {
        auto& p = providers_[trip.place];
        --in_flight_[p.name];
        p.limiter->ended(now_, trip.number, static_cast<int>(a.status), a.retry_after);
        if (a.status == 200) {
            trip.attempts.emplace_back(p.name, "ok");
            return answer(trip, 200, p.name);
        }
        if (a.status == 429) p.limiter->refused(now_, a.retry_after);
        trip.attempts.emplace_back(p.name, a.status == 429 ? "429" : "5xx");
        ++trip.place;
        step(std::move(trip));
    }

    void answer(const Trip& trip, int status, const std::string& provider) {
        measure::Claim c;
        const std::string id = "r-" + std::to_string(trip.number);
        const std::string attempts = told(trip);
        const std::string name = provider.empty() ? "" : served_by(trip, provider);
        c.end = now_ + 200us;
        c.request_id = id;
        c.status = status;
        c.ok = status == 200;
        c.provider = name;
        c.agent = "agent";
        c.attempts = attempts;
        c.fallback = name == providers_.front().name ? measure::Claim::Fallback::no
                                                     : measure::Claim::Fallback::yes;
        claims_.add(c);
    }

    struct Event {
        Nanos at;
        std::uint64_t order;
        std::function<void()> act;
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    void when(Nanos at, std::function<void()> act) { events_.push({at, order_++, std::move(act)}); }

    std::vector<ProviderSide> providers_;
    Random random_;
    Nanos now_{}, end_{};
    std::uint64_t order_ = 0;
    std::priority_queue<Event> events_;
    std::map<std::string, std::int64_t> in_flight_;
    std::vector<arrivals::Arrival> log_;
    ArrivalTable table_;
    measure::ClaimLog claims_{1'000'000};
};

}  // namespace squadload::witness::world
