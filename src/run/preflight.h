// Everything that can be known before the first request: is the target's URL one we can drive, does
// it resolve, does something accept connections there, do the connections fit.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "load/engine/engine.h"
#include "load/http/url.h"
#include "load/scenario/environment.h"
#include "load/scenario/scenario.h"
#include "load/transport/address.h"
#include "run/limits.h"

namespace squadload::run {

// What messages about source addresses start with.
inline constexpr std::string_view kSources = "target.source_addresses: ";

// The network as the preflight uses it; injected so that tests need none.
struct Network {
    std::function<Result<std::vector<transport::Address>>(const std::string& host,
                                                          std::uint16_t port)>
        resolve;
    std::function<Result<transport::Address>(const std::vector<transport::Address>&,
                                             std::int64_t timeout_ms)>
        probe;
    // TLS, and what else stands between a connection and its target; see run/open_once.h.
    std::function<Result<void>(const engine::Plan&, const engine::Origin&, Nanos limit)> open_once;
    scenario::Environment environment;  // names proxies
    // 0 or errno of starting a connection from a local address.
    std::function<int(const transport::Address&)> try_source = transport::try_source;
};
[[nodiscard]] Network system_network();

// The parts of a plan that come from the target's URL; no network. Errors (kind config, at the
// place where the host was given): no host, malformed URL, a query in it;
// or an origin in redirects.hosts that is none.
struct TargetUrl {
    http::Url url;
    std::string base_path;  // "" or "/v1"
};
[[nodiscard]] Result<TargetUrl> target_url(const scenario::Target& target);

// Whether the files of target.tls can be used, if the target or an origin of redirects.hosts is
// https://. Errors: of
// http::TlsContext::make.
[[nodiscard]] Result<void> check_tls(const scenario::Target& target, const TargetUrl& url);

// Errors: of target_url, check_tls and choose_proxy; kind config when a source address is not of
// this machine or of another family than the target; kind unreachable when nothing resolves or
// accepts within the connect timeout, there or at an origin of redirects.hosts; of fit_connections.
// No request is sent. May lower a bound of the scenario, with a note in it.
[[nodiscard]] Result<engine::Plan> preflight(scenario::Scenario scenario,
                                             const ProcessLimits& limits, const Network& network);

}  // namespace squadload::run
