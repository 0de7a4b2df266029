// Decimal numbers with a unit of time, exactly: "7.66" seconds are 7,660,000,000 ns. No sign, no
// exponent, no "inf": what providers write. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace squadload::llm {

// A decimal number at the front of `text` ("12", "1.5", "1.", ".5") times `unit`, rounded down to a
// nanosecond; removed from `text`. nullopt, and `text` as it was, without a digit or when the
// result is beyond Nanos.
[[nodiscard]] std::optional<Nanos> take_decimal(std::string_view& text, Nanos unit);
// The whole text, surrounding blanks aside.
[[nodiscard]] std::optional<Nanos> parse_decimal(std::string_view text, Nanos unit);

// Seconds, rounded up to `digits` (0 … 9) decimals; never negative.
enum class Zeros { keep, trim };  // trim: "7.66" and "12" instead of "7.660000" and "12.000000"
void append_seconds(std::string& out, Nanos time, int digits, Zeros zeros);

// Rounded up to a multiple of `step` (> 0), so that nobody is told to come too early. Not negative.
[[nodiscard]] Nanos round_up(Nanos time, Nanos step);

[[nodiscard]] std::string_view trim_blanks(std::string_view text);

}  // namespace squadload::llm
