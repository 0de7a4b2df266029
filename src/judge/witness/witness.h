// The witness: what the providers' arrival log proves or refutes about the gateway in front of
// them. Pure; shares no code with the limiters it judges. Algorithms: one pass over the calls in
// the order of their arrival, plus sorting.
//
// Checks, one row per provider, key and model where they differ:
//   window         calls in any (t − W, t] are at most the declared limit; refused ones count
//   bucket         calls in any [s, t] are at most burst + rate · (t − s)
//   tokens         reserved tokens in any (t − W, t] are at most the declared limit
//   utilisation    while demand waited for the quota, 95 % of it (less the declared guard) was used
//   provider_429   no provider refused a gateway for what it says it keeps to
//   retry_after    after a 429 with a hint no call comes before the hint is over
//   return         once the hint is over, calls come again
//   chain_order    providers are asked in the chain's order; who is passed over is so for a reason
//                  that the log does not contradict
//   attempts       calls the responses tell of = calls in the log; each success is one ok call
//   truth          who served, and whether by fallback, is as the responses say
//   metrics        what the gateway reports = what arrived
//   amplification  calls per request stay within the declared bound
//   throttle       after several 429s the rate towards that provider falls
//   recovery       after the last 429 the rate comes back
//
// Answers: kept; broken, with the interval, the counts and request ids; within jitter: over the
// bound, but by no more than a correct gateway can look over it because calls took different times
// on their way (see Jitter); not exercised, with what was missing.
#pragma once

#include <optional>
#include <vector>

#include "judge/result/reported_counts.h"
#include "judge/result/witness_check.h"
#include "judge/witness/arrival_table.h"
#include "judge/witness/declared.h"
#include "load/measure/claims.h"

namespace squadload::witness {

// How much two calls' ways from gateway to provider may differ. Measured, where responses name
// their request: the spread (p99 − least) of the time from the provider's last byte to the
// client's, which is a way through the same gateway and machine; else 5 ms. At least 1 ms, at most
// 1 % of the window: a double burst is never excused.
struct Jitter {
    Nanos spread = std::chrono::milliseconds{5};
    std::size_t samples = 0;  // 0: not measured
};

struct Evidence {
    const ArrivalTable& arrivals;
    const Declared& declared;
    const measure::ClaimLog* claims = nullptr;       // none: no client's side
    std::optional<result::ReportedCounts> reported;  // none: the gateway reports nothing
    Nanos from{};  // calls before belong to the scenario before: they are in windows, no more
    Nanos end{};   // when demand ended; zero: with the last arrival
};

[[nodiscard]] Jitter jitter(const Evidence& evidence);
[[nodiscard]] std::vector<result::WitnessCheck> judge(const Evidence& evidence);

}  // namespace squadload::witness
