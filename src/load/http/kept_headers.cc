#include "load/http/kept_headers.h"

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
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

void KeptHeaders::clear() {
    text_.clear();
    fields_.clear();
    open_ = false;
    last_ = {};
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

bool KeptHeaders::is_named(const Field& field, std::string_view name) const {
    return equal_ignoring_case(std::string_view(text_).substr(field.begin, field.name_size), name);
}

std::string_view KeptHeaders::find(std::string_view name, std::size_t nth) const {
    const bool goes_on =
        last_.index < fields_.size() && last_.nth <= nth && is_named(fields_[last_.index], name);
    Found here = goes_on ? last_ : Found{};
    for (; here.index < fields_.size(); ++here.index) {
        const Field& field = fields_[here.index];
        if (!is_named(field, name)) continue;
        if (here.nth == nth) {
            last_ = here;
            return std::string_view(text_).substr(field.begin + field.name_size, field.value_size);
        }
        ++here.nth;
    }
    return {};
}

}  // namespace squadload::http
