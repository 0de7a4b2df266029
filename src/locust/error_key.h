// The key under which a master gathers equal errors (locust/stats.py, StatsError.create_key). Pure.
#pragma once

#include <string>
#include <string_view>

namespace squadload::locust {

// Lowercase hex SHA-256 of `method.name.repr(error)`: a Python worker's rows of the same error and
// ours become one.
[[nodiscard]] std::string error_key(std::string_view method, std::string_view name,
                                    std::string_view error);

// As Python's repr() writes a str of valid UTF-8. Characters beyond ASCII are taken for printable.
[[nodiscard]] std::string python_repr(std::string_view text);

}  // namespace squadload::locust
