#include "cli/worker.h"

#include <utility>

#include "cli/commands.h"
#include "judge/result/run_result.h"
#include "judge/verdict/verdict.h"
#include "locust/locustfile.h"
#include "run/preflight.h"
#include "worker/cores.h"
#include "worker/worker.h"

namespace squadload::cli {
namespace {

// A worker plays one scenario.
Result<scenario::Scenario> one_scenario(const Invocation& invocation,
                                        const scenario::CommandLine& load,
                                        const scenario::Environment& environment) {
    const auto config = load_config(invocation, environment);
    if (!config) return tl::unexpected(config.error());
    const auto names = chosen_names(invocation, *config);
    if (!names) return tl::unexpected(names.error());
    if (names->size() > 1)
        return fail(ErrorKind::usage, "a Locust test has one scenario; name it with --scenario");
    return config->effective(names->front(), load);
}

}  // namespace

Result<int> join_master(const Invocation& invocation, const std::string& command_text,
                        const run::Terminal& terminal, const scenario::Environment& environment) {
    scenario::CommandLine load = invocation.load;
    const auto variable = environment("SQUADLOAD_WORKERS");
    if (!load.workers && (!variable || variable->empty()))
        load.workers = std::to_string(worker::cores());
    auto scenario = one_scenario(invocation, load, environment);
    if (!scenario) return tl::unexpected(scenario.error());
    return worker::run_worker(*std::move(scenario), invocation.master,
                              run_options(invocation, command_text), terminal,
                              run::system_network());
}

Result<int> print_locustfile(const Invocation& invocation, const run::Terminal& terminal,
                             const scenario::Environment& environment) {
    const auto scenario = one_scenario(invocation, invocation.load, environment);
    if (!scenario) return tl::unexpected(scenario.error());
    locust::LocustfileFacts facts;
    facts.scenario = scenario->name;
    facts.load = verdict::load_description(*scenario);
    facts.host = scenario->target.host;
    facts.open = scenario->model == scenario::Model::open;
    for (const auto& one : scenario->classes) {
        locust::LocustClass of{one.name, one.weight, {}};
        for (const auto& task : one.tasks) of.tasks.push_back({task.name, task.weight});
        facts.classes.push_back(std::move(of));
    }
    terminal.out(locust::locustfile(facts));
    return result::ExitCode::pass;
}

}  // namespace squadload::cli
