#include "target/llm/instant.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

namespace squadload::llm {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kNanosPerMs = 1'000'000;

// Reads from the front of a text, piece by piece; one that does not fit makes the rest fail.
class Pieces {
  public:
    explicit Pieces(std::string_view text) : text_(text) {}

    void literal(std::string_view expected) {
        ok_ = ok_ && text_.starts_with(expected);
        if (ok_) text_.remove_prefix(expected.size());
    }
    int number(std::size_t digits) {
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            ok_ = ok_ && !text_.empty() && text_.front() >= '0' && text_.front() <= '9';
            if (!ok_) return 0;
            value = value * 10 + (text_.front() - '0');
            text_.remove_prefix(1);
        }
        return value;
    }
    // Two digits, or a blank and one (asctime).
    int padded_number() {
        if (!text_.starts_with(' ')) return number(2);
        text_.remove_prefix(1);
        return number(1);
    }
    unsigned month() {
        const auto* found = std::ranges::find(kMonths, text_.substr(0, 3));
        ok_ = ok_ && found != kMonths.end();
        if (!ok_) return 0;
        text_.remove_prefix(3);
        return static_cast<unsigned>(found - kMonths.begin()) + 1;
    }
    [[nodiscard]] bool done() const { return ok_ && text_.empty(); }

  private:
    std::string_view text_;
    bool ok_ = true;
};

struct Parts {
    int year = 0, day = 0, hour = 0, minute = 0, second = 0;
    unsigned month = 0;
};

void read_clock(Pieces& from, Parts& to) {
    to.hour = from.number(2);
    from.literal(":");
    to.minute = from.number(2);
    from.literal(":");
    to.second = from.number(2);
}

std::optional<WallTime> instant_of(const Parts& parts) {
    using namespace std::chrono;
    const year_month_day date{year{parts.year}, month{parts.month},
                              day{static_cast<unsigned>(parts.day)}};
    // A leap second is the second after it.
    if (!date.ok() || parts.year < 1970 || parts.year > 2199 || parts.hour > 23 ||
        parts.minute > 59 || parts.second > 60)
        return std::nullopt;
    return sys_days{date} + hours{parts.hour} + minutes{parts.minute} + seconds{parts.second};
}

int year_of(WallTime time) {
    using namespace std::chrono;
    return static_cast<int>(year_month_day{floor<days>(time)}.year());
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) {
    Parts parts;
    const std::size_t comma = text.find(',');
    const std::size_t day_name = std::min(comma, text.find(' '));
    if (day_name == std::string_view::npos || day_name < 3 || day_name > 9) return std::nullopt;
    Pieces from(text.substr(day_name));
    if (comma == std::string_view::npos) {  // Sun Nov  6 08:49:37 1994
        from.literal(" ");
        parts.month = from.month();
        from.literal(" ");
        parts.day = from.padded_number();
        from.literal(" ");
        read_clock(from, parts);
        from.literal(" ");
        parts.year = from.number(4);
    } else {  // Sun, 06 Nov 1994 08:49:37 GMT or Sunday, 06-Nov-94 08:49:37 GMT
        const bool obsolete = text.find('-') != std::string_view::npos;
        const std::string_view between = obsolete ? "-" : " ";
        from.literal(", ");
        parts.day = from.number(2);
        from.literal(between);
        parts.month = from.month();
        from.literal(between);
        parts.year = from.number(obsolete ? 2 : 4);
        if (obsolete) {
            const int this_year = year_of(now);
            parts.year += this_year / 100 * 100;
            if (parts.year > this_year + 50) parts.year -= 100;
        }
        from.literal(" ");
        read_clock(from, parts);
        from.literal(" GMT");
    }
    if (!from.done()) return std::nullopt;
    return instant_of(parts);
}

std::int64_t epoch_ms(WallTime time) {
    const std::int64_t nanos = time.time_since_epoch().count();
    return nanos / kNanosPerMs + (nanos % kNanosPerMs > 0 ? 1 : 0);
}

std::optional<WallTime> from_epoch_ms(std::int64_t milliseconds) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kNanosPerMs;
    if (milliseconds > kMost || milliseconds < -kMost) return std::nullopt;
    return WallTime{Nanos{milliseconds * kNanosPerMs}};
}

}  // namespace squadload::llm
