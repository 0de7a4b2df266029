// The environment variables squadload knows, so that a mistyped one does not pass unseen.
#pragma once

#include <string>
#include <vector>

namespace squadload::cli {

// One sentence for every name that starts with SQUADLOAD_ and is none of ours.
[[nodiscard]] std::vector<std::string> unknown_variables(const std::vector<std::string>& names);

// The names set in this process.
[[nodiscard]] std::vector<std::string> variables_set();

}  // namespace squadload::cli
