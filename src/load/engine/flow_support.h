// For the tests of flows: a plan from the text of a scenario file, and what a run did with it.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "load/engine/sim_support.h"
#include "load/engine/token_service_for_test.h"
#include "load/scenario/config.h"

namespace squadload::engine::testing {

// `load`: "users: 3, duration: 10"; `users`: the classes, indented by two.
inline Plan flow_plan(const std::string& load, std::string_view users) {
    const std::string file = "target: {host: 'http://target'}\nseed: 7\nscenarios: {s: {" + load +
                             "}}\nusers:\n" + std::string(users);
    Plan plan;
    plan.origin.host = plan.origin.authority = "target";
    const auto config =
        scenario::Config::parse(file, "f.yaml", [](const std::string&) { return std::nullopt; });
    if (!config) {
        ADD_FAILURE() << config.error().text();
        return plan;
    }
    auto scenario = config->effective("s", {});
    if (!scenario) {
        ADD_FAILURE() << scenario.error().text();
        return plan;
    }
    plan.scenario = std::move(*scenario);
    return plan;
}

// "GET /chat" of a request.
inline std::string line_of(const std::string& request) {
    return request.substr(0, request.find(" HTTP/"));
}

inline std::vector<std::string> lines_of(const ScriptedServer& server) {
    std::vector<std::string> out;
    for (const auto& request : server.requests) out.push_back(line_of(request));
    return out;
}

inline ScriptedServer::Answer text_answer(std::string bytes, Nanos after = {}) {
    return {after, std::move(bytes), false, false, 0};
}

inline ScriptedServer::Answer status_answer(int status, const std::string& body = "{}",
                                            Nanos after = {}, const std::string& headers = "") {
    return text_answer(TokenService::text({status, headers, body}), after);
}

// Iterations of the task of that name, of the first class that has one.
inline const measure::IterationStats& iterations_of(const WorkerRun& run, const std::string& name) {
    static const measure::IterationStats kNone;
    const auto labels = scenario::sequence_labels(run.plan.scenario);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == name) return run.totals.iterations[i];
    }
    ADD_FAILURE() << "no sequence " << name;
    return kNone;
}

inline const measure::TaskStats& requests_of(const WorkerRun& run, const std::string& label) {
    static const measure::TaskStats kNone;
    const auto labels = scenario::entry_labels(run.plan.scenario);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == label) return run.totals.tasks[i];
    }
    ADD_FAILURE() << "no entry " << label;
    return kNone;
}

}  // namespace squadload::engine::testing
