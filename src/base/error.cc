#include "base/error.h"

#include <fmt/core.h>

namespace squadload {

std::string Error::text() const {
    if (!mark) return message;
    if (mark->line == 0) return fmt::format("{}: {}", mark->file, message);
    return fmt::format("{}:{}:{}: {}", mark->file, mark->line, mark->column, message);
}

tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
    return tl::unexpected(Error{kind, std::move(message), std::nullopt});
}

tl::unexpected<Error> fail_at(SourceMark mark, std::string message) {
    return tl::unexpected(Error{ErrorKind::config, std::move(message), std::move(mark)});
}

}  // namespace squadload
