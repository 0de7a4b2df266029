// squadload worker and squadload locustfile.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/options.h"
#include "load/scenario/environment.h"
#include "run/terminal.h"

namespace squadload::cli {

// Exit code, or errors of configuration. All cores, unless --workers or SQUADLOAD_WORKERS say else.
[[nodiscard]] Result<int> join_master(const Invocation& invocation, const std::string& command_text,
                                      const run::Terminal& terminal,
                                      const scenario::Environment& environment);

[[nodiscard]] Result<int> print_locustfile(const Invocation& invocation,
                                           const run::Terminal& terminal,
                                           const scenario::Environment& environment);

}  // namespace squadload::cli
