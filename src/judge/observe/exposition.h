// Prometheus' text exposition format, version 0.0.4, as a target writes it on /metrics. Pure.
// https://prometheus.io/docs/instrumenting/exposition_formats/ (read 2026-11-26)
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squadload::observe {

struct Sample {
    std::string name;
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
    [[nodiscard]] std::string_view label(std::string_view name) const;  // "": it has none
};

// More than this many samples are not read: a target may send anything.
inline constexpr std::size_t kMostSamples = 100'000;

// Samples in the order of the text. Comments, timestamps and lines that are none are skipped.
[[nodiscard]] std::vector<Sample> parse_exposition(std::string_view text);

}  // namespace squadload::observe
