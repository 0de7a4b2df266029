// Shell completion, made from the option table. Pure text.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace squadload::cli {

// The script for "bash", "zsh" or "fish"; "" for another shell.
[[nodiscard]] std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace squadload::cli
