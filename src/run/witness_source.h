// The providers' side of a run: the arrival log of the simulators and what the gateway declares.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "judge/result/run_result.h"
#include "judge/witness/witness.h"
#include "load/engine/engine.h"
#include "run/side_client.h"

namespace squadload::run {

// What a scenario is judged by once it is over, and how it can be judged again.
struct WitnessFindings {
    std::vector<result::ProviderResult> providers;
    std::vector<result::WitnessCheck> checks;
    std::vector<std::string> notes;
    std::string log;       // NDJSON, as it came
    std::string declared;  // JSON, as declared_file() writes it
};

// One for a run of several scenarios; the main thread's.
class WitnessSource {
  public:
    // Asks the simulators at `url` and the gateway `target` for what they are. Errors (kind
    // unreachable, config): no answer, or not that of simulators. A gateway that declares nothing
    // is none.
    [[nodiscard]] static Result<std::unique_ptr<WitnessSource>> open(const std::string& url,
                                                                     const scenario::Target& target,
                                                                     const Network& network);

    [[nodiscard]] SideClient& simulators() { return *simulators_; }
    [[nodiscard]] const std::string& url() const { return simulators_->url(); }

    // Before a scenario's first request: from here on calls are its own.
    [[nodiscard]] Result<void> begin();
    // After its last: waits a moment for calls under way, takes the log and judges it.
    [[nodiscard]] Result<WitnessFindings> finish(
        const engine::Measurements& m, const std::optional<result::ReportedCounts>& reported,
        double time_scale);

  private:
    WitnessSource(std::unique_ptr<SideClient> simulators, std::string providers,
                  std::string agents);
    [[nodiscard]] Result<void> read_clock();
    [[nodiscard]] Result<std::string> take_log();

    std::unique_ptr<SideClient> simulators_;
    std::string providers_, agents_;  // as the gateway declares them; "": it does not
    witness::Declared declared_;
    std::uint64_t seen_ = 0;         // last seq before this scenario
    std::uint64_t seen_before_ = 0;  // before the one before it
    MonoTime log_start_{};           // of the log's clock
};

}  // namespace squadload::run
