#include "load/scenario/json_body.h"

#include <array>
#include <vector>

namespace squadload::scenario {
namespace {

using yaml::Value;

bool is_bare(const Value& value) {
    const yaml::Node& node = value.node();
    return !node.quoted &&
           (node.text == "true" || node.text == "false" || is_json_number(node.text));
}

void refuse_other_booleans(const Value& value) {
    constexpr std::array<std::string_view, 4> kOthers{"True", "TRUE", "False", "FALSE"};
    for (const std::string_view other : kOthers) {
        if (value.node().quoted || value.node().text != other) continue;
        value.fail("write true or false for a boolean, or put the text in quotes");
    }
}

// Walks a value and hands on pieces of JSON: texts as they stand, and the scalars that become
// strings.
template <class Text, class String>
void walk(const Value& value, const Text& text, const String& string) {
    if (value.is_null()) {
        text("null");
    } else if (value.is_scalar()) {
        refuse_other_booleans(value);
        if (is_bare(value))
            text(value.node().text);
        else
            string(value);
    } else if (value.is_list()) {
        std::string_view separator = "[";
        for (const Value& item : value.items()) {
            text(separator);
            walk(item, text, string);
            separator = ",";
        }
        text(separator == "[" ? "[]" : "]");
    } else {
        std::string_view separator = "{";
        for (const auto& [name, key_mark, member] : value.entries()) {
            text(separator);
            text(escaped(name, Escape::json_value));
            text(":");
            walk(member, text, string);
            separator = ",";
        }
        text(separator == "{" ? "{}" : "}");
    }
}

}  // namespace

std::string json_text(const Value& value) {
    std::string out;
    walk(
        value, [&](std::string_view text) { out += text; },
        [&](const Value& scalar) { append_escaped(scalar.node().text, Escape::json_value, out); });
    return out;
}

Template json_template(const Value& value, const ReadContext& context) {
    std::vector<Template> pieces;
    walk(
        value,
        [&](std::string_view text) { pieces.push_back(Template::constant(std::string(text))); },
        [&](const Value& scalar) {
            pieces.push_back(compile_at(scalar, Escape::json_value, context));
        });
    return Template::concat(pieces, json_text(value));
}

}  // namespace squadload::scenario
