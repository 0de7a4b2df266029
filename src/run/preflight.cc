#include "run/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string_view>

#include "load/http/tls_context.h"
#include "load/http/url.h"
#include "load/scenario/ip_block.h"
#include "load/transport/socket.h"
#include "run/open_once.h"
#include "run/way.h"

namespace squadload::run {
namespace {

tl::unexpected<Error> fail_at_host(const scenario::Target& target, std::string message) {
    if (target.host_mark.file.empty()) return fail(ErrorKind::config, std::move(message));
    return fail_at(target.host_mark, std::move(message));
}

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

Result<std::vector<engine::Origin>> redirect_origins(const scenario::Target& target,
                                                     const std::vector<transport::Address>& sources,
                                                     const Network& network) {
    const auto urls = redirect_urls(target.redirects);
    if (!urls) return tl::unexpected(urls.error());
    std::vector<engine::Origin> origins;
    for (const http::Url& url : *urls) {
        auto origin = find_way(url, target, sources, network);
        if (!origin)
            return fail(origin.error().kind, std::string(kRedirects) + origin.error().message);
        origins.push_back(*std::move(origin));
    }
    return origins;
}

// A TLS handshake with each origin that wants one, the way the run will make it.
Result<void> open_all(const engine::Plan& plan, const Network& network) {
    const Nanos limit = connect_limit(plan.scenario.target.timeouts);
    std::vector<const engine::Origin*> origins{&plan.origin};
    for (const auto& origin : plan.redirect_origins) origins.push_back(&origin);
    for (const auto* origin : origins) {
        if (!origin->tls) continue;
        if (auto opened = network.open_once(plan, *origin, limit); !opened) return opened;
    }
    return {};
}

}  // namespace

Network system_network() {
    return {transport::resolve, transport::probe, open_once, scenario::process_environment(),
            transport::try_source};
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
    if (url->path.find('?') != std::string::npos) {
        return fail_at_host(
            target, fmt::format("{}: a target has no query; tasks add theirs", target.host));
    }
    if (const auto others = redirect_urls(target.redirects); !others)
        return tl::unexpected(others.error());
    std::string base_path = url->path;
    while (!base_path.empty() && base_path.back() == '/') base_path.pop_back();
    return TargetUrl{*url, std::move(base_path)};
}

Result<void> check_tls(const scenario::Target& target, const TargetUrl& url) {
    const auto& others = target.redirects.hosts;
    const bool needed =
        url.url.scheme == "https" || std::ranges::any_of(others, [](const std::string& other) {
            return other.starts_with("https://");
        });
    if (!needed) return {};
    if (auto made = http::TlsContext::make(target.tls); !made) return tl::unexpected(made.error());
    return {};
}

Result<engine::Plan> preflight(scenario::Scenario scenario, const ProcessLimits& limits,
                               const Network& network) {
    const auto url = target_url(scenario.target);
    if (!url) return tl::unexpected(url.error());
    if (auto checked = check_tls(scenario.target, *url); !checked)
        return tl::unexpected(checked.error());
    auto sources = expand_sources(scenario.target);
    if (!sources) return tl::unexpected(sources.error());
    if (auto good = check_sources(*sources, network); !good) return tl::unexpected(good.error());
    if (auto fits = fit_connections(scenario, limits, sources->size()); !fits)
        return tl::unexpected(fits.error());
    auto origin = find_way(url->url, scenario.target, *sources, network);
    if (!origin) return tl::unexpected(origin.error());
    origin->tls_name = scenario.target.tls.server_name;
    if (!origin->proxy.empty())
        scenario.notes.push_back(fmt::format("requests go through the proxy {}", origin->proxy));
    auto others = redirect_origins(scenario.target, *sources, network);
    if (!others) return tl::unexpected(others.error());
    engine::Plan plan{std::move(scenario), *std::move(origin), url->base_path, std::move(*sources),
                      std::move(*others)};
    if (auto opened = open_all(plan, network); !opened) return tl::unexpected(opened.error());
    return plan;
}

}  // namespace squadload::run
