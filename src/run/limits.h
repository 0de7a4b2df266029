// What the process may open, and whether a scenario's connections fit into it: said before the run,
// not found out by it.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "load/scenario/scenario.h"

namespace squadload::run {

struct ProcessLimits {
    std::uint64_t descriptors = 1024;       // RLIMIT_NOFILE, the soft limit, after raising
    std::uint64_t descriptors_in_use = 16;  // open before the run
    std::uint64_t local_ports =
        28232;  // net.ipv4.ip_local_port_range: connections to one address and port
    std::string local_port_range = "32768-60999";

    // Connections one process can hold to one target beside what `workers` loops and the files of a
    // run need.
    [[nodiscard]] std::uint64_t connections(std::uint32_t workers) const;
};

// Raises the soft descriptor limit to the hard one and reads the limits.
[[nodiscard]] ProcessLimits raise_and_read_limits();

// "32768\t60999\n" (/proc/sys/net/ipv4/ip_local_port_range) → both numbers; false when it reads
// otherwise.
[[nodiscard]] bool parse_port_range(const std::string& text, std::uint32_t& low,
                                    std::uint32_t& high);

// The most connections the scenario can hold at once.
[[nodiscard]] std::uint64_t connections_needed(const scenario::Scenario& scenario);

// Checks connections_needed against the limits; `sources` addresses (0 is as one) that connections
// start from have the local ports each. In the open model the default bound on users is
// lowered instead, with a note in scenario.notes. Error kind resources: what is needed, what there
// is, and the remedy.
[[nodiscard]] Result<void> fit_connections(scenario::Scenario& scenario,
                                           const ProcessLimits& limits, std::uint64_t sources = 0);

}  // namespace squadload::run
