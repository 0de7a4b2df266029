// Finds the way to an origin before a run: the proxy if there is one, an address that accepts
// connections, and whether a TLS handshake succeeds there.
#pragma once

#include <vector>

#include "base/error.h"
#include "load/engine/origin.h"
#include "load/http/url.h"
#include "run/preflight.h"
#include "run/proxy.h"

namespace squadload::run {

// Blocking. Errors: of choose_proxy; kind unreachable when nothing resolves or accepts within the
// connect timeout; kind config when the sources are of another family.
[[nodiscard]] Result<engine::Origin> find_way(const http::Url& url, const scenario::Target& target,
                                              const std::vector<transport::Address>& sources,
                                              const Network& network);

// How long one step of it may take: the connect timeout, or 5 s without one.
[[nodiscard]] Nanos connect_limit(const scenario::Timeouts& timeouts);

}  // namespace squadload::run
