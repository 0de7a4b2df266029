// No scenario file crashes its reader; an error has its place; what is accepted can be resolved and
// printed.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "load/scenario/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using squadload::scenario::Config;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto no_variables = [](const std::string&) -> std::optional<std::string> {
        return std::nullopt;
    };
    const auto config = Config::parse(text, "fuzz.yaml", no_variables);
    if (!config) {
        SQUADLOAD_CHECK(!config.error().message.empty());
        return 0;
    }
    for (const std::string& name : config->scenario_names()) {
        const auto scenario = config->effective(name, {});
        if (scenario) {
            SQUADLOAD_CHECK(!squadload::scenario::to_yaml(*scenario).empty());
        } else {
            SQUADLOAD_CHECK(!scenario.error().message.empty());
        }
    }
    return 0;
}
