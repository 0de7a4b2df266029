// Parts of reading that profiles and control requests share. Not for other rooms.
#pragma once

#include <string_view>
#include <vector>

#include "target/providers/profile.h"
#include "yaml/value.h"

namespace squadload::providers {

inline constexpr std::size_t kMaxModelName = 100;

[[nodiscard]] std::vector<std::string_view> fault_keys();
// `map` is value's, with fault_keys() and perhaps more.
[[nodiscard]] FaultSpec read_fault(const yaml::Value& value, const yaml::Map& map);
// Names a provider cannot have, because the simulator's own endpoints stand there.
[[nodiscard]] bool is_reserved(std::string_view provider);

}  // namespace squadload::providers
