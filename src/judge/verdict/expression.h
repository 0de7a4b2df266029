// Free threshold expressions such as "p95(chat) < 2s"; the grammar stands at compile() in
// threshold.h. For threshold.cc.
#pragma once

#include <string_view>

#include "judge/verdict/threshold.h"

namespace squadload::verdict {

[[nodiscard]] Result<Threshold> parse_expression(std::string_view text, const SourceMark& mark,
                                                 const scenario::Scenario& scenario);

// "" when some measurement can meet the bound, else a sentence.
[[nodiscard]] std::string impossible(const Threshold& threshold);

}  // namespace squadload::verdict
