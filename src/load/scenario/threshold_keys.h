// The bounds a file, a stage or the environment may set by name. What they mean is judge/verdict's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/scenario/scenario.h"

namespace squadload::scenario {

// Every key known under `thresholds` (`expressions` stands beside them). Keys that end in _ms are
// milliseconds, the others shares of requests. Each can be set by environment: SQUADLOAD_ and the
// key in capitals.
[[nodiscard]] const std::vector<std::string>& threshold_keys();

// Two spellings of one bound have one canonical key; any other text is its own.
[[nodiscard]] std::string_view canonical_threshold_key(std::string_view key);

// "p95_latency_max_ms" → "SQUADLOAD_P95_LATENCY_MAX_MS".
[[nodiscard]] std::string environment_name(std::string_view key);

// `higher` wins over `lower`: keys replace each other, expressions (entries without a name) add up,
// each text once.
void override_thresholds(std::vector<ThresholdEntry>& lower,
                         const std::vector<ThresholdEntry>& higher);

}  // namespace squadload::scenario
