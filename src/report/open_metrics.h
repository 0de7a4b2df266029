// The figures of a run under way for Prometheus and what else reads OpenMetrics 1.0 text
// (https://github.com/prometheus/OpenMetrics, specification/OpenMetrics.md). Pure text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/engine/engine.h"

namespace squadload::report {

inline constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// `tasks`: by entry number. Counters and histograms count from the start of the scenario, gauges
// are those of the second just ended; times in seconds. Ends with "# EOF".
[[nodiscard]] std::string open_metrics(const std::string& scenario,
                                       const std::vector<std::string>& tasks,
                                       const engine::Progress& progress);
// Before the first second of a run.
[[nodiscard]] std::string no_open_metrics();

}  // namespace squadload::report
