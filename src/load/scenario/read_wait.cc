#include <fmt/core.h>

#include <algorithm>

#include "base/units.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

// The numbers of a wait time, from "between(1, 3)" or {between: [1, 3]}.
struct WaitCall {
    std::string kind;
    std::vector<std::string> numbers;
};

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return "";
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

WaitCall split_call(std::string_view text) {
    WaitCall call;
    const std::size_t open = text.find('(');
    if (open == std::string_view::npos || !text.ends_with(')')) {
        call.kind = trimmed(text);
        return call;
    }
    call.kind = trimmed(text.substr(0, open));
    std::string_view rest = text.substr(open + 1, text.size() - open - 2);
    while (true) {
        const std::size_t comma = rest.find(',');
        call.numbers.emplace_back(trimmed(rest.substr(0, comma)));
        if (comma == std::string_view::npos) return call;
        rest.remove_prefix(comma + 1);
    }
}

WaitCall read_wait_call(const Value& value, std::initializer_list<std::string_view> kinds) {
    if (!value.is_map()) {
        const std::string text = value.text();
        if (parse_duration(text)) return WaitCall{"constant", {text}};
        return split_call(text);
    }
    const Map map = value.map(kinds);
    WaitCall call;
    for (const auto& entry : map.value().entries()) {
        if (!call.kind.empty()) entry.value.fail("there is one kind of wait time");
        call.kind = entry.name;
        for (const Value& item : entry.value.items_or_one()) call.numbers.push_back(item.text());
    }
    return call;
}

// What a call means; none when it means nothing.
std::optional<pacing::WaitTime> wait_time_of(const WaitCall& call) {
    using WaitKind = pacing::WaitTime::Kind;
    pacing::WaitTime wait;
    const auto seconds = [&](std::size_t i) { return parse_duration(call.numbers[i]); };
    if (call.kind == "none" && call.numbers.empty()) return wait;
    if ((call.kind == "constant" || call.kind == "constant_pacing") && call.numbers.size() == 1 &&
        seconds(0)) {
        wait.kind = call.kind == "constant" ? WaitKind::constant : WaitKind::constant_pacing;
        wait.low = *seconds(0);
        return wait;
    }
    if (call.kind == "between" && call.numbers.size() == 2 && seconds(0) && seconds(1)) {
        wait.kind = WaitKind::between;
        wait.low = *seconds(0);
        wait.high = *seconds(1);
        return wait;
    }
    if (call.kind == "constant_throughput" && call.numbers.size() == 1) {
        if (const auto per_s = parse_rate(call.numbers[0]); per_s && *per_s > 0) {
            wait.kind = WaitKind::constant_throughput;
            wait.per_s = *per_s;
            return wait;
        }
    }
    return std::nullopt;
}

pacing::WaitTime read_wait(const Value& value, std::initializer_list<std::string_view> kinds,
                           std::string_view expected) {
    const WaitCall call = read_wait_call(value, kinds);
    const auto wait = wait_time_of(call);
    const bool allowed = std::find(kinds.begin(), kinds.end(), call.kind) != kinds.end();
    if (!wait || (!allowed && call.kind != "none")) {
        value.fail(fmt::format("expected {}", expected));
        return {};
    }
    if (wait->low > wait->high && call.kind == "between") {
        value.fail("between takes the smaller number first");
    }
    return *wait;
}

}  // namespace

pacing::WaitTime read_wait_time(const Value& value) {
    return read_wait(value, {"constant", "between", "constant_pacing", "constant_throughput"},
                     "none, constant(2), between(1, 3), constant_pacing(2) (seconds) or "
                     "constant_throughput(0.5) (tasks per second and user)");
}

pacing::WaitTime read_think(const Value& value) {
    return read_wait(value, {"constant", "between"},
                     "none, constant(2), between(1, 3) (seconds) or a duration such as 500ms");
}

}  // namespace squadload::scenario
