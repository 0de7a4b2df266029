// Opens the way to an origin once before a run, as the run will: connect, proxy and TLS, no
// request.
#pragma once

#include "base/error.h"
#include "base/time.h"
#include "load/engine/engine.h"

namespace squadload::run {

// Blocking, for `limit` at the most. Errors: kind unreachable with the sentence the run would give,
// and a remedy where there is one; kind config, of http::TlsContext::make.
[[nodiscard]] Result<void> open_once(const engine::Plan& plan, const engine::Origin& origin,
                                     Nanos limit);

}  // namespace squadload::run
