// For this room's tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/llm/chat.h"
#include "target/llm/dialect.h"
#include "target/llm/wire.h"

namespace squadload::llm {

inline constexpr WallTime kNow{Nanos{1'795'575'600'250'000'000}};  // 2026-11-25T03:00:00.25Z

// Whether two JSON texts say the same, whatever the order of keys and the spelling of numbers.
[[nodiscard]] testing::AssertionResult same_json(std::string_view actual, std::string_view golden);
[[nodiscard]] bool is_json(std::string_view text);
[[nodiscard]] bool is_valid_utf8(std::string_view text);

// A header lookup over a map with lower-case names.
struct HeaderMap {
    std::map<std::string, std::string, std::less<>> fields;
    std::optional<std::string_view> operator()(std::string_view name) const;
};
[[nodiscard]] HeaderMap header_map(const Headers& headers);
[[nodiscard]] std::string header_value(const Headers& headers, std::string_view name);

[[nodiscard]] ChatRequest example_request();
[[nodiscard]] ChatReply example_reply();
// Every dialect, for loops with a trace.
#define SQUADLOAD_EACH_DIALECT(d)                                                               \
    for (const Dialect d : kDialects)                                                           \
        if (const testing::ScopedTrace trace(__FILE__, __LINE__, std::string(dialect_name(d))); \
            true)

// Bytes no provider should send: random ones, deep nesting, JSON of the wrong types.
[[nodiscard]] std::vector<std::string> hostile_texts();

}  // namespace squadload::llm
