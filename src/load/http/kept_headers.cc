#include "load/http/kept_headers.h"

#include <algorithm>

namespace squadload::http {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

void KeptHeaders::clear() {
    text_.clear();
    fields_.clear();
    open_ = false;
}

KeptHeaders::Field& KeptHeaders::open_field() {
    if (!open_) fields_.push_back({text_.size(), 0, 0});
    open_ = true;
    return fields_.back();
}

void KeptHeaders::append_name(std::string_view piece) {
    open_field().name_size += piece.size();
    text_.append(piece);
}

void KeptHeaders::append_value(std::string_view piece) {
    open_field().value_size += piece.size();
    text_.append(piece);
}

void KeptHeaders::end_field() {
    if (!open_) return;
    open_ = false;
    Field& field = fields_.back();
    while (field.value_size > 0 && is_space(text_.back())) {
        text_.pop_back();
        --field.value_size;
    }
}

std::string_view KeptHeaders::find(std::string_view name, std::size_t nth) const {
    const std::string_view text = text_;
    for (const Field& field : fields_) {
        if (!equal_ignoring_case(text.substr(field.begin, field.name_size), name)) continue;
        if (nth == 0) return text.substr(field.begin + field.name_size, field.value_size);
        --nth;
    }
    return {};
}

}  // namespace squadload::http
