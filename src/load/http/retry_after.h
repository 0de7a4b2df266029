// How long a response asks to wait: the Retry-After field (RFC 9110 §10.2.3), seconds or a date.
// Pure.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace squadload::http {

// Seconds may have a fraction, which some services send. A date that is past asks for no wait.
// Nothing for anything else; a wait beyond a day counts as a day.
[[nodiscard]] std::optional<Nanos> parse_retry_after(std::string_view text, WallTime now);

}  // namespace squadload::http
