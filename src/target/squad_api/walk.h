// One request's way along its chain: which provider next, when to wait, when to give up. A state
// machine without I/O: whoever drives it asks next(), does what that says and reports what came of
// it. The time is an argument.
//
//   acquire  ask the limiter for leave to call the provider. No: refused(). Yes: call it, then
//            ended(). Other reasons not to call it: refused() too.
//   queue    wait until one of the chain's providers has room, at most until `until`. Granted:
//            granted(), call it, then ended(). Else: queue_over().
//   pause    wait until `until`.
//   done     verdict().
//
// Rules: providers are asked in the chain's order, each at most once per round, and none while it
// is closed. After a failure the next one is asked at once. A round in which every provider was
// passed over ends in the queue; one in which a call failed is followed by another round after a
// pause of base × 2^round, at most max, of which a random half is taken off; where no provider may
// be open before some time, the pause is up to that time and a random part of base. Bounded by the
// number of calls, the total time, the time in the queue and the budget all requests share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "target/squad_api/attempt.h"
#include "target/squad_api/call_budget.h"
#include "target/squad_api/provider_state.h"

namespace squadload::squad_api {

// Whether providers may be asked now, seen by one request.
class Doors {
  public:
    virtual ~Doors() = default;
    [[nodiscard]] virtual std::optional<Closed> closed(std::size_t provider, MonoTime now) = 0;
};

struct WalkBounds {
    std::int64_t attempts = 4;
    Nanos total_time = std::chrono::seconds(30);
    Nanos backoff_base = std::chrono::milliseconds(100);
    Nanos backoff_max = std::chrono::seconds(2);
    Nanos queue_wait = std::chrono::seconds(5);
};

struct Step {
    enum class Kind : std::uint8_t { acquire, queue, pause, done };
    Kind kind = Kind::done;
    std::size_t provider = 0;  // acquire
    MonoTime until{};          // queue, pause
};

struct Verdict {
    enum class Kind : std::uint8_t {
        served,
        rejected,      // a provider said 4xx, and so would the others
        rate_limited,  // out of quota, throttled or 429, and no other failure: 429
        too_large,     // more tokens than any provider's whole limit: 413
        unavailable,   // only breakers: 503
        timed_out,     // only timeouts: 504
        failed,        // 502
    };
    Kind kind = Kind::failed;
    std::size_t provider = 0;               // served, rejected
    std::optional<Nanos> retry_after;       // rate_limited, unavailable: when the first may be open
    bool fallback = false;                  // served, by another than the chain's first
    Reason fallback_reason = Reason::none;  // why the first did not serve
};

class Walk {
  public:
    // chain: not empty; outlives the walk, as the budget does.
    Walk(std::span<const std::size_t> chain, const WalkBounds& bounds, CallBudget& budget,
         Random random, MonoTime started);
    ~Walk();
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    [[nodiscard]] Step next(MonoTime now, Doors& doors);

    // wait: Nanos::max() never, 0 unknown (as Decision::wait).
    void refused(Reason reason, Nanos wait, MonoTime now);
    void granted(std::size_t provider, MonoTime now);
    void queue_over(MonoTime now);
    // Learnt while waiting: the request has too many tokens for that provider.
    void never_fits(std::size_t provider);
    void ended(const CallEnd& end, Nanos time, MonoTime now);

    [[nodiscard]] Verdict verdict(MonoTime now) const;
    [[nodiscard]] const std::vector<Attempt>& attempts() const { return attempts_; }
    [[nodiscard]] std::int64_t calls() const { return calls_; }
    [[nodiscard]] MonoTime deadline() const { return deadline_; }
    [[nodiscard]] Nanos queued() const { return queued_; }
    // The providers this request can never have, by place in the chain: too many tokens.
    [[nodiscard]] bool never(std::size_t position) const { return last_[position].never; }

  private:
    struct Last {  // what is known of one provider of the chain
        Reason reason = Reason::none;
        MonoTime until{};  // may be open again; min(): not known
        bool never = false;
    };

    [[nodiscard]] Step end_of_round(MonoTime now);
    [[nodiscard]] bool may_call();
    [[nodiscard]] std::optional<MonoTime> soonest(MonoTime now) const;
    [[nodiscard]] Nanos backoff();
    void skip(std::size_t position, Reason reason, Nanos wait, MonoTime now);
    [[nodiscard]] Step finish();

    std::span<const std::size_t> chain_;
    WalkBounds bounds_;
    CallBudget::Share share_;
    Random random_;
    MonoTime deadline_;
    std::vector<Last> last_;
    std::vector<Attempt> attempts_;
    std::size_t position_ = 0;  // in the chain, of the next to be asked or the one being asked
    std::int64_t calls_ = 0;
    int rounds_ = 0;       // that ended with a pause
    bool called_ = false;  // in this round
    bool paid_ = false;    // the next call is in the budget
    bool over_ = false;
    std::optional<std::size_t> served_;
    std::optional<std::size_t> rejected_;
    Nanos queue_left_;
    Nanos queued_{};
    MonoTime queue_since_{};
};

}  // namespace squadload::squad_api
