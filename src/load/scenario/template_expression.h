// The grammar between "{{" and "}}": name(arguments) | filter, or a quoted text. Internal to
// load/scenario.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace squadload::scenario {

struct Argument {
    std::string text;
    bool quoted = false;
};

// An expression as written between the braces.
struct Expression {
    std::string function;  // empty: a quoted text, the only argument
    std::vector<Argument> arguments;
    std::string filter;  // empty: none
};

// Reads the expression that begins at `at`, behind "{{", and moves `at` behind its "}}". Errors:
// kind config, at `mark`.
[[nodiscard]] Result<Expression> read_expression(std::string_view text, std::size_t& at,
                                                 const SourceMark& mark);

}  // namespace squadload::scenario
