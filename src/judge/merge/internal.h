// Shared by the sources of this room.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "judge/merge/merge.h"

namespace squadload::merge::internal {

// One scenario of one part.
struct Piece {
    std::string file;
    const result::ScenarioResult* scenario = nullptr;
    WallTime started{};
};
using Pieces = std::vector<Piece>;  // of one scenario, earliest first; at least one

[[nodiscard]] bool is_fail_fast(const result::ThresholdResult& bound);

// Why these are not parts of one load; "" when they may be.
[[nodiscard]] std::string contradiction(const std::vector<Part>& parts);  // sorted
[[nodiscard]] std::string contradiction(const Pieces& pieces);

// From the first second of any to the last, without gaps.
[[nodiscard]] std::vector<measure::SeriesPoint> merged_series(const Pieces& pieces);

// By the responses that named them; notes on what else the parts knew.
[[nodiscard]] std::vector<result::ProviderResult> merged_providers(const Pieces& pieces,
                                                                   std::vector<std::string>& notes);

// Seconds from the start of the first piece's first second to that of this one.
[[nodiscard]] std::uint32_t second_offset(const Pieces& pieces, const Piece& piece);

}  // namespace squadload::merge::internal
