// For this room: the two ways a line is read. from_line takes the quick one where it can.
#pragma once

#include <optional>
#include <string_view>

#include "arrivals/arrival.h"

namespace squadload::arrivals::internal {

// A line exactly as to_line writes it, in plain ASCII without escapes: some ten times quicker than
// JSON at large. False for any other line, which may be a good one; `into` is then half written.
[[nodiscard]] bool read_own_line(std::string_view line, Arrival& into);
// Any JSON object with the keys of an arrival; what from_line says of it.
[[nodiscard]] Result<Arrival> read_any_line(std::string_view line);

// A JSON number of milliseconds, exactly: digits, perhaps a fraction of up to six. None: it is not
// one, or too large for Nanos.
[[nodiscard]] std::optional<Nanos> exact_ms(std::string_view text);

}  // namespace squadload::arrivals::internal
