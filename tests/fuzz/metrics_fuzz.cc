// No text crashes the reader of metrics files; what it accepts, it writes again the same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "judge/result/run_result.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto run = squadload::result::from_json(text, "fuzz.json");
    if (!run) {
        SQUADLOAD_CHECK(!run.error().message.empty());
        return 0;
    }
    const auto written = squadload::result::to_json(*run);
    const auto again = squadload::result::from_json(written, "again.json");
    SQUADLOAD_CHECK(again.has_value());
    SQUADLOAD_CHECK(squadload::result::to_json(*again) == written);
    return 0;
}
