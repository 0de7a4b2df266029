// Judging a scenario by its totals: of parts that were merged, or of what another tool measured.
// Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "judge/result/run_result.h"
#include "judge/verdict/provider_bound.h"
#include "judge/verdict/threshold.h"
#include "load/scenario/scenario.h"

namespace squadload::verdict {

// The bounds of a scenario, compiled.
struct TotalsBounds {
    scenario::Scenario scenario;  // whose tasks they name
    std::vector<Threshold> thresholds;
    std::vector<ProviderBound> providers;
};
// Errors (kind config): of compile() and compile_provider_bounds().
[[nodiscard]] Result<TotalsBounds> compile_for_totals(scenario::Scenario scenario);

// A scenario that has the tasks, the kind and the bounds of a result and nothing else: what its
// bounds are about where its configuration is not at hand. Names as the result has them.
[[nodiscard]] scenario::Scenario skeleton(const result::ScenarioResult& s,
                                          const std::vector<result::ThresholdResult>& bounds);

// Where the totals come from, and what that cannot tell.
struct TotalsSource {
    // Why a bound cannot be judged; "": it can. Empty: all can.
    std::function<std::string(const Threshold&)> unknown;
    // What cannot be said of providers and the witness, likewise.
    std::string providers_unknown;
    // A percentile of response time in ms that is more exact than the histogram's.
    std::function<std::optional<double>(const Threshold&)> percentile;
};

// Puts one result per bound before those that are there, and decides: a verdict other than PASS
// stays, with its reason; else FAIL as conclude() decides it (no request, no success, a broken
// bound, requests that never started). Tasks are found by their names in `bounds.scenario`; a bound
// that cannot be judged is not met. Adds notes on few samples and on missing bounds.
void conclude_totals(result::ScenarioResult& s, const TotalsBounds& bounds,
                     const TotalsSource& source = {});

// The tasks' figures by entry number of `scenario`, found by their names; empty ones where the
// result has none. Iterations likewise, by sequence number.
[[nodiscard]] std::vector<measure::TaskStats> stats_by_entry(const result::ScenarioResult& s,
                                                             const scenario::Scenario& scenario);
[[nodiscard]] std::vector<measure::IterationStats> iterations_by_sequence(
    const result::ScenarioResult& s, const scenario::Scenario& scenario);

}  // namespace squadload::verdict
