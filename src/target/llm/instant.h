// Instants as providers write them. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace squadload::llm {

// An HTTP-date in any of the three forms a recipient must accept (RFC 9110 §5.6.7), for the years
// 1970 … 2199. `now` decides the century of a year with two digits: not more than 50 years ahead.
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text, WallTime now);

// Milliseconds since 1970, rounded up.
[[nodiscard]] std::int64_t epoch_ms(WallTime time);
// nullopt beyond WallTime.
[[nodiscard]] std::optional<WallTime> from_epoch_ms(std::int64_t milliseconds);

}  // namespace squadload::llm
