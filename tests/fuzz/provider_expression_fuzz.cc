// No text crashes the compiler of bounds on providers; what it accepts can be judged.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "judge/verdict/provider_bound.h"
#include "judge/verdict/verdict.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace squadload;
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (!verdict::is_provider_expression(text)) return 0;
    const auto bounds = verdict::compile_provider_bounds({{"", text, {"f", 1, 1}}});
    if (!bounds) {
        SQUADLOAD_CHECK(!bounds.error().message.empty() && bounds.error().mark.has_value());
        return 0;
    }
    result::ScenarioResult scenario;
    scenario.providers.resize(2);
    scenario.providers[0].name = "groq";
    scenario.witness.resize(1);
    verdict::conclude_providers(scenario, *bounds, {});
    SQUADLOAD_CHECK(!scenario.thresholds.empty());
    return 0;
}
