#include "load/engine/origin.h"

#include <fmt/format.h>

namespace squadload::engine {

void set_proxy_forms(Origin& origin, std::uint16_t port) {
    origin.tunnel.clear();
    origin.absolute_form.clear();
    if (origin.proxy.empty()) return;
    if (!origin.tls) {
        origin.absolute_form = "http://" + origin.authority;
        return;
    }
    const bool ipv6 = origin.host.find(':') != std::string::npos;
    const auto target =
        fmt::format("{}{}{}:{}", ipv6 ? "[" : "", origin.host, ipv6 ? "]" : "", port);
    origin.tunnel = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", target);
    if (!origin.proxy_authorization.empty())
        origin.tunnel += fmt::format("Proxy-Authorization: {}\r\n", origin.proxy_authorization);
    origin.tunnel += "\r\n";
}

}  // namespace squadload::engine
