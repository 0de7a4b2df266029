// How figures are written for people: one spelling for thresholds, console and reports. Pure text.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace squadload::result {

// 7200 → "7,200".
[[nodiscard]] std::string thousands(std::uint64_t n);
// Fixed decimals, thousands separators: (1310.25, 1) → "1,310.3". Non-finite: "-".
[[nodiscard]] std::string number(double value, int decimals);
// As above without trailing zeros: (99.90, 2) → "99.9".
[[nodiscard]] std::string short_number(double value, int max_decimals);
// Decimals that show three significant digits of a time in ms: 441 → 0, 12.3 → 1, 0.08 → 2.
[[nodiscard]] int ms_decimals(double ms);
// "1,310", "12.3", "0.08"; no unit.
[[nodiscard]] std::string ms(double value);
// (0.9979, 2) → "99.79 %".
[[nodiscard]] std::string percent(double share, int decimals = 2);
// "02:00", "1:02:03".
[[nodiscard]] std::string clock(Nanos t);
// One is "1 request", two are "2 requests".
[[nodiscard]] std::string plural(std::uint64_t n, const std::string& noun);

}  // namespace squadload::result
