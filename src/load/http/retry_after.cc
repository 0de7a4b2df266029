#include "load/http/retry_after.h"

#include <algorithm>
#include <charconv>

#include "load/http/set_cookie.h"

namespace squadload::http {
namespace {

constexpr double kMostSeconds = 86'400;

bool is_number(std::string_view text) {
    const bool digits = text.find_first_not_of("0123456789.") == std::string_view::npos;
    return digits && !text.empty() && text.front() != '.' && text.back() != '.';
}

}  // namespace

std::optional<Nanos> parse_retry_after(std::string_view text, WallTime now) {
    if (is_number(text)) {
        double seconds = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (error == std::errc::result_out_of_range)
            seconds = kMostSeconds;
        else if (error != std::errc{} || end != text.data() + text.size())
            return std::nullopt;
        return from_seconds(std::min(seconds, kMostSeconds));
    }
    const auto date = parse_cookie_date(text);
    if (!date) return std::nullopt;
    const auto wait = std::chrono::duration_cast<Nanos>(*date - now);
    return std::clamp(wait, Nanos{0}, from_seconds(kMostSeconds));
}

}  // namespace squadload::http
