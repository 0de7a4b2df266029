#include "base/time.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <cmath>

namespace squadload {

WallTime wall_now() {
    return std::chrono::time_point_cast<Nanos>(std::chrono::system_clock::now());
}

Nanos from_seconds(double seconds) {
    return Nanos{std::llround(seconds * 1e9)};
}

namespace {
std::tm utc(WallTime t) {
    return fmt::gmtime(
        std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(t)));
}
}  // namespace

std::string utc_iso8601(WallTime t) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
        t - std::chrono::floor<std::chrono::seconds>(t));
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc(t), ms.count());
}

std::string utc_file_stamp(WallTime t) {
    return fmt::format("{:%Y%m%d_%H%M%S}", utc(t));
}

}  // namespace squadload
