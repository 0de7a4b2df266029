#include "load/scenario/threshold_keys.h"

#include <algorithm>

namespace squadload::scenario {

const std::vector<std::string>& threshold_keys() {
    static const std::vector<std::string> keys{
        "success_rate_min",         "rate_limited_max",         "error_rate_max",
        "failure_rate_max",         "p50_latency_max_ms",       "p95_latency_max_ms",
        "p99_latency_max_ms",       "max_latency_max_ms",       "p95_latency_spike_max_ms",
        "p99_latency_spike_max_ms", "spike_p99_latency_max_ms", "max_latency_spike_ms",
    };
    return keys;
}

std::string_view canonical_threshold_key(std::string_view key) {
    return key == "spike_p99_latency_max_ms" ? "p99_latency_spike_max_ms" : key;
}

std::string environment_name(std::string_view key) {
    std::string name = "SQUADLOAD_";
    for (const char c : key) {
        name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return name;
}

void override_thresholds(std::vector<ThresholdEntry>& lower,
                         const std::vector<ThresholdEntry>& higher) {
    for (const ThresholdEntry& entry : higher) {
        const auto same = [&](const ThresholdEntry& other) {
            if (entry.name.empty()) return other.name.empty() && other.value == entry.value;
            return canonical_threshold_key(other.name) == canonical_threshold_key(entry.name);
        };
        const auto found = std::find_if(lower.begin(), lower.end(), same);
        if (found == lower.end())
            lower.push_back(entry);
        else
            *found = entry;
    }
}

}  // namespace squadload::scenario
