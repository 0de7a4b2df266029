// For the tests of scenario files.
#pragma once

#include <gtest/gtest.h>

#include "load/scenario/config.h"

namespace squadload::scenario {

inline std::optional<std::string> no_environment(const std::string&) {
    return std::nullopt;
}

inline Scenario scenario_of(std::string_view text, const std::string& name = "s") {
    const auto config = Config::parse(text, "f.yaml", no_environment);
    if (!config) {
        ADD_FAILURE() << config.error().text();
        return {};
    }
    const auto scenario = config->effective(name, {});
    if (!scenario) {
        ADD_FAILURE() << scenario.error().text();
        return {};
    }
    return *scenario;
}

// A file with one open scenario and one task with these keys.

}  // namespace squadload::scenario
