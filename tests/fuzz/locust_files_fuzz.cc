// No file that claims to be Locust's crashes its reader; what is accepted is a metrics file.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "judge/locust_files/locust_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace squadload;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // The first byte says which file it is, or which two, one after the other.
    if (text.empty()) return 0;
    const auto rest = text.substr(1);
    const auto half = rest.find("\n\n");
    const std::string first(rest.substr(0, half));
    const std::string second(half == std::string_view::npos ? "" : rest.substr(half + 2));
    locust_files::Files files;
    if (text[0] == 'j') {
        files.json = locust_files::File{"fuzz.json", first};
    } else {
        files.stats = locust_files::File{"fuzz_stats.csv", first};
        const locust_files::File other{"fuzz_other.csv", second};
        if (text[0] == 'f') files.failures = other;
        if (text[0] == 'e') files.exceptions = other;
        if (text[0] == 'h') files.history = other;
    }
    const auto got = locust_files::read(files, {{"chat", "POST", "/agents/chat"}});
    if (!got) {
        SQUADLOAD_CHECK(!got.error().message.empty());
        return 0;
    }
    result::RunResult run;
    run.scenarios.push_back(got->scenario);
    const auto again = result::from_json(result::to_json(run), "again.json");
    SQUADLOAD_CHECK(again.has_value());
    return 0;
}
