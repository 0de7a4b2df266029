// Shared by the writer and the reader of the metrics file; not for other rooms.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "judge/result/run_result.h"

namespace squadload::result::internal {

using Json = nlohmann::ordered_json;

[[nodiscard]] double finite(double value);  // JSON has no infinities: they say nothing, so 0
[[nodiscard]] Json optional_number(const std::optional<double>& value);
[[nodiscard]] Json summary_document(const measure::Histogram& h);
[[nodiscard]] Json histogram_document(const measure::Histogram& h);
[[nodiscard]] Json rounded_document(const measure::RoundedTimes& times);

// Members about the providers' side (json_providers.cc).
[[nodiscard]] Json provider_document(const ProviderResult& p,
                                     const std::vector<ProviderResult>& all);
[[nodiscard]] Json witness_document(const std::vector<WitnessCheck>& checks);
[[nodiscard]] Json events_document(const std::vector<FiredEvent>& events);
[[nodiscard]] Json criteria_document(const std::vector<Criterion>& criteria);
[[nodiscard]] Json capacity_document(const std::optional<Capacity>& capacity);
[[nodiscard]] Json document(const RunResult& run);
[[nodiscard]] Json point_document(const measure::SeriesPoint& point);
// Text of a document: members indented, anything at most two levels deep on one line, so that a
// second of the series, a threshold or a histogram's buckets take a line each.
[[nodiscard]] std::string layout(const Json& document);

}  // namespace squadload::result::internal
