// Time. MonoTime orders events within one run; WallTime is only for what people read.
// This file and the transport loops are the only readers of clocks.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace squadload {

using Nanos = std::chrono::nanoseconds;
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Nanos>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Nanos>;

[[nodiscard]] inline MonoTime mono_now() {
    return std::chrono::steady_clock::now();
}
[[nodiscard]] WallTime wall_now();

[[nodiscard]] inline double to_ms(Nanos d) {
    return static_cast<double>(d.count()) / 1e6;
}
[[nodiscard]] inline double to_seconds(Nanos d) {
    return static_cast<double>(d.count()) / 1e9;
}
// Rounds to the nearest nanosecond.
[[nodiscard]] Nanos from_seconds(double seconds);

[[nodiscard]] std::string utc_iso8601(WallTime t);  // 2026-11-23T09:15:00.123Z
// The other way round; none: not written so.
[[nodiscard]] std::optional<WallTime> from_utc_iso8601(const std::string& text);
[[nodiscard]] std::string utc_file_stamp(WallTime t);  // 20261123_091500

}  // namespace squadload
