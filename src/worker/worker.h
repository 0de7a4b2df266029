// `squadload worker`: joins a Locust master and does what it says, until it says quit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "load/scenario/scenario.h"
#include "run/preflight.h"
#include "run/run_scenario.h"
#include "run/terminal.h"

namespace squadload::worker {

// What joins the worker to what is around it.
struct MasterAddress {
    std::string host = "127.0.0.1";
    std::uint16_t port = 5557;
    std::optional<std::uint16_t> health_port{};  // of GET /health here; none: no such page
};

// Blocks until the master ends the session (exit code 0), SIGINT or SIGTERM does (130, 143; what is
// in flight is awaited), or no master could be reached for five minutes (3). Each run of the master
// leaves a metrics file and a page; a part's verdict is not the exit code. Errors: configuration
// (kind config, usage, io, resources).
[[nodiscard]] Result<int> run_worker(scenario::Scenario scenario, const MasterAddress& master,
                                     const run::Options& options, const run::Terminal& terminal,
                                     const run::Network& network);

}  // namespace squadload::worker
