#include "base/time.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <cmath>
#include <cstdio>
#include <ctime>

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

std::optional<WallTime> from_utc_iso8601(const std::string& text) {
    std::tm fields{};
    int ms = 0;
    int length = 0;
    if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &fields.tm_year, &fields.tm_mon,
                    &fields.tm_mday, &fields.tm_hour, &fields.tm_min, &fields.tm_sec, &ms,
                    &length) != 7 ||
        length != static_cast<int>(text.size()))
        return std::nullopt;
    // Nanoseconds reach from 1677 to 2262.
    if (fields.tm_year < 1700 || fields.tm_year > 2200) return std::nullopt;
    fields.tm_year -= 1900;
    fields.tm_mon -= 1;
    const WallTime t{std::chrono::seconds{::timegm(&fields)} + std::chrono::milliseconds{ms}};
    if (utc_iso8601(t) != text) return std::nullopt;  // 30 February, 25 o'clock
    return t;
}

std::string utc_file_stamp(WallTime t) {
    return fmt::format("{:%Y%m%d_%H%M%S}", utc(t));
}

}  // namespace squadload
