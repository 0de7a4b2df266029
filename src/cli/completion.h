// The option table as shells want it: names of options, completion. Pure text.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace squadload::cli {

// The spellings of an app's options: "--users", "-u".
[[nodiscard]] std::vector<std::string> option_names(const CLI::App& app);

// The script for "bash", "zsh" or "fish"; "" for another shell.
[[nodiscard]] std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace squadload::cli
