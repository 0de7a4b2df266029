// The header fields of one response, kept in two flat buffers that are reused from exchange to
// exchange.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace squadload::http {

class KeptHeaders {
  public:
    void clear();
    // Text comes in pieces of any size; a name piece after a value piece starts the next field.
    void append_name(std::string_view piece);
    void append_value(std::string_view piece);
    void end_field();  // trims the value

    // The nth field (from 0) of that name, names compared without case; nullptr data when there is
    // none. Asking for one after the other is linear in all: a target may send thousands.
    [[nodiscard]] std::string_view find(std::string_view name, std::size_t nth) const;

  private:
    struct Field {
        std::size_t begin = 0;  // into text_: name, then value
        std::size_t name_size = 0;
        std::size_t value_size = 0;
    };
    struct Found {
        std::size_t index = 0;  // into fields_: the nth of its name
        std::size_t nth = 0;
    };
    [[nodiscard]] Field& open_field();
    [[nodiscard]] bool is_named(const Field& field, std::string_view name) const;

    std::string text_;
    std::vector<Field> fields_;
    bool open_ = false;
    mutable Found last_;  // where find() goes on
};

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);  // ASCII

}  // namespace squadload::http
