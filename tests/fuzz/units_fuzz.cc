// Durations read back what they print; no text crashes a parser.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/units.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto d = squadload::parse_duration(text)) {
        SQUADLOAD_CHECK(d->count() >= 0);
        const auto again = squadload::parse_duration(squadload::format_duration(*d));
        SQUADLOAD_CHECK(again.has_value() && *again == *d);
    }
    if (const auto rate = squadload::parse_rate(text)) SQUADLOAD_CHECK(*rate >= 0);
    static_cast<void>(squadload::parse_share(text));
    static_cast<void>(squadload::parse_bytes(text));
    static_cast<void>(squadload::parse_integer(text));
    return 0;
}
