// "Did you mean …": the nearest known name to a mistyped one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace squadload {

// The candidate with the smallest edit distance, if that is at most max(2, a third of the word);
// else "".
[[nodiscard]] std::string nearest_name(std::string_view word,
                                       std::span<const std::string_view> candidates);
[[nodiscard]] std::string nearest_name(std::string_view word,
                                       std::span<const std::string> candidates);

}  // namespace squadload
