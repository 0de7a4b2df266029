// No /metrics and no /health makes the observer crash, whichever gateway it is taken for.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "judge/observe/exposition.h"
#include "judge/observe/observe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace squadload::observe;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    SQUADLOAD_CHECK(parse_exposition(text).size() <= kMostSamples);
    const std::string_view half = text.substr(0, size / 2), rest = text.substr(size / 2);
    for (const char* preset : {"squad", "squad_original", "litellm", "bifrost", "none"}) {
        Timeline timeline;
        timeline.add(read_snapshot(preset, text, half));
        timeline.add(read_snapshot(preset, half, text));
        timeline.add(read_snapshot(preset, rest, rest));
        const auto delta = timeline.delta();
        for (const auto& name : timeline.names()) (void)timeline.of(name);
        SQUADLOAD_CHECK(!compare(delta, squadload::measure::ProviderTable()).sentence.empty());
    }
    return 0;
}
