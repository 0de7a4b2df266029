// Errors as values. Every failure a user can cause is an Error with a plain sentence, and where it
// stems from a file, the place. Expected failures of the *target* are data (measure::Outcome), not
// Errors.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace squadload {

// Decides the exit code (DESIGN: 2 usage and configuration, 3 unreachable, 70 internal).
enum class ErrorKind { usage, config, unreachable, resources, io, internal };

// A place in a text file; line and column count from 1.
struct SourceMark {
    std::string file;
    int line = 0;
    int column = 0;
};

struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string message;  // one plain sentence, no trailing newline
    std::optional<SourceMark> mark = std::nullopt;

    // "file:line:column: message", or the message alone.
    [[nodiscard]] std::string text() const;
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] tl::unexpected<Error> fail(ErrorKind kind, std::string message);
[[nodiscard]] tl::unexpected<Error> fail_at(SourceMark mark, std::string message);  // kind config

}  // namespace squadload
