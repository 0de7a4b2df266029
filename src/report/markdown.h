// A summary in GitHub's Markdown: for a job's summary page, a pull request, a chat. Pure text.
#pragma once

#include <string>

#include "judge/result/run_result.h"

namespace squadload::report {

// Verdict first, criteria (broken ones first), tasks, providers, failures, how to repeat it. Names
// and messages are escaped: nothing in them becomes markup.
[[nodiscard]] std::string markdown(const result::RunResult& run);

}  // namespace squadload::report
