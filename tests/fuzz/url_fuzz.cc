// A URL that is accepted reads back from its parts.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "load/http/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto url = squadload::http::parse_url(text);
    if (!url) {
        SQUADLOAD_CHECK(!url.error().message.empty());
        return 0;
    }
    const auto again =
        squadload::http::parse_url(url->scheme + "://" + url->authority() + url->path);
    SQUADLOAD_CHECK(again.has_value());
    SQUADLOAD_CHECK(again->host == url->host && again->port == url->port &&
                    again->path == url->path);
    return 0;
}
