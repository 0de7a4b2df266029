// No text crashes the YAML reader; an error has its place.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "yaml/document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = squadload::yaml::Document::parse(text, "fuzz.yaml");
    if (document) return 0;
    SQUADLOAD_CHECK(!document.error().message.empty());
    SQUADLOAD_CHECK(document.error().mark.has_value() && document.error().mark->line >= 1);
    return 0;
}
