// squadload merge: the metrics files of several processes that made parts of one load.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/options.h"
#include "run/terminal.h"

namespace squadload::cli {

// Merges the files of invocation.arguments, judges the whole by their bounds or those of --config,
// and ends as a run does. Errors (kind config, io): a file that cannot be read, files that are not
// parts of one load, bounds that differ.
[[nodiscard]] Result<int> merge_files(const Invocation& invocation, const std::string& command_text,
                                      const run::Terminal& terminal,
                                      const scenario::Environment& environment);

}  // namespace squadload::cli
