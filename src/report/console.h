// What a terminal shows (shared look: docs/guide.md): header, live view, progress lines, summary.
// Pure text from values; whoever calls decides where it goes and whether colour and cursor movement
// are allowed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "judge/result/run_result.h"
#include "judge/verdict/threshold.h"
#include "load/engine/engine.h"
#include "load/scenario/scenario.h"

namespace squadload::report {

struct Style {
    bool colour = false;  // ANSI colours (never carry meaning alone)
    bool unicode = true;
    int width = 80;  // columns; at least 40 is honoured
};

// What stays the same while a scenario runs.
struct LiveContext {
    const scenario::Scenario& scenario;
    const std::vector<verdict::Threshold>& thresholds;
    std::string backend;  // "epoll"
};

// The live view, redrawn in place below the line that says what runs: complete lines, each at most
// style.width columns, no trailing newline on the last.
[[nodiscard]] std::vector<std::string> live_view(const LiveContext& context,
                                                 const engine::Progress& progress,
                                                 const std::vector<measure::SeriesPoint>& series,
                                                 const Style& style);
// One line for pipes and CI: "spike 01:05/02:00 60.0/s ok 99.79 % 429 0.16 % failed 0.05 % p95
// 1,297 ms …".
[[nodiscard]] std::string progress_line(const LiveContext& context,
                                        const engine::Progress& progress);

// A message as the style shows it; on a terminal wrapped at spaces, further lines indented by two.
[[nodiscard]] std::string message(std::string_view text, const Style& style, bool wrap);

// The summary at the end of one scenario (verdict first, criteria, tasks, failures, notes),
// newline-terminated.
[[nodiscard]] std::string summary(const result::ScenarioResult& scenario, const Style& style);
// Of it, what is about providers alone, without criteria.
[[nodiscard]] std::string providers_and_witness(const result::ScenarioResult& scenario,
                                                const Style& style);
// For several scenarios: one line each and the suite's verdict. Empty for a single scenario.
[[nodiscard]] std::string suite_summary(const result::RunResult& run, const Style& style);

}  // namespace squadload::report
