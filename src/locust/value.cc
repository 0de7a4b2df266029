#include "locust/value.h"

#include <limits>

namespace squadload::locust {

Value::Value(std::uint64_t v) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (v <= most)
        kind_ = static_cast<std::int64_t>(v);
    else
        kind_ = v;
}

bool Value::is_integer() const {
    return std::holds_alternative<std::int64_t>(kind_) ||
           std::holds_alternative<std::uint64_t>(kind_);
}

double Value::number() const {
    if (const auto* v = std::get_if<double>(&kind_)) return *v;
    if (const auto* v = std::get_if<std::int64_t>(&kind_)) return static_cast<double>(*v);
    if (const auto* v = std::get_if<std::uint64_t>(&kind_)) return static_cast<double>(*v);
    return 0;
}

const Value* Value::find(std::string_view key) const {
    const Map* members = map();
    if (members == nullptr) return nullptr;
    for (const auto& [name, value] : *members) {
        const std::string* text = name.text();
        if (text != nullptr && *text == key) return &value;
    }
    return nullptr;
}

bool operator==(const Value& a, const Value& b) {
    return a.kind_ == b.kind_;
}

}  // namespace squadload::locust
