// squadload audit: a saved arrival log, judged.
#pragma once

#include <string>

#include "base/error.h"
#include "run/terminal.h"

namespace squadload::cli {

// Prints the providers' figures and what the witness finds. `declared`: a file as --save-arrivals
// or GET /providers gives it; "": limits are not known, and their checks not exercised. Returns 0
// when nothing is broken, 1 when something is. Errors (kind config, io): a file that cannot be
// read, with the line.
[[nodiscard]] Result<int> audit(const std::string& log, const std::string& declared,
                                const run::Terminal& terminal);

}  // namespace squadload::cli
