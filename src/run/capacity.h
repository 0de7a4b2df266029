// squadload capacity: runs a scenario at one constant rate after the other until the highest is
// found at which its bounds hold.
#pragma once

#include <functional>

#include "base/error.h"
#include "load/scenario/scenario.h"
#include "run/preflight.h"
#include "run/run_scenario.h"
#include "run/terminal.h"

namespace squadload::run {

struct CapacitySettings {
    double from_per_s = 10;                 // > 0
    double to_per_s = 10000;                // >= from
    Nanos step = std::chrono::seconds{10};  // each rate is held for; >= 2 s
    double precision = 0.03;                // > 0
};

// The scenario at a constant rate for so long, in the open model.
using ScenarioAtRate = std::function<Result<scenario::Scenario>(double rate_per_s, Nanos step)>;

// Prints a line per rate (stderr), the curve, the answer and the path of the metrics file (stdout).
// That file holds the search as `capacity` and, as its only scenario, the highest rate that held,
// or else the one that did not. Returns 0 when a rate was found, 1 when not even the first holds,
// 4 when this machine ended the search, 130 and 143 when it was interrupted. Errors: as run_suite;
// a scenario without a bound (kind usage), a bound on providers (kind config).
[[nodiscard]] Result<int> find_capacity(const ScenarioAtRate& at_rate,
                                        const CapacitySettings& settings, const Options& options,
                                        const Terminal& terminal, const Network& network);

}  // namespace squadload::run
