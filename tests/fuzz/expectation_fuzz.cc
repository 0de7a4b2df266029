// JSON expectations agree with another JSON reader about what is a document, what is there and what
// is equal. Input: a pointer, a newline, the wanted value ("" for none), a newline, the body.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "load/http/json_body.h"

namespace {

using nlohmann::json;
using squadload::scenario::JsonExpectation;

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

// Where the two readers differ: nesting, byte order marks, zero bytes (the end for nlohmann-json).
bool comparable(std::string_view body) {
    const auto opening = [](char c) { return c == '[' || c == '{'; };
    return std::ranges::count_if(body, opening) < 1000 && !body.starts_with("\xef\xbb\xbf") &&
           body.find('\0') == std::string_view::npos;
}

bool has_doubled_names(std::string_view text) {
    bool doubled = false;
    std::vector<std::vector<json>> open;
    const auto watch = [&](int, json::parse_event_t event, json& value) {
        if (event == json::parse_event_t::object_start) open.emplace_back();
        if (event == json::parse_event_t::object_end) open.pop_back();
        if (event == json::parse_event_t::key) {
            doubled = doubled || std::ranges::count(open.back(), value) > 0;
            open.back().push_back(value);
        }
        return true;
    };
    const json document = json::parse(text, watch, false);
    return doubled || document.is_discarded();
}

// Numbers of different kinds are compared exactly by us and as doubles there.
bool has_double(const json& value) {
    if (value.is_number_float()) return true;
    return value.is_structured() && std::ranges::any_of(value, has_double);
}

void check_lookup(const JsonExpectation& expected, const json& document,
                  const std::string& sentence) {
    const json* found = nullptr;
    try {
        const json::json_pointer pointer(expected.pointer);
        if (document.contains(pointer)) found = &document.at(pointer);
    } catch (const json::exception&) {
        found = nullptr;
    }
    SQUADLOAD_CHECK((found == nullptr) == sentence.ends_with(" missing"));
    if (found == nullptr || !expected.equals) return;
    const json wanted = json::parse(*expected.equals, nullptr, false);
    if (wanted.is_discarded() || has_double(wanted) || has_double(*found)) return;
    SQUADLOAD_CHECK((*found == wanted) == sentence.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    JsonExpectation expected;
    expected.pointer = take_line(text);
    if (const std::string_view wanted = take_line(text); !wanted.empty()) expected.equals = wanted;
    const std::string sentence = squadload::http::unmet_json({&expected, 1}, text);
    if (!comparable(text) || (expected.equals && !comparable(*expected.equals))) return 0;
    const json document = json::parse(text, nullptr, false);
    SQUADLOAD_CHECK(document.is_discarded() == sentence.starts_with("body is "));
    if (document.is_discarded() || has_doubled_names(text)) return 0;
    if (expected.equals && has_doubled_names(*expected.equals)) return 0;
    check_lookup(expected, document, sentence);
    return 0;
}
