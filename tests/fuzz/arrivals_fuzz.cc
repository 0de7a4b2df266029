// No log of arrivals crashes the witness; what is read by the quick way is read alike by the other;
// every check has an answer with a sentence. The text before the first empty line is what a gateway
// declares.
#include <cstdint>
#include <sstream>
#include <string>

#include "arrivals/read_internal.h"
#include "base/check.h"
#include "judge/witness/witness.h"

namespace {

void compare_ways(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        squadload::arrivals::Arrival own;
        if (!squadload::arrivals::internal::read_own_line(line, own)) continue;
        const auto any = squadload::arrivals::internal::read_any_line(line);
        SQUADLOAD_CHECK(any && *any == own);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace squadload;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto cut = text.find("\n\n");
    const std::string head = cut == text.npos ? "" : text.substr(0, cut);
    const std::string log = cut == text.npos ? text : text.substr(cut + 2);
    compare_ways(log);
    const auto declared = witness::read_declared_file(head, "declared.json");
    std::istringstream in(log);
    const auto table = witness::read_log(in, "arrivals.ndjson");
    if (!table) {
        SQUADLOAD_CHECK(!table.error().message.empty());
        return 0;
    }
    const witness::Evidence evidence{
        *table, declared.value_or(witness::Declared{}), nullptr, std::nullopt, {}, {}};
    for (const auto& check : witness::judge(evidence)) SQUADLOAD_CHECK(!check.sentence.empty());
    return 0;
}
