// The header fields of one message, in the order they came. Names compare without regard to case
// (RFC 9110 §5.1). All text lies in one string: a message costs two allocations, not two per field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squadload::service {

// ASCII only, as header names, methods and schemes are.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

// A value: copied and moved like a string. Views it gives are valid until it is next changed.
class Headers {
  public:
    struct Field {
        std::string_view name;
        std::string_view value;
    };

    Headers() = default;
    Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

    // The first field of that name.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    // The same, empty without the field.
    [[nodiscard]] std::string_view get(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
    [[nodiscard]] std::size_t count(std::string_view name) const;

    // Another field, also when there is one of that name. What could break a message's framing is
    // dealt with when it is sent: see Reply and ClientRequest.
    void add(std::string_view name, std::string_view value);
    void set(std::string_view name, std::string_view value);  // the only field of that name
    void remove(std::string_view name);                       // all of that name
    void clear();                                             // keeps the memory

    [[nodiscard]] std::size_t size() const { return places_.size(); }
    [[nodiscard]] bool empty() const { return places_.empty(); }
    [[nodiscard]] Field operator[](std::size_t index) const;  // index < size()

    class Iterator {
      public:
        Iterator(const Headers* headers, std::size_t index) : headers_(headers), index_(index) {}
        Field operator*() const { return (*headers_)[index_]; }
        Iterator& operator++() {
            ++index_;
            return *this;
        }
        friend bool operator==(const Iterator&, const Iterator&) = default;

      private:
        const Headers* headers_;
        std::size_t index_;
    };
    [[nodiscard]] Iterator begin() const { return {this, 0}; }
    [[nodiscard]] Iterator end() const { return {this, size()}; }

  private:
    struct Place {  // in text_: the name, then the value
        std::uint32_t start;
        std::uint32_t name_length;
        std::uint32_t value_length;
    };

    std::string text_;
    std::vector<Place> places_;
};

}  // namespace squadload::service
