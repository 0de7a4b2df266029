// The providers of a run: how many calls each got and how it answered. For this room.
#pragma once

#include <string>
#include <vector>

#include "judge/result/run_result.h"
#include "report/console.h"

namespace squadload::report {

// With an empty line before it; "" without providers.
[[nodiscard]] std::string provider_table(const std::vector<result::ProviderResult>& providers,
                                         const Style& style);

}  // namespace squadload::report
