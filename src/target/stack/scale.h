// The shipped configuration at another scale of quotas and time. For this room.
#pragma once

#include "base/time.h"
#include "target/providers/profile.h"
#include "target/squad_api/config.h"
#include "target/stack/stack.h"

namespace squadload::stack {

[[nodiscard]] Nanos shorter(Nanos time, double scale);
void scale(squad_api::Config& config, const Settings& settings);
void scale(providers::Profile& profile, const Settings& settings);

}  // namespace squadload::stack
