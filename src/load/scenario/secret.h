// Which header fields carry what nobody else may see.
#pragma once

#include <string_view>

namespace squadload::scenario {

// Authorization, cookies, keys, tokens and the like, by the name of the field. They are masked
// where settings are shown, and are not sent to another host than the target's.
[[nodiscard]] bool names_secret(std::string_view header);

}  // namespace squadload::scenario
