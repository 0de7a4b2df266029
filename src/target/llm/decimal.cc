#include "target/llm/decimal.h"

#include <algorithm>
#include <limits>

#include "target/llm/json_text.h"

namespace squadload::llm {
namespace {

__extension__ using Wide = __int128;
constexpr Wide kLongest = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

}  // namespace

std::optional<Nanos> take_decimal(std::string_view& text, Nanos unit) {
    const Wide per_unit = unit.count();
    std::size_t i = 0;
    Wide total = 0;
    for (; i < text.size() && is_digit(text[i]); ++i) {
        total = total * 10 + (text[i] - '0') * per_unit;
        if (total > kLongest) return std::nullopt;
    }
    std::size_t digits = i;
    if (i < text.size() && text[i] == '.') {
        Wide numerator = 0;
        Wide denominator = 1;
        // More decimals than these say nothing about a nanosecond.
        constexpr Wide kEnough = 1'000'000'000'000'000'000;
        for (++i; i < text.size() && is_digit(text[i]); ++i, ++digits) {
            if (denominator == kEnough) continue;
            numerator = numerator * 10 + (text[i] - '0');
            denominator *= 10;
        }
        total += numerator * per_unit / denominator;
    }
    if (digits == 0 || total > kLongest) return std::nullopt;
    text.remove_prefix(i);
    return Nanos{static_cast<std::int64_t>(total)};
}

std::optional<Nanos> parse_decimal(std::string_view text, Nanos unit) {
    text = trim_blanks(text);
    const auto time = take_decimal(text, unit);
    return text.empty() ? time : std::nullopt;
}

Nanos round_up(Nanos time, Nanos step) {
    if (time <= Nanos{0}) return Nanos{0};
    const Nanos rest = time % step;
    if (rest == Nanos{0}) return time;
    const Nanos missing = step - rest;
    return time > Nanos::max() - missing ? Nanos::max() : time + missing;
}

void append_seconds(std::string& out, Nanos time, int digits, Zeros zeros) {
    std::int64_t step = 1;
    for (int i = digits; i < 9; ++i) step *= 10;
    const std::int64_t total = round_up(time, Nanos{step}).count();
    append_number(out, total / 1'000'000'000);
    if (digits == 0) return;
    out += '.';
    std::int64_t rest = total % 1'000'000'000;
    std::int64_t place = 100'000'000;
    for (int i = 0; i < digits; ++i) {
        out += static_cast<char>('0' + rest / place);
        rest %= place;
        place /= 10;
    }
    if (zeros == Zeros::keep) return;
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
}

std::string_view trim_blanks(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace squadload::llm
