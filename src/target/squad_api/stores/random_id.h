// Names that nobody else has: of a gateway among those that share a store, of a sink's rows.
#pragma once

#include <string>

namespace squadload::squad_api {

// 32 hex digits, 128 bits from the kernel. Any thread.
[[nodiscard]] std::string random_id();

}  // namespace squadload::squad_api
