// The providers' side of a scenario on the terminal: who was called and how it answered, what the
// witness found. For this room.
#pragma once

#include <string>

#include "judge/result/run_result.h"
#include "report/console.h"

namespace squadload::report {

// The table of providers, then a line each for fallbacks, spikes of 429s and events. With an empty
// line before it; "" without providers and events. Columns that provider_settings switches off are
// left out.
[[nodiscard]] std::string provider_table(const result::ScenarioResult& scenario,
                                         const Style& style);

// What the witness found: broken checks first, each with its sentence, then one line per check, and
// which were not exercised. With an empty line before it; "" without a witness.
[[nodiscard]] std::string witness_table(const std::vector<result::WitnessCheck>& checks,
                                        const Style& style);

// The acceptance criteria of a suite, those not met first. "" without any.
[[nodiscard]] std::string criteria_table(const std::vector<result::Criterion>& criteria,
                                         const Style& style);

}  // namespace squadload::report
