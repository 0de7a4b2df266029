#include "cli/commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>

#include "base/units.h"
#include "cli/audit.h"
#include "cli/files.h"
#include "cli/judge_locust.h"
#include "cli/merge.h"
#include "cli/report.h"
#include "cli/variables.h"
#include "cli/worker.h"
#include "load/http/url.h"
#include "run/preflight.h"
#include "run/run_scenario.h"
#include "run/run_suite.h"
#include "run/try_task.h"

namespace squadload::cli {
namespace {

// The folder's own file before the installed one.
std::string default_config() {
    const bool installed =
        !std::filesystem::exists(kDefaultConfig) && std::filesystem::exists(kInstalledConfig);
    return std::string(installed ? kInstalledConfig : kDefaultConfig);
}

constexpr std::string_view kAll = "all";
constexpr std::uint32_t kSearchUsers = 10'000;  // a bound on requests in flight, no more

std::optional<std::string> url_of(const Invocation& invocation) {
    const bool takes_url =
        invocation.command == Command::run || invocation.command == Command::capacity;
    if (!takes_url || invocation.arguments.empty()) return std::nullopt;
    if (!is_url(invocation.arguments.front())) return std::nullopt;
    return invocation.arguments.front();
}

Result<std::vector<scenario::Scenario>> chosen_scenarios(const Invocation& invocation,
                                                         const scenario::Environment& environment) {
    const auto config = load_config(invocation, environment);
    if (!config) return tl::unexpected(config.error());
    const auto names = chosen_names(invocation, *config);
    if (!names) return tl::unexpected(names.error());
    std::vector<scenario::Scenario> scenarios;
    for (const auto& name : *names) {
        auto scenario = config->effective(name, invocation.load);
        if (!scenario) return tl::unexpected(scenario.error());
        scenarios.push_back(std::move(*scenario));
    }
    return scenarios;
}

}  // namespace

run::Options run_options(const Invocation& invocation, const std::string& command_text) {
    run::Options options;
    options.tool_version = version();
    options.command = command_text;
    options.output_dir = invocation.output_dir;
    options.outputs = invocation.outputs;
    options.prometheus_port = invocation.prometheus_port;
    options.backend = invocation.backend;
    options.quiet = invocation.quiet;
    options.save_arrivals = invocation.save_arrivals;
    options.policy.allow_void = invocation.allow_void;
    options.policy.lag_budget_ms = invocation.lag_budget_ms;
    return options;
}

namespace {

Result<int> do_run(const Invocation& invocation, const std::string& command_text,
                   const run::Terminal& terminal, const scenario::Environment& environment) {
    auto scenarios = chosen_scenarios(invocation, environment);
    if (!scenarios) return tl::unexpected(scenarios.error());
    return run::run_suite(std::move(*scenarios), run_options(invocation, command_text), terminal,
                          run::system_network());
}

Result<int> do_capacity(const Invocation& invocation, const std::string& command_text,
                        const run::Terminal& terminal, const scenario::Environment& environment) {
    const auto config = load_config(invocation, environment);
    if (!config) return tl::unexpected(config.error());
    const auto names = chosen_names(invocation, *config);
    if (!names) return tl::unexpected(names.error());
    if (names->size() > 1)
        return fail(ErrorKind::usage, "capacity searches with one scenario; name it");
    const auto at_rate = [&](double rate, Nanos step) -> Result<scenario::Scenario> {
        scenario::CommandLine load = invocation.load;
        load.rate = fmt::format("{:.9g}", rate);
        load.duration = format_duration(step);
        auto scenario = config->effective(names->front(), load);
        if (!scenario) return scenario;
        // The users of a closed scenario would be a limit of our own.
        scenario->users = kSearchUsers;
        scenario->users_by_default = true;
        scenario->max_in_flight = 0;
        if (invocation.thresholds.empty()) {
            std::erase_if(scenario->thresholds, [](const scenario::ThresholdEntry& bound) {
                return bound.name.empty() && verdict::is_provider_expression(bound.value);
            });
            return scenario;
        }
        scenario->thresholds.clear();
        for (const auto& text : invocation.thresholds)
            scenario->thresholds.push_back({"", text, SourceMark{"--threshold", 0, 0}});
        return scenario;
    };
    return run::find_capacity(at_rate, invocation.capacity, run_options(invocation, command_text),
                              terminal, run::system_network());
}

Result<int> do_list(const Invocation& invocation, const run::Terminal& terminal,
                    const scenario::Environment& environment) {
    Invocation every = invocation;
    every.arguments = {std::string(kAll)};
    const auto scenarios = chosen_scenarios(every, environment);
    if (!scenarios) return tl::unexpected(scenarios.error());
    std::size_t name_width = 0;
    std::size_t load_width = 0;
    for (const auto& scenario : *scenarios) {
        name_width = std::max(name_width, scenario.name.size());
        load_width = std::max(load_width, verdict::load_description(scenario).size());
    }
    for (const auto& scenario : *scenarios) {
        const auto how_long = scenario.duration == Nanos::max()
                                  ? fmt::format("{} requests", scenario.requests.value_or(0))
                                  : format_duration(scenario.duration);
        terminal.out(fmt::format("{:<{}}  {:<{}}  {:>8}  {}\n", scenario.name, name_width,
                                 verdict::load_description(scenario), load_width, how_long,
                                 scenario.description));
    }
    return result::ExitCode::pass;
}

Result<int> do_validate(const Invocation& invocation, const run::Terminal& terminal,
                        const scenario::Environment& environment) {
    Invocation chosen = invocation;
    if (!invocation.arguments.empty()) {
        if (invocation.config) {
            return fail(ErrorKind::usage,
                        fmt::format("two files: {} and --config {}", invocation.arguments.front(),
                                    *invocation.config));
        }
        chosen.config = invocation.arguments.front();
    }
    chosen.arguments.clear();
    if (chosen.scenarios.empty()) chosen.arguments = {std::string(kAll)};
    const auto scenarios = chosen_scenarios(chosen, environment);
    if (!scenarios) return tl::unexpected(scenarios.error());
    for (const auto& scenario : *scenarios) {
        if (!scenario.target.host.empty()) {
            const auto url = run::target_url(scenario.target);
            if (!url) return tl::unexpected(url.error());
            if (auto checked = run::check_tls(scenario.target, *url); !checked)
                return tl::unexpected(checked.error());
        }
        if (const auto judged = run::compile_bounds(scenario); !judged)
            return tl::unexpected(judged.error());
    }
    bool first = true;
    for (const auto& scenario : *scenarios) {
        terminal.out(fmt::format("{}# {}\n{}", first ? "" : "---\n", scenario.name,
                                 scenario::to_yaml(scenario)));
        for (const auto& note : scenario.notes)
            terminal.err(fmt::format("note: {}: {}\n", scenario.name, note));
        first = false;
    }
    terminal.err(fmt::format("{} is valid: {} scenario{}\n",
                             chosen.config.value_or(default_config()), scenarios->size(),
                             scenarios->size() == 1 ? "" : "s"));
    return result::ExitCode::pass;
}

Result<int> do_init(const Invocation& invocation, const run::Terminal& terminal) {
    const auto& url = invocation.arguments.front();
    scenario::Target target;
    target.host = url;
    if (const auto parsed = run::target_url(target); !parsed) return tl::unexpected(parsed.error());
    const auto path = invocation.output.value_or(std::string(kDefaultConfig));
    if (auto written = write_new_file(path, scenario::starter_file(url)); !written)
        return tl::unexpected(written.error());
    const auto config = path == kDefaultConfig ? "" : " --config " + path;
    terminal.out(fmt::format("{}\n", path));
    terminal.err(fmt::format("next: squadload try{0}, then squadload run{0}\n", config));
    return result::ExitCode::pass;
}

Result<int> do_try(const Invocation& invocation, const run::Terminal& terminal,
                   const scenario::Environment& environment) {
    Invocation chosen = invocation;
    chosen.arguments.clear();
    auto scenarios = chosen_scenarios(chosen, environment);
    if (!scenarios) return tl::unexpected(scenarios.error());
    const auto task = invocation.arguments.empty() ? std::string() : invocation.arguments.front();
    return run::try_task(std::move(scenarios->front()), task, terminal, run::system_network(),
                         invocation.backend);
}

Result<int> do_judge(const Invocation& invocation, const std::string& command_text,
                     const run::Terminal& terminal, const scenario::Environment& environment) {
    const auto scenarios = chosen_scenarios(invocation, environment);
    if (!scenarios) return tl::unexpected(scenarios.error());
    return judge_locust(invocation, scenarios->front(), command_text, terminal);
}

// A closed standard descriptor would be taken by the next file or socket opened, and written into.
void occupy_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDWR));
    }
}

}  // namespace

