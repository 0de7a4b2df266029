// Comparisons and values as people read them, the same for every kind of bound. For this room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "judge/verdict/threshold.h"

namespace squadload::verdict {

// 0.7 % and 7 of 1,000 are the same share though their doubles differ in the last bit.
[[nodiscard]] bool meets(double actual, Comparison comparison, double bound);
[[nodiscard]] const char* sign(Comparison comparison);          // "<="
[[nodiscard]] const char* printed_sign(Comparison comparison);  // "≤"
[[nodiscard]] const char* unit_name(Unit unit);                 // "share"
// "≤ 2,000 ms"; shares as percentages.
[[nodiscard]] std::string bound_text(Comparison comparison, double bound, Unit unit);
// The value as printed answers the bound as the value does: 98.999 % is not shown as 99.00 % beside
// "> 99 %".
[[nodiscard]] std::string value_text(double value, Comparison comparison, double bound, Unit unit);

// "p95 response 2,310 ms (bound < 2,000 ms)".
[[nodiscard]] std::string broken_text(const result::ThresholdResult& t);
// Why the broken ones among these make a FAIL; "" when none is.
[[nodiscard]] std::string broken_reason(const std::vector<result::ThresholdResult>& thresholds);

// Why a scenario that was not stopped early and counts is a FAIL; "" for a PASS. `thresholds` of
// `s` are judged.
[[nodiscard]] std::string failed_reason(const result::ScenarioResult& s,
                                        const std::vector<Threshold>& thresholds);
// Scheduled requests that found no slot before the end.
[[nodiscard]] std::uint64_t never_started(const result::ScenarioResult& s);
// What the whole run's percentiles rest on, as far as no criterion says it; "": on enough.
[[nodiscard]] std::string few_samples_text(const result::ScenarioResult& s);

}  // namespace squadload::verdict
