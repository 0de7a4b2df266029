// The files of a run beside the metrics file: those a user named, and the job's summary page.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "judge/result/run_result.h"

namespace squadload::run {

// Paths; "": not wanted. Whatever stands there is replaced.
struct Outputs {
    std::string
        csv;  // prefix of Locust's four files; with the scenario's name where there are several
    std::string html;  // the report page, beside the one that a run always writes
    std::string junit;
    std::string markdown;
    std::string step_summary;  // GITHUB_STEP_SUMMARY: appended to, never replaced
};

// Whether each could be written, found out before the first request. Error kind io: the sentence.
[[nodiscard]] Result<void> check_outputs(const Outputs& outputs);

// Writes every one, also after one failed. Returns the paths written that a user named; the errors
// are added to `errors`.
[[nodiscard]] std::vector<std::string> write_outputs(const result::RunResult& run,
                                                     const Outputs& outputs,
                                                     std::vector<Error>& errors);

}  // namespace squadload::run
