// A MessagePack value as Locust's messages are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace squadload::locust {

class Value;
using Array = std::vector<Value>;
using Map = std::vector<std::pair<Value, Value>>;  // in the order of the message; keys of any kind

// Bytes that are no text, and extensions; Locust sends neither, custom messages may.
struct Binary {
    std::string bytes;
    friend bool operator==(const Binary&, const Binary&) = default;
};

// Plain value.
class Value {
  public:
    // An integer is kept as int64, or as uint64 where it is too large for that.
    using Kind = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double,
                              std::string, Binary, Array, Map>;

    Value() = default;  // nil
    Value(bool v) : kind_(v) {}
    Value(int v) : kind_(std::int64_t{v}) {}
    Value(std::int64_t v) : kind_(v) {}
    Value(std::uint64_t v);
    Value(double v) : kind_(v) {}
    Value(std::string v) : kind_(std::move(v)) {}
    Value(std::string_view v) : kind_(std::string(v)) {}
    Value(const char* v) : kind_(std::string(v)) {}
    Value(Binary v) : kind_(std::move(v)) {}
    Value(Array v) : kind_(std::move(v)) {}
    Value(Map v) : kind_(std::move(v)) {}

    [[nodiscard]] const Kind& kind() const { return kind_; }
    [[nodiscard]] bool is_nil() const { return std::holds_alternative<std::monostate>(kind_); }
    [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&kind_); }
    [[nodiscard]] const Array* array() const { return std::get_if<Array>(&kind_); }
    [[nodiscard]] const Map* map() const { return std::get_if<Map>(&kind_); }
    [[nodiscard]] bool is_integer() const;
    [[nodiscard]] bool is_number() const { return is_integer() || is_double(); }
    [[nodiscard]] bool is_double() const { return std::holds_alternative<double>(kind_); }
    [[nodiscard]] double number() const;  // 0 where it is none
    // Of a map, by a key that is text; nullptr: no map, or no such key.
    [[nodiscard]] const Value* find(std::string_view key) const;

    friend bool operator==(const Value& a, const Value& b);

  private:
    Kind kind_;
};

}  // namespace squadload::locust
