// squadload report: a metrics file shown again, and rendered into other formats.
#pragma once

#include <string>

#include "base/error.h"
#include "judge/result/run_result.h"
#include "run/outputs.h"
#include "run/terminal.h"

namespace squadload::cli {

// A metrics file as the commands that take one read it. Errors (kind config, io): a file that
// cannot be read or is none.
[[nodiscard]] Result<result::RunResult> read_metrics(const std::string& path);

// Prints the run's summary and writes the files asked for. Returns 0, whatever the run's verdict
// was. Errors: those of read_metrics and of writing.
[[nodiscard]] Result<int> show_report(const std::string& path, const run::Outputs& outputs,
                                      const run::Terminal& terminal);

}  // namespace squadload::cli
