#include "run/way.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

namespace squadload::run {
namespace {

constexpr auto kWithoutTimeout = std::chrono::seconds{5};

// Those that the sources can reach.
Result<std::vector<transport::Address>> of_same_family(
    std::vector<transport::Address> addresses, const std::vector<transport::Address>& sources) {
    if (sources.empty()) return addresses;
    const int family = sources.front().family();
    const std::string first = addresses.front().ip();
    std::erase_if(addresses, [&](const auto& address) { return address.family() != family; });
    if (!addresses.empty()) return addresses;
    return fail(ErrorKind::config,
                fmt::format("{}{} is an {} address, but the target's is {}", kSources,
                            sources.front().ip(), family == AF_INET ? "IPv4" : "IPv6", first));
}

// An address of the host that accepts connections.
Result<transport::Address> reach(const std::string& host, std::uint16_t port,
                                 const std::vector<transport::Address>& sources, Nanos limit,
                                 const Network& network) {
    auto addresses = network.resolve(host, port);
    if (!addresses) return tl::unexpected(addresses.error());
    addresses = of_same_family(std::move(*addresses), sources);
    if (!addresses) return tl::unexpected(addresses.error());
    return network.probe(*addresses,
                         std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
}

}  // namespace

Nanos connect_limit(const scenario::Timeouts& timeouts) {
    const Nanos limit = timeouts.connect > Nanos{} ? timeouts.connect : Nanos{kWithoutTimeout};
    return std::max<Nanos>(std::chrono::milliseconds{1}, limit);
}

Result<engine::Origin> find_way(const http::Url& url, const scenario::Target& target,
                                const std::vector<transport::Address>& sources,
                                const Network& network) {
    engine::Origin origin;
    origin.tls = url.scheme == "https";
    origin.host = url.host;
    origin.authority = url.authority();
    const auto proxy = choose_proxy(target, origin.tls, url.host, url.port, network.environment);
    if (!proxy) return tl::unexpected(proxy.error());
    std::string host = url.host;
    std::uint16_t port = url.port;
    if (*proxy) {
        origin.proxy = (*proxy)->shown;
        origin.proxy_authorization = (*proxy)->authorization;
        host = (*proxy)->host;
        port = (*proxy)->port;
    }
    set_proxy_forms(origin, url.port);
    const auto address = reach(host, port, sources, connect_limit(target.timeouts), network);
    if (!address) {
        Error error = address.error();
        if (*proxy) error.message = fmt::format("the proxy {}: {}", origin.proxy, error.message);
        return tl::unexpected(std::move(error));
    }
    origin.address = *address;
    return origin;
}

}  // namespace squadload::run
