// MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md): bytes to values and back.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "locust/value.h"

namespace squadload::locust {

// Bounds on what is decoded: a message of a master has a few hundred values, three levels deep.
inline constexpr std::size_t kMostBytes = std::size_t{16} << 20;
inline constexpr std::size_t kMostDepth = 64;

// The shortest encoding of every value, as msgpack-python packs it; doubles take 8 bytes.
[[nodiscard]] std::string pack(const Value& value);

// One value, and nothing behind it. Error (kind io): what is wrong and at which byte. An extension
// is decoded as Binary without its type.
[[nodiscard]] Result<Value> unpack(std::string_view bytes);

}  // namespace squadload::locust
