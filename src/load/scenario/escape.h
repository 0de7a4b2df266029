// Writing a value where it stands: JSON strings (RFC 8259), URL paths and queries (RFC 3986),
// header values (RFC 9110).
#pragma once

#include <string>
#include <string_view>

namespace squadload::scenario {

// How a value is written where it stands.
enum class Escape {
    none,
    json_string,  // inside a JSON string; bytes that are not UTF-8 become U+FFFD
    json_value,   // a whole JSON value: the text becomes a quoted string, unless it is one
                  // expression `| number`
    url_path,     // a path segment: everything but unreserved characters is percent-encoded
    url_query,    // a name or value of the query, likewise
    header,       // control characters, which could end the line, become spaces
};

// Appends `value` escaped. json_value writes the quotes too.
void append_escaped(std::string_view value, Escape escape, std::string& out);
[[nodiscard]] std::string escaped(std::string_view value, Escape escape);

// Percent-encodes what may not stand in a path with a query as written by a person: spaces,
// controls, non-ASCII, quotes. Leaves "/", "?", "%41" and the like alone.
[[nodiscard]] std::string encode_written_path(std::string_view path);

// A number in the grammar of RFC 8259 §6: no leading zeros, no "+", no hexadecimal.
[[nodiscard]] bool is_json_number(std::string_view text);

}  // namespace squadload::scenario
