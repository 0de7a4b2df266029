// Writing a file that must not exist yet.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace squadload::cli {

// Creates the folder, too. Error kind io: the path and the reason; an existing file is left as it
// is.
[[nodiscard]] Result<void> write_new_file(const std::string& path, std::string_view text);

}  // namespace squadload::cli
