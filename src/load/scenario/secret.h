// Which header fields, and which members of JSON bodies and queries, carry what nobody else may
// see.
#pragma once

#include <string_view>

namespace squadload::scenario {

// Authorization, cookies, keys, tokens and the like, by the name of the field. They are masked
// where settings are shown, and are not sent to another host than the target's.
[[nodiscard]] bool names_secret(std::string_view header);
// Passwords, secrets, API keys and tokens, by the name of a JSON member or query parameter. Closer
// than for headers: "max_tokens", "keywords" and "author" are none.
[[nodiscard]] bool names_secret_field(std::string_view name);

}  // namespace squadload::scenario
