#include <fmt/core.h>

#include "base/units.h"
#include "load/scenario/json_body.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Value;

constexpr int kRateLimited = 429;

// Adds first … last, leaving out 429: a class of statuses never means it.
void add_range(int first, int last, std::vector<StatusRange>& ranges) {
    if (first <= kRateLimited && kRateLimited <= last) {
        if (first < kRateLimited) ranges.push_back({first, kRateLimited - 1});
        if (last > kRateLimited) ranges.push_back({kRateLimited + 1, last});
    } else {
        ranges.push_back({first, last});
    }
}

std::optional<int> status_code(std::string_view text) {
    const auto code = parse_integer(text);
    if (!code || *code < 200 || *code > 599) return std::nullopt;
    return static_cast<int>(*code);
}

// 200, 2xx or 200-204.
void read_status(const Value& value, std::vector<StatusRange>& ranges) {
    const std::string text = value.text();
    if (text.size() == 3 && text.ends_with("xx") && text[0] >= '2' && text[0] <= '5') {
        const int first = (text[0] - '0') * 100;
        return add_range(first, first + 99, ranges);
    }
    const std::size_t dash = text.find('-');
    const auto first = status_code(std::string_view(text).substr(0, dash));
    const auto last =
        dash == std::string::npos ? first : status_code(std::string_view(text).substr(dash + 1));
    if (!first || !last || *first > *last) {
        return value.fail(fmt::format(
            "expected a status from 200 to 599, a class such as 2xx or a range such as 200-204, "
            "not '{}'",
            text));
    }
    if (*first == kRateLimited && *last == kRateLimited) {
        return value.fail(
            "429 may not be expected: it is always counted as rate_limited, apart from success "
            "and failure");
    }
    add_range(*first, *last, ranges);
}

HeaderExpectation read_header(const Value::Named& entry) {
    HeaderExpectation header;
    header.name = entry.name;
    if (entry.value.is_map()) {
        const Map map = entry.value.map({"contains", "equals"});
        if (const auto contains = map.get("contains")) header.contains = contains->text();
        if (const auto equals = map.get("equals")) header.equals = equals->text();
    } else if (entry.value.node().quoted || entry.value.node().text != "true") {
        header.equals = entry.value.text();
    }
    return header;
}

JsonExpectation read_json(const Value::Named& entry) {
    JsonExpectation json;
    json.pointer = entry.name;
    const Value& value = entry.value;
    if (!is_json_pointer(entry.name)) {
        value.problems().add(
            entry.key_mark,
            fmt::format("{}: expected a JSON pointer such as /choices/0/text, not '{}'",
                        value.path(), entry.name));
    }
    const bool exists = value.is_scalar() && !value.node().quoted && value.node().text == "exists";
    if (!exists) json.equals = json_text(value);
    return json;
}

}  // namespace

bool is_json_pointer(std::string_view text) {
    if (!text.empty() && text.front() != '/') return false;
    for (std::size_t i = text.find('~'); i != std::string_view::npos; i = text.find('~', i + 1)) {
        if (i + 1 >= text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
    }
    return true;
}

Expectation read_expect(const Value& value) {
    Expectation expect;
    const Map map = value.map({"status", "headers", "body_contains", "json", "max_time"});
    if (const auto status = map.get("status")) {
        expect.status.clear();
        for (const Value& item : status->items_or_one()) read_status(item, expect.status);
        if (status->is_list() && status->items().empty()) status->fail("the list is empty");
    }
    if (const auto headers = map.get("headers")) {
        for (const auto& entry : headers->entries()) expect.headers.push_back(read_header(entry));
    }
    if (const auto body = map.get("body_contains")) {
        for (const Value& item : body->items_or_one()) expect.body_contains.push_back(item.text());
    }
    if (const auto json = map.get("json")) {
        for (const auto& entry : json->entries()) expect.json.push_back(read_json(entry));
    }
    if (const auto max_time = map.get("max_time")) expect.max_time = max_time->duration(Nanos{1});
    return expect;
}

}  // namespace squadload::scenario
