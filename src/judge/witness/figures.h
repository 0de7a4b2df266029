// What the arrival log says of each provider: counts, peaks, times, spikes of 429s, seconds. Pure.
#pragma once

#include <vector>

#include "judge/result/provider_result.h"
#include "judge/witness/arrival_table.h"
#include "judge/witness/declared.h"

namespace squadload::witness {

// Two 429s further apart than this are two spikes; a time-scaled run divides it.
inline constexpr Nanos kSpikeGap = std::chrono::seconds{5};
inline constexpr std::uint64_t kSpikeCount = 3;

struct FigureSettings {
    Nanos from{};               // calls before are the windows' lead-in and counted nowhere else
    std::uint32_t seconds = 0;  // length of the series; calls after its end count in the last one
    double time_scale = 1;
};

// Providers in the order they are declared, then those the log alone knows. Peaks are scaled to a
// minute where the window is another: calls in a window × 60 s / window.
[[nodiscard]] std::vector<result::ProviderResult> figures(const ArrivalTable& table,
                                                          const Declared& declared,
                                                          const FigureSettings& settings);

}  // namespace squadload::witness
