// A capacity search on the terminal: a line per rate as it is tried, and the curve with the answer.
#pragma once

#include <string>

#include "judge/result/capacity.h"
#include "judge/result/run_result.h"
#include "report/console.h"

namespace squadload::report {

// Newline-terminated, both.
[[nodiscard]] std::string capacity_line(const result::CapacityStep& step, const Style& style);
[[nodiscard]] std::string capacity_summary(const result::Capacity& capacity,
                                           result::Verdict verdict, const Style& style);

}  // namespace squadload::report
