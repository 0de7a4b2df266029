// Which proxy stands between us and the target, if any. Pure: no network, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "load/scenario/environment.h"
#include "load/scenario/scenario.h"

namespace squadload::run {

struct Proxy {
    std::string host;  // name or address, IPv6 without brackets
    std::uint16_t port = 80;
    std::string shown;          // its URL without password
    std::string source;         // "target.proxy", "--proxy", "https_proxy"
    std::string authorization;  // of its user info, as a Proxy-Authorization value; "": none
};

// target.proxy if it is set, and it applies whatever the target; "none" is none. Else the
// environment: http_proxy or https_proxy by the target's scheme, then all_proxy, in upper or lower
// case, unless no_proxy names the target. The rules are those of Go's httpproxy package; a target
// on loopback never goes through a proxy of the environment. Errors (kind config, naming the
// source): not a URL, or a proxy that is not reached by http://.
[[nodiscard]] Result<std::optional<Proxy>> choose_proxy(const scenario::Target& target, bool tls,
                                                        const std::string& host, std::uint16_t port,
                                                        const scenario::Environment& environment);

// Whether the list of NO_PROXY names the target: names with their subdomains, ".name" for the
// subdomains alone, addresses, CIDR blocks, each of the first three with an optional port; "*" is
// everything.
[[nodiscard]] bool in_no_proxy(const std::string& list, const std::string& host,
                               std::uint16_t port);

}  // namespace squadload::run
