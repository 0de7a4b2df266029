// What the gateway tells about itself: /health, /providers, /v1/agents, /v1/models. Internal to
// this room.
#pragma once

#include <string>
#include <string_view>

#include "target/service/message.h"
#include "target/squad_api/core.h"

namespace squadload::squad_api {

// status: "healthy"; "degraded" (200): a store is away, or a provider is paused, throttled or left
// alone; "unavailable" (503): every provider is left alone by its breaker; "draining" (503).
[[nodiscard]] service::Reply health_reply(Core& core, MonoTime now);

[[nodiscard]] service::Reply providers_reply(Core& core, MonoTime now);
[[nodiscard]] service::Reply provider_reply(Core& core, std::string_view name, MonoTime now);
[[nodiscard]] service::Reply agents_reply(const Core& core);
[[nodiscard]] service::Reply models_reply(const Core& core);

}  // namespace squadload::squad_api
