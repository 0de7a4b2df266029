// The file's part of a Config. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "target/squad_api/config.h"
#include "yaml/document.h"
#include "yaml/value.h"

namespace squadload::squad_api {

// What a file says, with the places that later checks point at.
struct FileConfig {
    Config config;
    std::string api_keys_env = "SQUAD_API_KEYS";
    std::optional<SourceMark> host_mark;
};

// The name of an environment variable, as POSIX shells take it. Anything else is a mistake, most
// likely the secret itself, and is not repeated.
[[nodiscard]] std::string read_variable_name(const yaml::Value& value);

// "there is no provider 'grok': did you mean 'groq'?"
[[nodiscard]] std::string unknown_provider(const std::string& name,
                                           const std::vector<std::string>& known);

// Problems go into `problems`; what is there then is harmless, but means nothing.
[[nodiscard]] FileConfig read_config(const yaml::Document& document, yaml::Problems& problems);

// Providers, in file order, with what holds for all of them filled in.
[[nodiscard]] std::vector<ProviderConfig> read_providers(const yaml::Map& file);

}  // namespace squadload::squad_api
