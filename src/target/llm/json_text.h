// JSON written by hand, where a document is built per request. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace squadload::llm {

// In quotes, escaped as RFC 8259 §7 wants. Always valid UTF-8: bytes that are none become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

void append_number(std::string& out, std::uint64_t number);
void append_number(std::string& out, std::int64_t number);
void append_number(std::string& out, double number);  // shortest that reads back the same; finite

}  // namespace squadload::llm
