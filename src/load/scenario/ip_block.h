// Blocks of IP addresses as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace squadload::scenario {

// More than any machine has.
inline constexpr std::size_t kMaxIpBlock = 65'536;

// The addresses of "127.0.0.2", "127.0.0.0/28", "::1" or "fd00::/120", numeric and in order. Of a
// block only those a host may have: not the first and last of IPv4 (network and broadcast, but for
// /31, RFC 3021, and /32), not the first of IPv6 (RFC 4291 §2.6.1, but for /127, RFC 6164, and
// /128). Error kind config: not an address or block, bits set behind the prefix, or more than
// kMaxIpBlock addresses.
[[nodiscard]] Result<std::vector<std::string>> ip_block(std::string_view text);

}  // namespace squadload::scenario
