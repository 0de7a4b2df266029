// What each subcommand does, once the command line is understood.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/options.h"
#include "load/scenario/config.h"
#include "run/terminal.h"

namespace squadload::cli {

// Returns the exit code. Errors are for the caller to print; run::exit_code gives theirs.
[[nodiscard]] Result<int> execute(const Invocation& invocation, const std::string& command_text,
                                  const run::Terminal& terminal,
                                  const scenario::Environment& environment);

// Everything the program does between its arguments and its exit code; catches what is thrown (70).
[[nodiscard]] int main(int argc, char** argv);

// --- parts of execute, for its tests ---

[[nodiscard]] bool is_url(const std::string& argument);

// The file or the URL an invocation of run is about. Errors (kind usage): a URL beside scenarios,
// several URLs, a URL with
// --config; (kind config): those of Config.
[[nodiscard]] Result<scenario::Config> load_config(const Invocation& invocation,
                                                   const scenario::Environment& environment);

// Scenario names in the order they run: the first of the file, those named, or all of them.
[[nodiscard]] Result<std::vector<std::string>> chosen_names(const Invocation& invocation,
                                                            const scenario::Config& config);

// What the command line says of how to run. `command_text`: as typed.
[[nodiscard]] run::Options run_options(const Invocation& invocation,
                                       const std::string& command_text);

}  // namespace squadload::cli
