// What commands that judge measured figures have in common with a run's end: summary, verdict,
// files, exit code.
#pragma once

#include "base/error.h"
#include "cli/options.h"
#include "judge/result/run_result.h"
#include "run/terminal.h"

namespace squadload::cli {

// Prints the summaries of a judged run and writes its files (metrics file and page in
// invocation.output_dir, those named). Returns the run's exit code; a file that could not be
// written makes a PASS end with the error. `terminated`: it was interrupted by SIGTERM.
[[nodiscard]] Result<int> finish_judged(result::RunResult& run, const Invocation& invocation,
                                        bool terminated, const run::Terminal& terminal);

}  // namespace squadload::cli
