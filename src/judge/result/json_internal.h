// Shared by the writer and the reader of the metrics file; not for other rooms.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "judge/result/run_result.h"

namespace squadload::result::internal {

using Json = nlohmann::ordered_json;

[[nodiscard]] Json document(const RunResult& run);
[[nodiscard]] Json point_document(const measure::SeriesPoint& point);
// Text of a document: members indented, anything at most two levels deep on one line, so that a
// second of the series, a threshold or a histogram's buckets take a line each.
[[nodiscard]] std::string layout(const Json& document);

}  // namespace squadload::result::internal
