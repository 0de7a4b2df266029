// Text with units → numbers, and back. One grammar for YAML, the command line and the environment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace squadload {

// "300" (seconds), "1.5", "250ms", "10us", "30s", "5m", "1h30m", "2m 30s". Not negative, at most
// 10,000 h.
[[nodiscard]] Result<Nanos> parse_duration(std::string_view text);
// "50", "50/s", "600/m", "3600/h" → per second. Finite, not negative.
[[nodiscard]] Result<double> parse_rate(std::string_view text);
// "0.01", "1%", "0.1 %" → a share; may lie outside 0..1, the caller judges.
[[nodiscard]] Result<double> parse_share(std::string_view text);
// "512", "64KB", "10MB", "1GB", "64KiB" … → bytes (KB = 1000, KiB = 1024).
[[nodiscard]] Result<std::uint64_t> parse_bytes(std::string_view text);

[[nodiscard]] Result<double> parse_number(std::string_view text);  // finite
[[nodiscard]] Result<std::int64_t> parse_integer(
    std::string_view text);  // decimal, "_" not allowed
[[nodiscard]] std::string format_duration(
    Nanos d);  // shortest exact form parse_duration reads back: "1h30m", "2.5s", "250ms"

}  // namespace squadload
