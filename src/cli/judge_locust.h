// squadload judge: what a Locust run measured, by the bounds of a scenario file.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/options.h"
#include "load/scenario/scenario.h"
#include "run/terminal.h"

namespace squadload::cli {

// Reads the files of --locust-csv and --locust-json, judges them by the bounds of `scenario` and
// ends as a run does. Errors (kind usage): neither option; (kind config, io): those of
// locust_files.
[[nodiscard]] Result<int> judge_locust(const Invocation& invocation,
                                       const scenario::Scenario& scenario,
                                       const std::string& command_text,
                                       const run::Terminal& terminal);

}  // namespace squadload::cli
