// No bytes crash the reader of a master's messages; what MessagePack decodes, it encodes again, and
// what comes back is the same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "locust/codec.h"
#include "locust/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace squadload;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto message = locust::read_message(bytes);
    if (!message) SQUADLOAD_CHECK(!message.error().message.empty());
    static_cast<void>(locust::check_outgoing(bytes));
    const auto value = locust::unpack(bytes);
    if (!value) return 0;
    // Extensions lose their type, and NaN is equal to nothing: the bytes are compared.
    const auto packed = locust::pack(*value);
    const auto again = locust::unpack(packed);
    SQUADLOAD_CHECK(again.has_value());
    SQUADLOAD_CHECK(locust::pack(*again) == packed);
    return 0;
}
