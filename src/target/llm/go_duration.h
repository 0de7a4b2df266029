// Durations as Go's time package writes and reads them, which Groq and OpenAI put into their limit
// headers: "2m59.56s", "644ms", "1h2m0s", "120µs" (pkg.go.dev/time#Duration.String,
// #ParseDuration). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace squadload::llm {

// Units ns, us, µs (either code point), ms, s, m, h in any order; a sign; "0" alone. Rounded down
// to a nanosecond. nullopt for anything else and beyond Nanos.
[[nodiscard]] std::optional<Nanos> parse_go_duration(std::string_view text);
// Exact; parse_go_duration reads it back.
[[nodiscard]] std::string format_go_duration(Nanos time);

}  // namespace squadload::llm
