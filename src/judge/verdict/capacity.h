// One rate of a capacity search, judged: did the bounds hold, and if not, what was it? Pure.
#pragma once

#include "judge/result/capacity.h"
#include "judge/result/run_result.h"

namespace squadload::verdict {

// From a scenario that was run at a constant rate and judged (verdict::conclude). The bounds hold
// when all its thresholds do, it counts, and the target kept up: that in flight does not grow all
// the while, which would break any bound on time in the end. Causes, the first that applies:
//   generator      the run is VOID
//   errors, rate_limiting
//                  a bound that is not on time broke, and failures (other than being late) or 429s
//                  are more than what was late; the more frequent of the two
//   latency        anything else
[[nodiscard]] result::CapacityStep judge_step(const result::ScenarioResult& scenario, double rate);

// The answer from the steps of a search: fills limit, broken, cause and sentence.
void conclude_capacity(result::Capacity& capacity);

}  // namespace squadload::verdict
