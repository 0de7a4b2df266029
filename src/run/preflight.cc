#include "run/preflight.h"

#include <fmt/format.h>

#include <algorithm>

#include "load/http/url.h"

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

}  // namespace

Network system_network() {
    return {transport::resolve, transport::probe};
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
    std::string base_path = url->path;
    while (!base_path.empty() && base_path.back() == '/') base_path.pop_back();
    return TargetUrl{url->host, url->port, url->authority(), std::move(base_path)};
}

Result<engine::Plan> preflight(scenario::Scenario scenario, const ProcessLimits& limits,
                               const Network& network) {
    const auto url = target_url(scenario.target);
    if (!url) return tl::unexpected(url.error());
    if (auto fits = fit_connections(scenario, limits); !fits) return tl::unexpected(fits.error());
    const auto addresses = network.resolve(url->host, url->port);
    if (!addresses) return tl::unexpected(addresses.error());
    const auto address = network.probe(*addresses, probe_timeout_ms(scenario.target.timeouts));
    if (!address) return tl::unexpected(address.error());
    return engine::Plan{std::move(scenario),
                        engine::Origin{false, url->host, *address, url->authority},
                        url->base_path};
}

}  // namespace squadload::run
