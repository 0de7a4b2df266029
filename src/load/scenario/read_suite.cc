#include <fmt/core.h>

#include <algorithm>

#include "base/suggest.h"
#include "load/scenario/parsed_file.h"

namespace squadload::scenario {
namespace {

constexpr double kMostRatio = 1000;

void read_baseline(const yaml::Value& value, const std::vector<ScenarioSpec>& scenarios,
                   SuiteSettings& suite) {
    suite.baseline = value.text();
    suite.baseline_mark = value.mark();
    std::vector<std::string> names;
    for (const ScenarioSpec& one : scenarios) names.push_back(one.name);
    if (std::find(names.begin(), names.end(), suite.baseline) != names.end()) return;
    const auto near = nearest_name(suite.baseline, std::span<const std::string>(names));
    value.fail(fmt::format("there is no scenario '{}'{}", suite.baseline,
                           near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
}

}  // namespace

SuiteSettings read_suite(const yaml::Value& value, const std::vector<ScenarioSpec>& scenarios) {
    SuiteSettings suite;
    const yaml::Map map =
        value.map({"criteria", "baseline", "latency_ratio_max", "latency_ratio_ignore_ms"});
    if (const auto v = map.get("criteria")) suite.criteria = v->one_of({"none", "squad"}) == 1;
    if (const auto v = map.get("baseline")) read_baseline(*v, scenarios, suite);
    if (const auto v = map.get("latency_ratio_max"))
        suite.latency_ratio_max = v->number(0, kMostRatio);
    if (const auto v = map.get("latency_ratio_ignore_ms"))
        suite.latency_ratio_ignore = from_seconds(v->number(0, 3'600'000) / 1000);
    return suite;
}

}  // namespace squadload::scenario