bool is_url(const std::string& argument) {
    return argument.find("://") != std::string::npos;
}

Result<scenario::Config> load_config(const Invocation& invocation,
                                     const scenario::Environment& environment) {
    if (const auto url = url_of(invocation)) {
        if (invocation.arguments.size() > 1 || !invocation.scenarios.empty()) {
            return fail(ErrorKind::usage,
                        fmt::format("run takes scenarios or one URL, not both; to run a scenario "
                                    "against {0} use --host {0}",
                                    *url));
        }
        if (invocation.load.host)
            return fail(ErrorKind::usage,
                        fmt::format("two targets: {} and --host {}", *url, *invocation.load.host));
        if (invocation.config_given) {
            return fail(
                ErrorKind::usage,
                fmt::format(
                    "a URL needs no file; to run the file's scenarios against it use --host {}",
                    *url));
        }
        return scenario::Config::for_url(*url, environment);
    }
    const auto path = invocation.config.value_or(default_config());
    if (!invocation.config && !std::filesystem::exists(path)) {
        return fail(
            ErrorKind::config,
            fmt::format(
                "there is no {}: name a file with --config, write one with squadload init URL, or "
                "give a URL: squadload run http://host/path -r 50 -t 30s",
                kDefaultConfig));
    }
    return scenario::Config::load_file(path, environment);
}

