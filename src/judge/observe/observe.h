// What a target says of itself while it is under load: /health and /metrics, read by presets, put
// together over a scenario, and held against what its responses said. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "judge/result/provider_result.h"
#include "judge/result/reported_counts.h"
#include "judge/result/witness_check.h"
#include "load/measure/provider_stats.h"

namespace squadload::observe {

// One look at the target. What it does not tell is absent.
struct Snapshot {
    struct Provider {
        std::string name;
        std::optional<double> rpm, rpm_limit, latency_avg_ms;
        std::optional<std::string> last_429_time;
    };
    result::ReportedCounts counts;    // since the target's start
    std::vector<Provider> providers;  // of /health
    bool any = false;                 // something of it was understood
};

// Names of the metrics that tell something per provider, by preset: "squad", "squad_original",
// "litellm", "bifrost". Another name: /health alone. `metrics`, `health`: bodies, "" where there
// was no answer.
[[nodiscard]] Snapshot read_snapshot(std::string_view preset, std::string_view metrics,
                                     std::string_view health);
[[nodiscard]] bool has_metrics(std::string_view preset);

// The looks of one scenario, in order.
class Timeline {
  public:
    void add(const Snapshot& snapshot);
    [[nodiscard]] bool any() const { return any_; }
    // What was counted between the first look and the last. Nothing of a counter that fell: the
    // target was restarted, and restarted() says so.
    [[nodiscard]] result::ReportedCounts delta() const;
    [[nodiscard]] bool restarted() const { return restarted_; }
    [[nodiscard]] result::ProviderReported of(std::string_view provider) const;
    [[nodiscard]] std::vector<std::string> names() const;

  private:
    struct Seen {
        std::string name;
        std::optional<double> rpm_peak, rpm_limit, latency_avg_ms;
        std::optional<std::string> last_429_time;
    };
    std::optional<result::ReportedCounts> first_, last_;
    std::vector<Seen> seen_;
    bool any_ = false;
    bool restarted_ = false;
};

// One row, check "reported": requests served and fallbacks as the target reports them against those
// its responses named. Other clients of the target count there, so that more than ours is said with
// that. Not exercised where one side says nothing.
[[nodiscard]] result::WitnessCheck compare(const result::ReportedCounts& reported,
                                           const measure::ProviderTable& responses);

}  // namespace squadload::observe
