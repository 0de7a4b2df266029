// Comparisons and values as people read them, the same for every kind of bound. For this room.
#pragma once

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

}  // namespace squadload::verdict
