#include "target/service/headers.h"

#include <algorithm>

namespace squadload::service {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    return true;
}

Headers::Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    for (const auto& [name, value] : fields) add(name, value);
}

Headers::Field Headers::operator[](std::size_t index) const {
    const auto& place = places_[index];
    const std::string_view text = text_;
    return {text.substr(place.start, place.name_length),
            text.substr(place.start + place.name_length, place.value_length)};
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
    for (const auto& field : *this)
        if (equal_ignoring_case(field.name, name)) return field.value;
    return std::nullopt;
}

std::string_view Headers::get(std::string_view name) const {
    return find(name).value_or(std::string_view{});
}

std::size_t Headers::count(std::string_view name) const {
    std::size_t n = 0;
    for (const auto& field : *this) n += equal_ignoring_case(field.name, name) ? 1U : 0U;
    return n;
}

void Headers::add(std::string_view name, std::string_view value) {
    places_.push_back({static_cast<std::uint32_t>(text_.size()),
                       static_cast<std::uint32_t>(name.size()),
                       static_cast<std::uint32_t>(value.size())});
    text_.append(name).append(value);
}

void Headers::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

void Headers::remove(std::string_view name) {
    // The text stays: messages are short-lived, and views of other fields remain valid.
    std::erase_if(places_, [&](const Place& place) {
        return equal_ignoring_case(std::string_view(text_).substr(place.start, place.name_length),
                                   name);
    });
}

void Headers::clear() {
    text_.clear();
    places_.clear();
}

}  // namespace squadload::service
