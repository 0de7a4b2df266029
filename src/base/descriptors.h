// How many files and sockets this process may have open.
#pragma once

#include <cstdint>
#include <optional>

namespace squadload {

// Raises the soft limit to the hard one, where that can be done; the limit that holds then, or
// nothing when the system does not say. Any thread; affects the whole process.
std::optional<std::uint64_t> raise_descriptor_limit();

}  // namespace squadload
