#include "target/llm/error_shape.h"

#include <algorithm>

namespace squadload::llm {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view text_of(JsonView value) {
    return value.text().value_or("");
}

void read_parts(JsonView from, ErrorShape& to) {
    to.error = from;
    to.message = text_of(from["message"]);
    to.code = text_of(from["code"]);
    to.type = text_of(from["type"]);
    to.status = text_of(from["status"]);
    to.number = from["code"].whole();
    to.raw = text_of(from["metadata"]["raw"]);
}

}  // namespace

ErrorShape error_shape(JsonView root) {
    ErrorShape shape;
    if (root.is_array()) root = root.front();
    const JsonView error = root["error"];
    if (error.is_object()) {
        read_parts(error, shape);
        shape.named = true;
    } else if (const auto text = error.text()) {
        shape.error = root;
        shape.message = *text;
        shape.named = true;
    } else if (root["message"].text()) {
        read_parts(root, shape);
    } else if (root["detail"].text()) {
        shape.error = root;
        shape.message = text_of(root["detail"]);
    }
    return shape;
}

bool contains_ignoring_case(std::string_view text, std::string_view lower_case_part) {
    const auto same = [](char a, char b) { return lower(a) == b; };
    return !std::ranges::search(text, lower_case_part, same).empty() || lower_case_part.empty();
}

}  // namespace squadload::llm
