// No text crashes the compiler of threshold expressions; what it accepts can be judged.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "judge/verdict/threshold.h"

namespace {

using squadload::scenario::Scenario;

Scenario make_scenario() {
    Scenario scenario;
    squadload::scenario::Task chat;
    chat.name = "chat";
    squadload::scenario::UserClass user;
    user.name = "User";
    user.tasks = {chat};
    scenario.classes = {user};
    return scenario;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Scenario scenario = make_scenario();
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto compiled = squadload::verdict::compile({{"", text, {"f", 1, 1}}}, scenario);
    if (!compiled) {
        SQUADLOAD_CHECK(!compiled.error().message.empty() && compiled.error().mark.has_value());
        return 0;
    }
    const std::vector<squadload::measure::TaskStats> none(1);
    for (const auto& threshold : *compiled) {
        const auto judged = squadload::verdict::judge(threshold, none, 1);
        SQUADLOAD_CHECK(!judged.bound.empty());
    }
    return 0;
}
