// The simulator's own endpoints: health, arrivals, control. Not for other rooms.
#pragma once

#include <memory>

#include "target/providers/core.h"
#include "target/service/router.h"

namespace squadload::providers {

inline constexpr std::size_t kUsualPage = 5'000;
inline constexpr std::size_t kLargestPage = 10'000;

// The handlers hold the core.
void add_own_routes(service::Router& router, const std::shared_ptr<Core>& core);

}  // namespace squadload::providers
