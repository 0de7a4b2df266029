// One iteration of one task, shown in full: for whoever writes a scenario file.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "load/engine/engine.h"
#include "load/scenario/scenario.h"
#include "run/preflight.h"
#include "run/terminal.h"

namespace squadload::run {

// Runs `task` ("chat" or "SquadApiUser.chat"; "": the first with a weight) once, as one user with
// its on_start before and its on_stop after, and prints request, response, timings and outcome of
// each on stdout. Returns 0 when every outcome is ok, else 1. Errors: of
// preflight and choose_backend; kind usage for an unknown task, with the nearest known one. Until a
// timeout of a request strikes there is no end to waiting but a signal.
[[nodiscard]] Result<int> try_task(scenario::Scenario scenario, const std::string& task,
                                   const Terminal& terminal, const Network& network,
                                   const std::string& backend = "auto");

// The task's sequence number (scenario/entries.h).
[[nodiscard]] Result<std::uint16_t> find_task(const scenario::Scenario& scenario,
                                              const std::string& task);

// Splits what came over the wire: the heads (1xx ones, too) with their blank line, and where the
// body starts.
[[nodiscard]] std::size_t end_of_heads(std::string_view bytes);

// Text for a terminal: control characters but tab and line feed become '.', so that a body cannot
// steer it.
[[nodiscard]] std::string harmless(std::string_view text);

}  // namespace squadload::run
