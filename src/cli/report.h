// squadload report: a metrics file shown again, and rendered into other formats; and two of them
// compared.
#pragma once

#include <string>

#include "base/error.h"
#include "judge/compare/compare.h"
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

// squadload compare: prints how run B differs from run A, and writes the page to `html` unless it
// is
// "". Returns 0, 1 for a regression, 4 where nothing can be said. Errors as above.
[[nodiscard]] Result<int> compare_runs(const std::string& path_a, const std::string& path_b,
                                       const compare::Tolerance& tolerance, const std::string& html,
                                       const run::Terminal& terminal);

}  // namespace squadload::cli
