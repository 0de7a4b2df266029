#include "judge/result/figures.h"

#include <fmt/core.h>

#include <cmath>

namespace squadload::result {
namespace {

// Puts a comma between groups of three digits of the whole part.
std::string group_digits(std::string digits) {
    const std::size_t start = digits.starts_with('-') ? 1 : 0;
    std::size_t end = digits.find('.');
    if (end == std::string::npos) end = digits.size();
    for (std::size_t at = end; at > start + 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

}  // namespace

std::string thousands(std::uint64_t n) {
    return group_digits(std::to_string(n));
}

std::string number(double value, int decimals) {
    if (!std::isfinite(value)) return "-";
    std::string text = fmt::format("{:.{}f}", value, decimals);
    // -0.00 says nothing that 0.00 does not.
    if (text.starts_with('-') && text.find_first_of("123456789") == std::string::npos) {
        text.erase(0, 1);
    }
    return group_digits(std::move(text));
}

std::string short_number(double value, int max_decimals) {
    std::string text = number(value, max_decimals);
    if (text.find('.') == std::string::npos) return text;
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
    return text;
}

int ms_decimals(double ms) {
    // Rounding decides: 99.96 is shown as 100, not as 100.0.
    if (ms >= 99.95) return 0;
    return ms >= 9.995 ? 1 : 2;
}

std::string ms(double value) {
    return number(value, ms_decimals(value));
}

std::string percent(double share, int decimals) {
    return number(share * 100, decimals) + " %";
}

std::string clock(Nanos t) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(t).count();
    const auto hours = seconds / 3600;
    const auto minutes = seconds / 60 % 60;
    if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, seconds % 60);
    return fmt::format("{:02}:{:02}", minutes, seconds % 60);
}

std::string plural(std::uint64_t n, const std::string& noun) {
    return thousands(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace squadload::result
