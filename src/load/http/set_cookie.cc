#include "load/http/set_cookie.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "load/http/kept_headers.h"

namespace squadload::http {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

bool is_control(char c) {
    return (c >= '\0' && c < ' ' && c != '\t') || c == '\x7f';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

// Takes what stands before the first `end`, and it.
std::string_view take_until(std::string_view& text, char end) {
    const std::string_view taken = text.substr(0, text.find(end));
    text.remove_prefix(std::min(taken.size() + 1, text.size()));
    return taken;
}

// WallTime ends in 2262.
WallTime at_seconds(std::chrono::sys_seconds t) {
    if (t >= std::chrono::floor<std::chrono::seconds>(WallTime::max())) return WallTime::max();
    if (t <= std::chrono::ceil<std::chrono::seconds>(WallTime::min())) return WallTime::min();
    return t;
}

// RFC 6265 §5.2.2; nullopt: ignored.
std::optional<WallTime> after_max_age(std::string_view text, WallTime now) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
    const auto most = std::chrono::duration_cast<std::chrono::seconds>(WallTime::max() - now);
    std::int64_t seconds = 0;
    for (const char c : text) {
        seconds = seconds * 10 + (c - '0');
        if (seconds > most.count()) break;
    }
    if (negative || seconds == 0) return WallTime::min();
    return seconds > most.count() ? WallTime::max() : now + std::chrono::seconds(seconds);
}

// The digits `text` begins with: `least` to `most` of them, with no digit behind.
std::optional<int> leading_number(std::string_view text, std::size_t least, std::size_t most) {
    std::size_t size = 0;
    int number = 0;
    for (; size < text.size() && is_digit(text[size]); ++size) {
        if (size == most) return std::nullopt;
        number = number * 10 + (text[size] - '0');
    }
    if (size < least) return std::nullopt;
    return number;
}

struct DateParts {
    std::optional<std::chrono::seconds> time;
    std::optional<int> day, month, year;

    void read(std::string_view token);
    [[nodiscard]] std::optional<WallTime> date() const;
};

std::optional<std::chrono::seconds> time_of_day(std::string_view token) {
    std::array<int, 3> parts{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool last = i + 1 == parts.size();
        if (!last && token.find(':') == std::string_view::npos) return std::nullopt;
        const std::string_view part = last ? token : take_until(token, ':');
        // Something that is not a digit may follow the seconds, but nothing else.
        if (!last && part.size() > 2) return std::nullopt;
        const auto number = leading_number(part, 1, 2);
        if (!number || (!last && !std::ranges::all_of(part, is_digit))) return std::nullopt;
        parts[i] = *number;
    }
    if (parts[0] > 23 || parts[1] > 59 || parts[2] > 59) return std::chrono::seconds{-1};
    return std::chrono::hours(parts[0]) + std::chrono::minutes(parts[1]) +
           std::chrono::seconds(parts[2]);
}

std::optional<int> month_of(std::string_view token) {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
        if (equal_ignoring_case(token.substr(0, 3), kMonths[i])) return static_cast<int>(i) + 1;
    }
    return std::nullopt;
}

// Each token is the first of these that it can be and that is still wanted.
void DateParts::read(std::string_view token) {
    if (!time) {
        time = time_of_day(token);
        if (time) return;
    }
    if (!day) {
        day = leading_number(token, 1, 2);
        if (day) return;
    }
    if (!month) {
        month = month_of(token);
        if (month) return;
    }
    if (!year) year = leading_number(token, 2, 4);
}

std::optional<WallTime> DateParts::date() const {
    if (!time || *time < std::chrono::seconds{0} || !day || !month || !year) return std::nullopt;
    const int full_year = *year >= 70 && *year <= 99 ? *year + 1900
                          : *year <= 69              ? *year + 2000
                                                     : *year;
    const std::chrono::year_month_day date{std::chrono::year(full_year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (full_year < 1601 || !date.ok()) return std::nullopt;
    return at_seconds(std::chrono::sys_days(date) + *time);
}

bool is_date_delimiter(char c) {
    return c == '\t' || (c >= ' ' && c <= '/') || (c >= ';' && c <= '@') ||
           (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

}  // namespace

std::optional<WallTime> parse_cookie_date(std::string_view text) {
    DateParts parts;
    while (!text.empty()) {
        const auto end = std::ranges::find_if(text, is_date_delimiter);
        const std::string_view token = text.substr(0, static_cast<std::size_t>(end - text.begin()));
        text.remove_prefix(std::min(token.size() + 1, text.size()));
        if (!token.empty()) parts.read(token);
    }
    return parts.date();
}

std::optional<SetCookie> parse_set_cookie(std::string_view field, WallTime now) {
    if (std::ranges::any_of(field, is_control)) return std::nullopt;
    std::string_view pair = take_until(field, ';');
    if (pair.find('=') == std::string_view::npos) return std::nullopt;
    SetCookie cookie;
    cookie.name = trimmed(take_until(pair, '='));
    cookie.value = trimmed(pair);
    if (cookie.name.empty()) return std::nullopt;

    std::optional<WallTime> max_age, expires;
    while (!field.empty()) {  // the last of each kind counts
        std::string_view attribute = take_until(field, ';');
        const std::string_view name = trimmed(take_until(attribute, '='));
        std::string_view value = trimmed(attribute);
        if (equal_ignoring_case(name, "secure")) {
            cookie.secure = true;
        } else if (equal_ignoring_case(name, "path")) {
            cookie.path = value.starts_with('/') ? value : std::string_view{};
        } else if (equal_ignoring_case(name, "domain")) {
            if (value.starts_with('.')) value.remove_prefix(1);
            if (!value.empty()) cookie.domain = value;
        } else if (equal_ignoring_case(name, "max-age")) {
            if (const auto time = after_max_age(value, now)) max_age = time;
        } else if (equal_ignoring_case(name, "expires")) {
            if (const auto time = parse_cookie_date(value)) expires = time;
        }
    }
    if (expires) cookie.expires = *expires;
    if (max_age) cookie.expires = *max_age;
    return cookie;
}

}  // namespace squadload::http
