// The metrics of several processes that made parts of one load at the same time → those of the
// whole. Histograms, outcomes, rounded times, bytes, failures and iterations are what one process
// would have recorded; the order of the parts does not matter. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "judge/result/run_result.h"

namespace squadload::merge {

struct Part {
    std::string file;  // as the user named it
    result::RunResult run;
};

// The scenarios of all parts, merged by name and not yet judged: `thresholds` holds what ended a
// part by fail-fast, and the run has no thresholds of a suite. `verdict` and `verdict_reason` of a
// scenario are what the parts decide for the whole: INTERRUPTED, VOID or (by
// fail-fast) FAIL of one is that of all, with a sentence that names its file; else PASS.
//
// started_at is the earliest; seconds of the series are aligned by the wall clocks of the machines,
// to whole seconds. A second that several parts have gets its percentiles of response time from
// their rounded times; its service time, lag and blocked time are the highest of the parts.
//
// Errors (kind config), naming the files: no part, a part without scenarios or of a search for
// capacity, the same metrics twice, other scenarios or tasks than the first, parts that did not run
// at the same time.
[[nodiscard]] Result<result::RunResult> merge(std::vector<Part> parts);

// Whether all parts were judged by the same bounds, as far as they go. Error (kind config): the
// bound and two files that differ in it. The parts are such as can be merged.
[[nodiscard]] Result<void> same_bounds(const std::vector<Part>& parts);

}  // namespace squadload::merge
