#include "target/llm/go_duration.h"

#include <array>
#include <chrono>

#include "target/llm/decimal.h"
#include "target/llm/json_text.h"

namespace squadload::llm {
namespace {

struct Unit {
    std::string_view name;
    Nanos length;
};
// A name that begins another one stands after it.
constexpr std::array kUnits{
    Unit{"ns", Nanos{1}},
    Unit{"us", std::chrono::microseconds{1}},
    Unit{"\xc2\xb5s", std::chrono::microseconds{1}},  // U+00B5, the micro sign
    Unit{"\xce\xbcs", std::chrono::microseconds{1}},  // U+03BC, the Greek letter
    Unit{"ms", std::chrono::milliseconds{1}},
    Unit{"s", std::chrono::seconds{1}},
    Unit{"m", std::chrono::minutes{1}},
    Unit{"h", std::chrono::hours{1}},
};

const Unit* unit_after_number(std::string_view text) {
    const std::size_t number = text.find_first_not_of("0123456789.");
    if (number == std::string_view::npos) return nullptr;
    text.remove_prefix(number);
    for (const Unit& unit : kUnits) {
        if (text.starts_with(unit.name)) return &unit;
    }
    return nullptr;
}

// `time` in that unit with up to `decimals` decimals, which make it exact.
void append_in(std::string& out, Nanos time, Nanos unit, int decimals) {
    append_number(out, time / unit);
    std::int64_t rest = (time % unit).count();
    if (rest == 0) return;
    out += '.';
    for (std::int64_t place = unit.count() / 10; decimals > 0 && rest > 0; --decimals) {
        out += static_cast<char>('0' + rest / place);
        rest %= place;
        place /= 10;
    }
}

}  // namespace

std::optional<Nanos> parse_go_duration(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text == "0") return Nanos{0};
    if (text.empty()) return std::nullopt;
    Nanos total{};
    while (!text.empty()) {
        const Unit* unit = unit_after_number(text);
        if (unit == nullptr) return std::nullopt;
        const auto part = take_decimal(text, unit->length);
        if (!part || *part > Nanos::max() - total || !text.starts_with(unit->name))
            return std::nullopt;
        total += *part;
        text.remove_prefix(unit->name.size());
    }
    return negative ? -total : total;
}

std::string format_go_duration(Nanos time) {
    using namespace std::chrono_literals;
    std::string out;
    if (time == Nanos::min()) return "-2562047h47m16.854775808s";  // has no positive counterpart
    if (time < 0ns) {
        out += '-';
        time = -time;
    }
    if (time == 0ns) return "0s";
    if (time < 1us) {
        append_number(out, time.count());
        return out += "ns";
    }
    if (time < 1ms) {
        append_in(out, time, 1us, 3);
        return out += "\xc2\xb5s";
    }
    if (time < 1s) {
        append_in(out, time, 1ms, 6);
        return out += "ms";
    }
    if (time >= 1h) {
        append_number(out, time / Nanos{1h});
        out += 'h';
    }
    if (time >= 1min) {
        append_number(out, time % Nanos{1h} / Nanos{1min});
        out += 'm';
    }
    append_in(out, time % Nanos{1min}, 1s, 9);
    return out += 's';
}

}  // namespace squadload::llm
