// Sentences about a scenario that every report says in the same words. Pure text.
#pragma once

#include <string>
#include <vector>

#include "judge/result/run_result.h"

namespace squadload::report {

// Whether any complete response came.
[[nodiscard]] bool answered(const result::ScenarioResult& scenario);
// What was sent: "7,200 requests in 2:00, 60.0/s delivered as scheduled (generator lag p99 0.09
// ms)".
[[nodiscard]] std::string delivered_text(const result::ScenarioResult& scenario);
// Beside the verdict: what was delivered for PASS, why not for the others.
[[nodiscard]] std::string headline(const result::ScenarioResult& scenario);

// Broken ones first, else in their order.
[[nodiscard]] std::vector<const result::ThresholdResult*> broken_first(
    const std::vector<result::ThresholdResult>& thresholds);
// "first broken at 00:41"; "" where it was kept, or nobody saw when.
[[nodiscard]] std::string first_broken(const result::ThresholdResult& threshold);

}  // namespace squadload::report
