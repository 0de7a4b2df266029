// Where environment variables come from; injected so that tests need no real environment.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace squadload::scenario {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment process_environment();

// The URL with *** for its password, as it may be shown.
[[nodiscard]] std::string masked_url(const std::string& url);

}  // namespace squadload::scenario
