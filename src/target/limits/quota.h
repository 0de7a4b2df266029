// A provider's quota for one key and model: requests per window, a burst beside it, requests per
// day, tokens per window and concurrency, decided in one step, all or nothing: a call refused by
// one limit has used up none of the others. Simulated providers enforce quotas with it, the gateway
// stays inside them.
// Owner: whoever admits the calls; one thread. Pure: the time is an argument.
//
// What it guarantees (N counts admitted calls, w their tokens; L limit, W window, b burst, r =
// L/W):
//   sliding_log    N(t-W, t] <= L for every t
//   token_bucket   N[s, t] <= b + r (t-s) for all s <= t, so at most b + L in a window
//   fixed_window   N <= L in each window, so at most 2L in W anywhere
//   burst          N[s, t] <= b + r (t-s) as well, beside a sliding log or fixed windows
//   requests_day   as fixed windows of the day's length
//   tokens         the same by algorithm, with w(t-W, t] instead of N. reserve: w is what was asked
//                  for. settle: w is what was asked for until the call ends, then what it used, at
//                  the time of admission (sliding log), in its window (fixed), or with the
//                  difference coming back at the end (bucket). Usage above the reservation is
//                  counted, too, and may exceed L by that much.
//   concurrency    calls admitted and not finished <= limit
// and it wastes nothing: a call is refused only if admitting it would break one of these (beyond
// 8,192 calls in a window up to 1/8,192 of the window later, see sliding_log.h).
//
// guard (g), for the sending side: calls admitted at a arrive at a + d, d anywhere in [d0, d0 + g]
// for some d0. Then the bounds above hold for the *arrivals*:
//   sliding_log, fixed_window, requests_day: at most L are admitted in any (t-W-g, t], and arrivals
//                  in (t-W, t] were admitted in (t-d0-W-g, t-d0]. Fixed windows are kept as a log
//                  then, because where the provider's windows start is not known.
//   buckets        guarded() in rate.h has the formula and the proof.
//   tokens         likewise; settle needs usage within the reservation, and a sliding log (a
//                  bucket's amount coming back would have to come back at the same time on both
//                  sides).
// The price: a share g / (W + g) of the limit, or ceil(r g) of a bucket's depth.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "target/limits/meter.h"
#include "target/limits/pace.h"
#include "target/limits/rate.h"
#include "target/limits/token_bucket.h"

namespace squadload::limits {

enum class TokenAccounting { reserve, settle };

// 0 is no limit. Amounts up to kMaxAmount; durations > 0 (guard >= 0).
struct QuotaSettings {
    std::int64_t requests = 0;  // per window
    Algorithm algorithm = Algorithm::sliding_log;
    Nanos window = std::chrono::seconds(60);
    // token_bucket: its depth, 0 for `requests`. Otherwise the depth of a bucket of rate
    // requests / window beside the algorithm, 0 for none. Beside a sliding log a burst >= requests
    // could never refuse anything (the log implies it) and is left out.
    std::int64_t burst = 0;
    std::int64_t requests_day = 0;
    Nanos day = std::chrono::hours(24);
    std::int64_t tokens = 0;  // per window
    // None: as `algorithm`. A token bucket of tokens has the depth `tokens`.
    std::optional<Algorithm> tokens_algorithm = std::nullopt;
    TokenAccounting tokens_accounting = TokenAccounting::reserve;
    std::int64_t concurrency = 0;
    Nanos guard{};
    Align align = Align::first_hit;  // of fixed windows and days
    MonoTime origin{};               // of Align::multiples
    friend bool operator==(const QuotaSettings&, const QuotaSettings&) = default;
};

enum class Limit {
    none,
    requests,
    burst,
    requests_day,
    tokens,
    concurrency,
    too_large,  // more tokens than the limit: never
    throttle    // set_factor() below 1
};
// "requests", "too_large", …; "" for none.
[[nodiscard]] std::string_view name_of(Limit limit);

struct Ticket {
    std::uint64_t id = 0;  // 0: none
    friend bool operator==(const Ticket&, const Ticket&) = default;
};

struct Admission {
    bool admitted = false;
    Limit refused_by = Limit::none;  // the limit that takes longest
    // Until it could be admitted, when nothing else is before. Nanos::max(): never (too_large).
    // Concurrency is not a matter of time: refused by it alone, wait is 0; ask again when a call
    // has finished.
    Nanos wait{};
    Ticket ticket{};  // when admitted: to be finished or cancelled
};

struct QuotaState {
    std::optional<Level> requests, burst, requests_day, tokens, concurrency;  // none: no limit
    std::int64_t in_flight = 0;  // admitted, not finished
    double factor = 1;
};

class Quota {
  public:
    Quota(const QuotaSettings& settings, MonoTime now);

    // tokens: prompt plus max_tokens. Counted only where tokens are limited.
    [[nodiscard]] Admission admit(std::int64_t tokens, MonoTime now);
    // What admit() would say, without taking anything.
    [[nodiscard]] Admission check(std::int64_t tokens, MonoTime now);
    // Its wait: 0 now, Nanos::max() never.
    [[nodiscard]] Nanos wait_for(std::int64_t tokens, MonoTime now);

    // The call has ended: frees its slot and settles its tokens (none: usage unknown, the
    // reservation stays). Only the first finish or cancel of a ticket has an effect.
    void finish(Ticket ticket, std::optional<std::int64_t> used_tokens, MonoTime now);
    // The call was never sent: everything comes back. From a bucket only if nothing was taken from
    // it since (token_bucket.h says why); it refills by itself. For fixed windows see undo() there.
    void cancel(Ticket ticket, MonoTime now);

    [[nodiscard]] QuotaState state(MonoTime now);
    [[nodiscard]] const QuotaSettings& settings() const { return settings_; }

    // Keeps what was counted and what is in flight. A limit that was none before starts afresh.
    // After a cut nothing is admitted until what was counted is below the new limit.
    void change(const QuotaSettings& settings, MonoTime now);

    // Throttling, as pace.h says. A lower limit of a sliding log would shut the provider off until
    // the window has passed, so the rate falls by a bucket of its own.
    void set_factor(double factor, MonoTime now) { pace_.set_factor(factor, now); }
    [[nodiscard]] double factor() const { return pace_.factor(); }

  private:
    struct Slot {
        std::uint32_t generation = 1;
        bool open = false;
        std::int64_t tokens = 0;
        Meter::Entry requests, burst, day, charge;
        Pace::Entry pace;
    };
    [[nodiscard]] Ticket take(std::int64_t tokens, MonoTime now);
    Slot* close(Ticket ticket);
    void build(MonoTime now);

    QuotaSettings settings_;
    std::optional<Meter> requests_, burst_, day_, tokens_;
    std::uint32_t epoch_ = 0;  // of the limiters built last
    Pace pace_;
    std::vector<Slot> slots_;  // by ticket; as many as were ever in flight at once
    std::vector<std::uint32_t> free_;
    std::int64_t in_flight_ = 0;
};

}  // namespace squadload::limits
