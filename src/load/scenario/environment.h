// Where environment variables come from; injected so that tests need no real environment.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace squadload::scenario {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment process_environment();

}  // namespace squadload::scenario
