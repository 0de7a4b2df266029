// What only several scenarios together can say: latency of a spike against a steady scenario, and
// the acceptance criteria of a suite. Pure.
#pragma once

#include <vector>

#include "judge/result/run_result.h"
#include "load/scenario/scenario.h"

namespace squadload::verdict {

// p95 of response time of each spike over that of the baseline, of all requests and of each task
// both have. Empty without a bound, without a spike, or where the baseline did not run.
[[nodiscard]] std::vector<result::ThresholdResult> judge_suite(
    const result::RunResult& run, const scenario::SuiteSettings& settings);

// The acceptance criteria AC-2 to AC-6 of the Squad API's load tests, each with figure, bound and
// answer. Bounds are those the scenarios were judged by.
[[nodiscard]] std::vector<result::Criterion> acceptance_criteria(const result::RunResult& run);

// Whether the criteria let the suite pass: none is not met, and where there was a witness none is
// not exercised. (Without one, what only a witness can see is listed as not exercised.)
[[nodiscard]] bool criteria_hold(const result::RunResult& run);

}  // namespace squadload::verdict