Result<std::vector<std::string>> chosen_names(const Invocation& invocation,
                                              const scenario::Config& config) {
    auto known = config.scenario_names();
    if (known.empty())
        return fail(ErrorKind::config, fmt::format("{}: no scenarios", config.file_name()));
    if (url_of(invocation)) return std::vector<std::string>{known.front()};
    std::vector<std::string> names = invocation.arguments;
    names.insert(names.end(), invocation.scenarios.begin(), invocation.scenarios.end());
    if (names.empty()) return std::vector<std::string>{known.front()};
    if (std::find(names.begin(), names.end(), kAll) != names.end()) {
        if (names.size() == 1) return known;
        return fail(ErrorKind::usage,
                    "\"all\" stands for every scenario; name no others beside it");
    }
    for (const auto& name : names) {
        if (is_url(name))
            return fail(
                ErrorKind::usage,
                fmt::format("run takes scenarios or one URL, not both; use --host {}", name));
        if (std::count(names.begin(), names.end(), name) > 1) {
            return fail(ErrorKind::usage, fmt::format("scenario {} is named twice", name));
        }
    }
    return names;
}

Result<int> execute(const Invocation& invocation, const std::string& command_text,
                    const run::Terminal& terminal, const scenario::Environment& environment) {
    switch (invocation.command) {
        case Command::run:
            return do_run(invocation, command_text, terminal, environment);
        case Command::list:
            return do_list(invocation, terminal, environment);
        case Command::validate:
            return do_validate(invocation, terminal, environment);
        case Command::init:
            return do_init(invocation, terminal);
        case Command::try_task:
            return do_try(invocation, terminal, environment);
        case Command::capacity:
            return do_capacity(invocation, command_text, terminal, environment);
        case Command::audit:
            return audit(invocation.arguments.front(), invocation.declared, terminal);
        case Command::report:
            return show_report(invocation.arguments.front(), invocation.outputs, terminal);
        case Command::compare:
            return compare_runs(invocation.arguments.at(0), invocation.arguments.at(1),
                                invocation.tolerance, invocation.outputs.html, terminal);
        case Command::worker:
            return join_master(invocation, command_text, terminal, environment);
        case Command::locustfile:
            return print_locustfile(invocation, terminal, environment);
        case Command::merge:
            return merge_files(invocation, command_text, terminal, environment);
        case Command::judge:
            return do_judge(invocation, command_text, terminal, environment);
        case Command::completion:
            break;  // parse() answered it
    }
    return fail(ErrorKind::internal, "unknown command");
}

int main(int argc, char** argv) {
    occupy_standard_descriptors();
    const auto environment = scenario::process_environment();
    const run::Terminal terminal(STDOUT_FILENO, STDERR_FILENO, environment);
    try {
        const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
        const auto parsed = parse(arguments, environment);
        if (const auto* ended = std::get_if<Ended>(&parsed)) {
            terminal.out(ended->out);
            terminal.err(ended->err);
            return ended->exit_code;
        }
        const auto& invocation = std::get<Invocation>(parsed);
        if (!invocation.quiet) {
            for (const auto& sentence : unknown_variables(variables_set()))
                terminal.err(fmt::format("note: {}\n", sentence));
        }
        const auto code = execute(invocation, command_text(arguments), terminal, environment);
        if (code) return *code;
        terminal.err(fmt::format("squadload: error: {}\n", code.error().text()));
        return run::exit_code(code.error());
    } catch (const std::exception& e) {
        terminal.err(fmt::format("squadload: internal error: {}\n", e.what()));
        return result::ExitCode::internal;
    }
}

}  // namespace squadload::cli
