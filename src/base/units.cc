#include "base/units.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>

namespace squadload {
namespace {

std::string_view trim(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

// Reads a plain decimal number at the front of `s` (no sign, no exponent) and removes it.
bool take_decimal(std::string_view& s, double& value) {
    std::size_t n = 0;
    while (n < s.size() && ((s[n] >= '0' && s[n] <= '9') || s[n] == '.')) ++n;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + n, value);
    if (ec != std::errc{} || end != s.data() + n || n == 0) return false;
    s.remove_prefix(n);
    return true;
}

struct DurationUnit {
    std::string_view name;
    double nanos;
    int rank;  // units must come largest first
};
constexpr std::array kDurationUnits{DurationUnit{"ms", 1e6, 4},   DurationUnit{"us", 1e3, 5},
                                    DurationUnit{"µs", 1e3, 5},   DurationUnit{"ns", 1.0, 6},
                                    DurationUnit{"h", 3.6e12, 1}, DurationUnit{"m", 6e10, 2},
                                    DurationUnit{"s", 1e9, 3}};

tl::unexpected<Error> bad_duration(std::string_view text) {
    return fail(
        ErrorKind::config,
        fmt::format(
            "'{}' is not a duration; write seconds or units, such as 30, 250ms, 5m or 1h30m",
            text));
}

}  // namespace

Result<Nanos> parse_duration(std::string_view text) {
    std::string_view s = trim(text);
    double total = 0;
    int last_rank = 0;
    bool any = false;
    while (!s.empty()) {
        double value = 0;
        if (!take_decimal(s, value)) return bad_duration(text);
        s = trim(s);
        if (s.empty() && !any) {
            total = value * 1e9;
            any = true;
            break;
        }
        const DurationUnit* unit = nullptr;
        for (const auto& u : kDurationUnits) {
            if (s.starts_with(u.name)) {
                unit = &u;
                break;
            }
        }
        if (unit == nullptr || unit->rank <= last_rank) return bad_duration(text);
        last_rank = unit->rank;
        total += value * unit->nanos;
        s = trim(s.substr(unit->name.size()));
        any = true;
    }
    if (!any) return bad_duration(text);
    if (total > 1e4 * 3.6e12) {
        return fail(ErrorKind::config, fmt::format("'{}' is longer than 10,000 hours", text));
    }
    return Nanos{std::llround(total)};
}

Result<double> parse_number(std::string_view text) {
    const std::string_view s = trim(text);
    double value = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (ec != std::errc{} || end != s.data() + s.size() || !std::isfinite(value)) {
        return fail(ErrorKind::config, fmt::format("'{}' is not a number", text));
    }
    return value;
}

Result<std::int64_t> parse_integer(std::string_view text) {
    const std::string_view s = trim(text);
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (ec != std::errc{} || end != s.data() + s.size()) {
        return fail(ErrorKind::config, fmt::format("'{}' is not a whole number", text));
    }
    return value;
}

Result<double> parse_rate(std::string_view text) {
    std::string_view s = trim(text);
    double per_seconds = 1;
    if (const auto slash = s.find('/'); slash != std::string_view::npos) {
        const std::string_view unit = trim(s.substr(slash + 1));
        if (unit == "s" || unit == "sec" || unit == "second")
            per_seconds = 1;
        else if (unit == "m" || unit == "min" || unit == "minute")
            per_seconds = 60;
        else if (unit == "h" || unit == "hour")
            per_seconds = 3600;
        else
            return fail(ErrorKind::config,
                        fmt::format("'{}' is not a rate; write 50, 50/s, 600/m or 3600/h", text));
        s = trim(s.substr(0, slash));
    }
    const auto value = parse_number(s);
    if (!value || *value < 0) {
        return fail(ErrorKind::config,
                    fmt::format("'{}' is not a rate; write 50, 50/s, 600/m or 3600/h", text));
    }
    return *value / per_seconds;
}

Result<double> parse_share(std::string_view text) {
    std::string_view s = trim(text);
    double divisor = 1;
    if (s.ends_with('%')) {
        divisor = 100;
        s = trim(s.substr(0, s.size() - 1));
    }
    const auto value = parse_number(s);
    if (!value)
        return fail(ErrorKind::config, fmt::format("'{}' is not a share; write 0.01 or 1%", text));
    return *value / divisor;
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
    struct Unit {
        std::string_view name;
        double bytes;
    };
    constexpr std::array units{
        Unit{"KiB", 1024.0}, Unit{"MiB", 1048576.0}, Unit{"GiB", 1073741824.0},
        Unit{"KB", 1e3},     Unit{"MB", 1e6},        Unit{"GB", 1e9},
        Unit{"B", 1.0}};
    std::string_view s = trim(text);
    double factor = 1;
    for (const auto& u : units) {
        if (s.ends_with(u.name)) {
            factor = u.bytes;
            s = trim(s.substr(0, s.size() - u.name.size()));
            break;
        }
    }
    double value = 0;
    if (!take_decimal(s, value) || !s.empty() || value * factor > 1e15) {
        return fail(
            ErrorKind::config,
            fmt::format("'{}' is not a size; write bytes or units, such as 512, 64KB or 10MiB",
                        text));
    }
    return static_cast<std::uint64_t>(std::llround(value * factor));
}

std::string format_duration(Nanos d) {
    const std::int64_t ns = d.count();
    if (ns == 0) return "0s";
    if (ns % 1'000 != 0) return fmt::format("{}ns", ns);
    if (ns % 1'000'000 != 0) return fmt::format("{}us", ns / 1'000);
    if (ns % 1'000'000'000 != 0) {
        return ns < 1'000'000'000 ? fmt::format("{}ms", ns / 1'000'000)
                                  : fmt::format("{}s", static_cast<double>(ns) / 1e9);
    }
    std::int64_t seconds = ns / 1'000'000'000;
    std::string out;
    if (seconds >= 3600) out += fmt::format("{}h", seconds / 3600);
    seconds %= 3600;
    if (seconds >= 60) out += fmt::format("{}m", seconds / 60);
    seconds %= 60;
    if (seconds > 0) out += fmt::format("{}s", seconds);
    return out;
}

}  // namespace squadload
