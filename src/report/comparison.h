// Two runs beside each other (judge/compare): for a terminal, and as a page. Pure text.
#pragma once

#include <string>

#include "judge/compare/compare.h"
#include "report/console.h"

namespace squadload::report {

// "REGRESSION  3 of 57 figures are worse …", then a table for each scenario: all figures of all
// requests, of tasks and providers those beyond noise; how it was judged. Newline-terminated.
// `name_a`, `name_b`: the files.
[[nodiscard]] std::string comparison(const compare::Comparison& comparison,
                                     const std::string& name_a, const std::string& name_b,
                                     const Style& style);
// The page of both runs.
[[nodiscard]] std::string comparison_html(const compare::Comparison& comparison,
                                          const result::RunResult& a, const result::RunResult& b,
                                          const std::string& name_a, const std::string& name_b);

// "REGRESSION", "NO REGRESSION", "VOID".
[[nodiscard]] std::string comparison_verdict(const compare::Comparison& comparison);
// What it comes to, in a sentence.
[[nodiscard]] std::string comparison_headline(const compare::Comparison& comparison);
// How it was judged: noise, confidence, tolerance.
[[nodiscard]] std::string comparison_method(const compare::Comparison& comparison);

}  // namespace squadload::report
