// From measurements to a verdict and exit code. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "judge/result/run_result.h"
#include "judge/verdict/provider_bound.h"
#include "judge/verdict/threshold.h"
#include "load/engine/engine.h"

namespace squadload::verdict {

struct Policy {
    bool allow_void = false;              // VOID becomes a note
    std::optional<double> lag_budget_ms;  // overrides max(10 ms, 5 % of the median response time)
};

// The delivered-load audit with the reasons, if any, why the run does not count (generator lag p99
// over budget; arrivals unsent while slots were free). Blocked time never voids a run.
[[nodiscard]] measure::DeliveredAudit audit(const engine::Measurements& m,
                                            const scenario::Scenario& scenario,
                                            const Policy& policy);

// Assembles and judges one scenario. INTERRUPTED, then VOID, then FAIL (a broken bound, a fail-fast
// stop, or no request at all / no request that succeeded, whatever the bounds say), then PASS. A
// fail-fast stop is FAIL also when the run does not count (the reason is then a note), unless its
// bound is on a time that contains the generator's own lag. thresholds of the result: one per bound
// in their order, then the fail-fast criterion if it ended the run.
[[nodiscard]] result::ScenarioResult conclude(
    const engine::Plan& plan, const engine::Measurements& m,
    const std::vector<Threshold>& thresholds,
    const std::optional<result::ThresholdResult>& fail_fast, const Policy& policy);

// Judges what came in from the providers' side since (providers, witness, events) and adds one
// threshold result per bound. An event that did not come to pass makes the run VOID. Without any
// bound on the witness, whatever it found broken makes it FAIL; with one, the bounds alone decide.
void conclude_providers(result::ScenarioResult& scenario, const std::vector<ProviderBound>& bounds,
                        const Policy& policy);

// "open 60/s constant", "open 5/s to 60/s in 3 stages, poisson", "closed, 30 users".
[[nodiscard]] std::string load_description(const scenario::Scenario& scenario);

// Suite: INTERRUPTED, then FAIL (of a scenario, a bound across them or a criterion), then VOID,
// then PASS; a single scenario keeps its own. No scenario at all: INTERRUPTED. `terminated`:
// SIGTERM, not SIGINT.
void conclude_run(result::RunResult& run, bool terminated);

}  // namespace squadload::verdict
