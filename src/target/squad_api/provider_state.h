// What the gateway knows of one provider and lets decide whether it may be called now: the pause it
// asked for, the breaker, the throttle. Its quota is the Limiter's. Pure: the time is an argument.
// Owner: the gateway, one per provider; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "target/limits/breaker.h"
#include "target/limits/throttle.h"
#include "target/squad_api/attempt.h"

namespace squadload::squad_api {

// A reason not to call a provider now, and when it may be over.
struct Closed {
    Reason reason = Reason::none;
    // 0 when that is not a matter of time (all probes of the breaker are under way).
    Nanos wait{};
};

// The mean of what came in the last minute, in slots of a second.
class RecentMean {
  public:
    void add(Nanos value, MonoTime now);
    [[nodiscard]] std::optional<Nanos> mean(MonoTime now) const;  // none: nothing came

  private:
    struct Slot {
        std::int64_t second = -1;
        std::int64_t count = 0;
        Nanos sum{};
    };
    static constexpr std::size_t kSlots = 60;
    std::array<Slot, kSlots> slots_{};
};

struct ProviderSettings {
    limits::ThrottleSettings throttle;
    limits::BreakerSettings breaker;
    // Pause after a 429 without a hint; doubles with each one that comes after such a pause.
    Nanos backoff_base = std::chrono::milliseconds(100);
    Nanos backoff_max = std::chrono::seconds(2);
    // Pause after "your day's quota or your money is used up" without a hint.
    Nanos exhausted_pause = std::chrono::seconds(60);
};

class ProviderState {
  public:
    explicit ProviderState(const ProviderSettings& settings);

    // Nothing: it may be called, as far as pause and breaker go. Takes nothing.
    [[nodiscard]] std::optional<Closed> closed(MonoTime now);
    // The pause alone: a floor no call starts before.
    [[nodiscard]] MonoTime floor() const { return floor_; }

    // Leave to make a call, to be given back by ended(). Nothing when closed() says something.
    struct Pass {
        limits::Breaker::Pass breaker;
        MonoTime began;
    };
    [[nodiscard]] std::optional<Pass> begin(MonoTime now);
    // 429s go to the throttle, failures to the breaker. A 429 is no verdict for the breaker: the
    // provider lives, but a probe that got one has not shown that it serves.
    void ended(const Pass& pass, const CallEnd& end, MonoTime now);

    [[nodiscard]] double factor(MonoTime now) { return throttle_.factor(now); }
    [[nodiscard]] limits::ThrottleState throttle(MonoTime now) { return throttle_.state(now); }
    [[nodiscard]] limits::BreakerState breaker(MonoTime now) { return breaker_.state(now); }
    [[nodiscard]] Nanos breaker_wait(MonoTime now) { return breaker_.retry_after(now); }
    // Of complete answers of any status in the last minute.
    [[nodiscard]] std::optional<Nanos> mean_latency(MonoTime now) const {
        return latency_.mean(now);
    }
    [[nodiscard]] std::int64_t in_flight() const { return in_flight_; }

  private:
    void pause(const Pass& pass, const CallEnd& end, MonoTime now);

    ProviderSettings settings_;
    limits::Throttle throttle_;
    limits::Breaker breaker_;
    RecentMean latency_;
    MonoTime floor_{};
    MonoTime paused_at_{};  // when the last pause without a hint was set
    int pauses_ = 0;        // without a hint, one after another
    std::int64_t in_flight_ = 0;
};

}  // namespace squadload::squad_api
