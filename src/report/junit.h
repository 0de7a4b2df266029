// JUnit XML, as CI systems read it: a suite per scenario, a case per criterion. Pure text.
// Format: https://github.com/testmoapp/junitxml (there is no official schema).
#pragma once

#include <string>

#include "judge/result/run_result.h"

namespace squadload::report {

// Broken criteria are failures; a VOID or interrupted scenario is an error; what could not be
// judged is skipped. There is a failure or an error exactly where the run's exit code is not 0.
[[nodiscard]] std::string junit_xml(const result::RunResult& run);

}  // namespace squadload::report
