// The file's part of a Config. Internal to this room.
#pragma once

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
    std::optional<SourceMark> host_mark, redis_mark, postgres_mark;
    std::vector<SourceMark> url_marks;  // of each provider's base_url
};

// Problems go into `problems`; what is there then is harmless, but means nothing.
[[nodiscard]] FileConfig read_config(const yaml::Document& document, yaml::Problems& problems);

// Providers, in file order, with what holds for all of them filled in.
[[nodiscard]] std::vector<ProviderConfig> read_providers(const yaml::Map& file,
                                                         std::vector<SourceMark>& url_marks);

}  // namespace squadload::squad_api
