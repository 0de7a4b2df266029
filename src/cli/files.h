// Files that a user names: to read, or to write where there is none yet.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"

namespace squadload::cli {

// Creates the folder, too. Error kind io: the path and the reason; an existing file is left as it
// is.
[[nodiscard]] Result<void> write_new_file(const std::string& path, std::string_view text);

// To read it. Error kind io: a folder, or a file that cannot be read, with the reason.
[[nodiscard]] Result<std::ifstream> open_file(const std::string& path);

}  // namespace squadload::cli
