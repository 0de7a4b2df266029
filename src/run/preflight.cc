#include "run/preflight.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>

#include "load/http/url.h"
#include "load/scenario/ip_block.h"
#include "load/transport/socket.h"

namespace squadload::run {
namespace {

constexpr auto kProbeWithoutTimeout =
    std::chrono::seconds{5};  // when the scenario sets no connect timeout

std::int64_t probe_timeout_ms(const scenario::Timeouts& timeouts) {
    const Nanos limit = timeouts.connect > Nanos{} ? timeouts.connect : Nanos{kProbeWithoutTimeout};
    return std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
}

tl::unexpected<Error> fail_at_host(const scenario::Target& target, std::string message) {
    if (target.host_mark.file.empty()) return fail(ErrorKind::config, std::move(message));
    return fail_at(target.host_mark, std::move(message));
}

constexpr std::string_view kSources = "target.source_addresses: ";
constexpr const char* kRedirects = "target.redirects.hosts: ";

// Every address of the blocks, each once.
Result<std::vector<transport::Address>> expand_sources(const scenario::Target& target) {
    std::vector<transport::Address> sources;
    std::set<std::string> seen;
    for (const std::string& entry : target.source_addresses) {
        const auto block = scenario::ip_block(entry);
        if (!block) return fail(ErrorKind::config, std::string(kSources) + block.error().message);
        for (const std::string& ip : *block) {
            if (!seen.insert(ip).second) continue;
            const auto address = transport::Address::parse(ip, 0);
            if (!address) return tl::unexpected(address.error());
            sources.push_back(*address);
        }
    }
    return sources;
}

Result<void> check_sources(const std::vector<transport::Address>& sources, const Network& network) {
    for (const auto& source : sources) {
        if (source.family() != sources.front().family()) {
            return fail(
                ErrorKind::config,
                fmt::format("{}{} and {} are of different families; a run uses IPv4 or IPv6",
                            kSources, sources.front().ip(), source.ip()));
        }
        const int error = network.try_source(source);
        if (error == 0) continue;
        const std::string why = error == EADDRNOTAVAIL ? "it is not an address of this machine"
                                                       : transport::error_words(error);
        return fail(ErrorKind::config,
                    fmt::format("{}cannot connect from {}: {}", kSources, source.ip(), why));
    }
    return {};
}

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

// No network.
Result<std::vector<http::Url>> redirect_urls(const scenario::RedirectSettings& redirects) {
    std::vector<http::Url> urls;
    for (const std::string& text : redirects.hosts) {
        auto url = http::parse_url(text);
        if (!url) return fail(ErrorKind::config, kRedirects + url.error().message);
        if (!url->path.empty() && url->path != "/") {
            return fail(ErrorKind::config,
                        fmt::format("{}\"{}\" has a path; a whole origin is allowed, such as "
                                    "https://login.example.com",
                                    kRedirects, text));
        }
        urls.push_back(*std::move(url));
    }
    return urls;
}

// An address of the URL's host that accepts connections.
Result<transport::Address> reach(const std::string& host, std::uint16_t port,
                                 const std::vector<transport::Address>& sources,
                                 const scenario::Timeouts& timeouts, const Network& network) {
    auto addresses = network.resolve(host, port);
    if (!addresses) return tl::unexpected(addresses.error());
    addresses = of_same_family(std::move(*addresses), sources);
    if (!addresses) return tl::unexpected(addresses.error());
    return network.probe(*addresses, probe_timeout_ms(timeouts));
}

Result<std::vector<engine::Origin>> redirect_origins(const scenario::Target& target,
                                                     const std::vector<transport::Address>& sources,
                                                     const Network& network) {
    const auto urls = redirect_urls(target.redirects);
    if (!urls) return tl::unexpected(urls.error());
    std::vector<engine::Origin> origins;
    for (const http::Url& url : *urls) {
        const auto address = reach(url.host, url.port, sources, target.timeouts, network);
        if (!address)
            return fail(address.error().kind, std::string(kRedirects) + address.error().message);
        origins.push_back({url.scheme == "https", url.host, *address, url.authority()});
    }
    return origins;
}

}  // namespace

Network system_network() {
    return {transport::resolve, transport::probe, transport::try_source};
}

Result<TargetUrl> target_url(const scenario::Target& target) {
    if (target.host.empty()) {
        return fail(ErrorKind::config,
                    "no target: give its URL with --host, SQUADLOAD_HOST, LOCUST_HOST, target.host "
                    "in the file or its "
                    "stage, or as in: squadload run http://host/path -r 50 -t 30s");
    }
    const auto url = http::parse_url(target.host);
    if (!url) return fail_at_host(target, url.error().message);
    if (url->scheme == "https") {
        return fail_at_host(
            target,
            fmt::format("{}: https:// targets are not supported yet; use http://", target.host));
    }
    if (url->path.find('?') != std::string::npos) {
        return fail_at_host(
            target, fmt::format("{}: a target has no query; tasks add theirs", target.host));
    }
    if (const auto others = redirect_urls(target.redirects); !others)
        return tl::unexpected(others.error());
    std::string base_path = url->path;
    while (!base_path.empty() && base_path.back() == '/') base_path.pop_back();
    return TargetUrl{url->host, url->port, url->authority(), std::move(base_path)};
}

Result<engine::Plan> preflight(scenario::Scenario scenario, const ProcessLimits& limits,
                               const Network& network) {
    const auto url = target_url(scenario.target);
    if (!url) return tl::unexpected(url.error());
    auto sources = expand_sources(scenario.target);
    if (!sources) return tl::unexpected(sources.error());
    if (auto good = check_sources(*sources, network); !good) return tl::unexpected(good.error());
    if (auto fits = fit_connections(scenario, limits, sources->size()); !fits)
        return tl::unexpected(fits.error());
    const auto address = reach(url->host, url->port, *sources, scenario.target.timeouts, network);
    if (!address) return tl::unexpected(address.error());
    auto others = redirect_origins(scenario.target, *sources, network);
    if (!others) return tl::unexpected(others.error());
    return engine::Plan{std::move(scenario),
                        engine::Origin{false, url->host, *address, url->authority}, url->base_path,
                        std::move(*sources), std::move(*others)};
}

}  // namespace squadload::run
