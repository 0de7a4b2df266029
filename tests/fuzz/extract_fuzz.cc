// Values taken out of a body agree with another JSON reader, all of them or none. Input: a pointer,
// a newline, a regular expression ("" for none), a newline, the body.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "load/http/extract.h"

namespace {

using nlohmann::json;
using squadload::http::Extractor;
using squadload::http::ResponseParser;
using squadload::scenario::Extraction;
using squadload::scenario::Regex;
using squadload::scenario::Variable;

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

ResponseParser answer(std::string_view body) {
    ResponseParser parser;
    parser.start(false, true, true, {});
    const auto head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size());
    const std::string text = head + "\r\n\r\n" + std::string(body);
    SQUADLOAD_CHECK(parser.feed(text) == ResponseParser::Status::complete);
    return parser;
}

// What reads the same in both: see the expectation target.
bool comparable(const json& value) {
    if (value.is_number_float()) return false;
    return !value.is_structured() || value.empty();
}

void check_value(const std::string& pointer, std::string_view body, const Variable& value) {
    if (body.find('\0') != body.npos || body.starts_with("\xef\xbb\xbf")) return;
    bool doubled = false;
    std::vector<std::vector<json>> open;
    const auto watch = [&](int, json::parse_event_t event, json& key) {
        if (event == json::parse_event_t::object_start) open.emplace_back();
        if (event == json::parse_event_t::object_end) open.pop_back();
        if (event == json::parse_event_t::key) {
            doubled = doubled || std::ranges::count(open.back(), key) > 0;
            open.back().push_back(key);
        }
        return true;
    };
    const json document = json::parse(body, watch, false);
    SQUADLOAD_CHECK(!document.is_discarded());
    if (doubled) return;
    const json& found = document.at(json::json_pointer(pointer));
    SQUADLOAD_CHECK(!found.is_null());
    if (!comparable(found)) return;
    SQUADLOAD_CHECK(value.text == (found.is_string() ? found.get<std::string>() : found.dump()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string pointer(take_line(text));
    const std::string expression(take_line(text));
    std::vector<Extraction> what = {{0, Extraction::From::json, pointer, {}, nullptr}};
    if (auto regex = Regex::compile(expression); regex && !expression.empty()) {
        what.push_back({1, Extraction::From::regex, expression, "fallback",
                        std::make_shared<const Regex>(*std::move(regex))});
    }
    const std::vector<std::string> names = {"value", "match"};
    std::vector<Variable> variables(2);
    const std::string sentence = Extractor(what, names).extract(answer(text), variables);
    SQUADLOAD_CHECK(sentence.empty() == variables[0].set);
    SQUADLOAD_CHECK(variables[1].set == (variables[0].set && what.size() == 2));
    if (variables[1].set && variables[1].text != "fallback")
        SQUADLOAD_CHECK(text.find(variables[1].text) != text.npos);
    if (variables[0].set) check_value(pointer, text, variables[0]);
    return 0;
}
