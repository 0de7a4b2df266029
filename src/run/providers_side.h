// Everything beside the load that is about providers: events, the target's own figures, the
// witness; and what they come to in a scenario's result.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "run/events.h"
#include "run/observer.h"
#include "run/run_scenario.h"
#include "run/witness_source.h"

namespace squadload::run {

// The result's providers: those of the witness where there was one, else those that responses or
// the target's own figures name. Pure.
[[nodiscard]] std::vector<result::ProviderResult> assemble_providers(
    std::vector<result::ProviderResult> witnessed, const Ran& ran,
    const observe::Timeline& timeline);

// One for all scenarios of a run; the main thread's.
class ProvidersSide {
  public:
    ProvidersSide(const Network& network, std::vector<scenario::Event> all_events)
        : network_(network), all_events_(std::move(all_events)) {}

    // Before a scenario's first request. Errors (kind config, unreachable): a witness that is none,
    // an event about a provider there is not.
    [[nodiscard]] Result<void> begin(engine::Plan& plan);
    // After its last: completes its result, the bounds on providers included.
    void finish(const Judged& judged, const verdict::Policy& policy, Ran& ran);
    // The log and what was declared, of the scenario finished last; "" without a witness.
    [[nodiscard]] const std::string& log() const { return log_; }
    [[nodiscard]] const std::string& declared() const { return declared_; }

  private:
    // How many responses are remembered for the witness: some 150 bytes each.
    static constexpr std::size_t kMostClaims = 2'000'000;

    [[nodiscard]] Result<void> open_witness(const scenario::Scenario& scenario);

    const Network& network_;
    std::vector<scenario::Event> all_events_;  // of every scenario: mistakes show before the first
    std::unique_ptr<WitnessSource> witness_;
    std::unique_ptr<Observer> observer_;
    std::unique_ptr<EventDriver> events_;
    std::string log_, declared_;
};

}  // namespace squadload::run
