// Circuit breaker: leaves a failing provider alone for a while, then probes it.
//
// closed: calls pass. `failures` in a row, or a share of failures >= `failure_share` among at least
// `min_samples` results within `window`, open it. (The window is counted in 16 slots: it holds
// results of the last 15/16 to 16/16 of its length.)
// open: no call passes for the open time, `open` at first. Then half-open.
// half-open: up to `probes` calls at a time pass. `successes` of them close it, and the open time
// is `open` again; one failure opens it anew, with the open time × `growth`, at most `open_max`.
//
// After the provider has recovered, traffic is back within
//   P + open_max + successes × (A + P)
// where P is the longest time one call may take (its timeout; probe_timeout for one that is never
// reported), and A the longest gap between two calls asking: a probe that was under way at the
// recovery may still fail (P), the open time passes, then the probes succeed one after another.
// After an outage of length T the open time is at most max(open, growth × T), too.
// Owner: whoever calls the provider; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace squadload::limits {

struct BreakerSettings {
    std::int64_t failures = 5;   // in a row; 0: not by this
    double failure_share = 0.5;  // (0, 1]; 0: not by this
    std::int64_t min_samples = 20;
    Nanos window = std::chrono::seconds(10);
    Nanos open = std::chrono::seconds(2);
    double growth = 2;  // >= 1
    Nanos open_max = std::chrono::seconds(15);
    std::int64_t probes = 1;     // >= 1
    std::int64_t successes = 1;  // >= 1
    // A probe without a verdict for so long counts as abandoned, so that one that got lost cannot
    // shut the provider off for ever.
    Nanos probe_timeout = std::chrono::seconds(60);
    friend bool operator==(const BreakerSettings&, const BreakerSettings&) = default;
};

enum class BreakerPhase { closed, open, half_open };
[[nodiscard]] std::string_view name_of(BreakerPhase phase);  // "closed", "open", "half_open"

struct BreakerState {
    BreakerPhase phase = BreakerPhase::closed;
    std::optional<MonoTime> since;  // none: closed from the start
    std::int64_t failures_in_row = 0;
    std::int64_t samples = 0;  // results in the window, while closed
    std::int64_t failed = 0;   // failures among them
    Nanos open_time{};         // of the current or next opening
    std::uint64_t opened = 0;  // how often, since the start
};

class Breaker {
  public:
    // Leave to make one call. Give it back exactly once, with the result. Results of calls that
    // began before the last change of phase say nothing about now and are ignored.
    class Pass {
        friend class Breaker;
        std::uint64_t period_ = 0;
    };

    explicit Breaker(const BreakerSettings& settings);  // out of range: the nearer end

    [[nodiscard]] std::optional<Pass> allows(MonoTime now);  // takes a probe's slot when half-open
    void succeeded(Pass pass, MonoTime now);
    void failed(Pass pass, MonoTime now);
    void abandoned(Pass pass, MonoTime now);  // no verdict: a probe's slot is free again

    [[nodiscard]] BreakerState state(MonoTime now);
    // Whether allows() would; takes nothing.
    [[nodiscard]] bool would_allow(MonoTime now);
    // Until allows() could say yes: 0 unless open. Half-open with all probes under way is not a
    // matter of time: ask again after a verdict.
    [[nodiscard]] Nanos retry_after(MonoTime now);
    void change(const BreakerSettings& settings);  // keeps the phase

  private:
    struct Counts {
        std::int64_t slot = -1;  // number of the slot since the clock's start
        std::int64_t samples = 0;
        std::int64_t failed = 0;
    };
    static constexpr std::size_t kSlots = 16;

    void advance(MonoTime now);
    void enter(BreakerPhase phase, MonoTime now);
    void trip(MonoTime now);
    void record(bool failure);
    [[nodiscard]] Counts in_window() const;
    [[nodiscard]] bool share_exceeded() const;

    BreakerSettings settings_;
    BreakerPhase phase_ = BreakerPhase::closed;
    std::uint64_t period_ = 1;  // changes of phase
    MonoTime now_{};
    std::optional<MonoTime> since_;
    std::array<Counts, kSlots> counts_{};
    std::int64_t failures_in_row_ = 0;
    Nanos open_time_;
    std::int64_t probes_out_ = 0;
    std::int64_t probes_ok_ = 0;
    MonoTime last_probe_{};
    std::uint64_t opened_ = 0;
};

}  // namespace squadload::limits
