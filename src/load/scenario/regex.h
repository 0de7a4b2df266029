// A regular expression over text that a network sent. RE2 syntax; matching is linear in the text,
// whatever the expression, which std::regex does not promise.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace squadload::scenario {

// Immutable; find() may be called from any thread. Copies share the compiled expression.
class Regex {
  public:
    // Errors (kind config): a sentence with what RE2 says is wrong; expressions that need more than
    // 1 MiB are too large.
    [[nodiscard]] static Result<Regex> compile(std::string_view expression);

    // The first match: its first group, or the whole match when the expression has no group.
    // nullopt: no match, or one in which the first group took no part. Points into `text`. Bytes
    // that are not UTF-8 match nothing, not even ".".
    [[nodiscard]] std::optional<std::string_view> find(std::string_view text) const;

  private:
    struct Compiled;
    explicit Regex(std::shared_ptr<const Compiled> compiled);

    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace squadload::scenario
