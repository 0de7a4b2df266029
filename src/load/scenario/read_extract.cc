#include <fmt/core.h>

#include <algorithm>

#include "load/scenario/class_reader.h"
#include "load/scenario/regex.h"

namespace squadload::scenario {
namespace {

using yaml::Map;
using yaml::Node;
using yaml::Value;
using Names = std::vector<std::string>;

constexpr std::size_t kMaxAllVariables = 65'535;  // over all classes: what an index can count

constexpr std::string_view kOneSource =
    "expected exactly one of json, header and regex, such as {json: /token}";

const Node* child(const Node& map, std::string_view key) {
    for (const yaml::Entry& entry : map.entries) {
        if (entry.key.text == key) return &entry.value;
    }
    return nullptr;
}

void add_name(const std::string& name, Names& names) {
    const bool known = std::find(names.begin(), names.end(), name) != names.end();
    if (!known && names.size() <= kMaxVariables) names.push_back(name);
}

void add_request(const Node& request, Names& names) {
    const Node* extract = child(request, "extract");
    if (extract == nullptr) return;
    for (const yaml::Entry& entry : extract->entries) add_name(entry.key.text, names);
}

// A list of steps, or a map of names.
void add_steps(const Node* steps, Names& names) {
    if (steps == nullptr) return;
    for (const Node& step : steps->items) add_request(step, names);
    for (const yaml::Entry& step : steps->entries) add_request(step.value, names);
}

void add_task(const Node& task, Names& names) {
    add_request(task, names);
    add_steps(child(task, "steps"), names);
}

bool is_variable_name(std::string_view text) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !text.empty() && letter(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void read_source(const Map& map, Extraction& extraction) {
    if (const auto json = map.get("json")) {
        extraction.from = Extraction::From::json;
        extraction.what = json->text();
        if (!is_json_pointer(extraction.what)) {
            json->fail(fmt::format("expected a JSON pointer such as /choices/0/text, not '{}'",
                                   extraction.what));
        }
    } else if (const auto header = map.get("header")) {
        extraction.from = Extraction::From::header;
        extraction.what = header->text();
        if (!is_token(extraction.what)) {
            header->fail(fmt::format("'{}' is not a header name", extraction.what));
        }
    } else if (const auto regex = map.get("regex")) {
        extraction.from = Extraction::From::regex;
        extraction.what = regex->text();
        auto compiled = Regex::compile(extraction.what);
        if (!compiled) return regex->fail(compiled.error().message);
        extraction.regex = std::make_shared<const Regex>(std::move(*compiled));
    }
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view unquoted(std::string_view text) {
    const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                        (text.front() == '"' || text.front() == '\'');
    return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

Names variables_of_task(const Node& task) {
    Names names;
    add_task(task, names);
    return names;
}

Names variables_of_steps(const Node& steps) {
    Names names;
    add_steps(&steps, names);
    return names;
}

Names variables_of_class(const Node& user_class) {
    Names names;
    add_steps(child(user_class, "on_start"), names);
    if (const Node* tasks = child(user_class, "tasks"); tasks != nullptr) {
        for (const Node& task : tasks->items) add_task(task, names);
        for (const yaml::Entry& task : tasks->entries) add_task(task.value, names);
    }
    add_steps(child(user_class, "on_stop"), names);
    return names;
}

Names variables_of_users(const Node& users) {
    std::set<std::string> names;
    for (const yaml::Entry& user : users.entries) {
        for (std::string& name : variables_of_class(user.value)) {
            if (names.size() < kMaxAllVariables) names.insert(std::move(name));
        }
    }
    return {names.begin(), names.end()};
}

std::vector<Extraction> read_extract(const Value& value, const ClassScope& scope) {
    std::vector<Extraction> all;
    if (!value.is_map() && !value.is_null()) {
        value.fail("expected variables and where they come from, such as {token: {json: /token}}");
        return all;
    }
    for (const auto& entry : value.entries()) {
        Extraction extraction;
        const auto variable = find_variable(entry.name, scope.context.variables);
        if (!is_variable_name(entry.name) || !variable) {
            value.problems().add(
                entry.key_mark, fmt::format("{}: a variable is named with letters, digits and '_', "
                                            "and does not begin with a digit",
                                            entry.value.path()));
            continue;
        }
        extraction.variable = *variable;
        if (!entry.value.is_map()) {
            entry.value.fail(kOneSource);
            continue;
        }
        const Map map = entry.value.map({"json", "header", "regex", "default"});
        if (map.has("json") + map.has("header") + map.has("regex") != 1) {
            entry.value.fail(kOneSource);
        }
        read_source(map, extraction);
        if (const auto v = map.get("default")) {
            extraction.fallback = v->text();
            if (extraction.fallback->size() > kMaxVariableBytes)
                v->fail("a variable holds at most 64 KiB");
        }
        all.push_back(std::move(extraction));
    }
    return all;
}

std::optional<Condition> read_condition(const Value& value, const ClassScope& scope) {
    const std::string written = value.text();
    std::string_view text = trimmed(written);
    Condition condition;
    const std::size_t sign = text.find_first_of("=!", 1);
    if (text.starts_with('!')) {
        condition.is = Condition::Is::unset;
        text = trimmed(text.substr(1));
    } else if (sign < text.size() && text.substr(sign + 1).starts_with('=')) {
        condition.is = text[sign] == '=' ? Condition::Is::equal : Condition::Is::different;
        const std::string_view right = trimmed(text.substr(sign + 2));
        condition.text = unquoted(right);
        text = right.empty() ? "" : trimmed(text.substr(0, sign));
    }
    if (!is_variable_name(text)) {
        value.fail(
            fmt::format("expected job, \"!job\", job == text or job != text with a variable "
                        "in place of job, not '{}'",
                        written));
        return std::nullopt;
    }
    const auto variable = find_variable(text, scope.context.variables);
    if (!variable) {
        value.fail(variable.error());
        return std::nullopt;
    }
    condition.variable = *variable;
    return condition;
}

}  // namespace squadload::scenario
