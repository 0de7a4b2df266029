// One or several scenarios, one after the other, from configuration to exit code: what `squadload
// run` does.
#pragma once

#include <vector>

#include "base/error.h"
#include "load/scenario/scenario.h"
#include "run/preflight.h"
#include "run/run_scenario.h"
#include "run/terminal.h"

namespace squadload::run {

// Prints progress (stderr), each scenario's summary, the suite's and the paths of the files written
// (stdout). Returns the exit code of the verdict. All bounds are compiled and the output directory
// is opened before the first request. Errors: configuration (kind config, usage, io, resources) and
// an unreachable first target; an error after results exist is told on stderr, and what was
// measured is still judged and written.
[[nodiscard]] Result<int> run_suite(std::vector<scenario::Scenario> scenarios,
                                    const Options& options, const Terminal& terminal,
                                    const Network& network);

// The exit code an Error stands for: usage, config, io and resources 2, unreachable 3, internal 70.
[[nodiscard]] int exit_code(const Error& error);

}  // namespace squadload::run
