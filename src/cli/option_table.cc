// Every command and option, with its help.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/examples.h"
#include "cli/parser.h"

namespace squadload::cli {

Parser::Parser()
    : app_(std::make_unique<CLI::App>(
          "squadload: load tests for LLM APIs and any HTTP API, with a verdict.")) {
    app_->name("squadload");
    app_->footer(kProgramExamples);
    app_->set_version_flag("-V,--version", "squadload " + version(), "Print the version");
    app_->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app_->require_subcommand(0, 1);
    app_->allow_extras();
    add_run();
    add_others();
    add_audit();
    add_capacity();
    add_report();
    add_compare();
    add_worker();
    add_merge();
    add_judge();
    add_completion();
}

Parser::~Parser() = default;

CLI::App* Parser::subcommand(Command command, const std::string& name,
                             const std::string& description, const char* examples) {
    auto* app = app_->add_subcommand(name, description);
    app->footer(examples);
    app->set_help_flag("-h,--help", "Print this help and exit");
    app->allow_extras();
    commands_.emplace_back(app, command);
    return app;
}

void Parser::add_completion() {
    auto* app =
        subcommand(Command::completion, "completion",
                   "Print the completion of commands and options for a shell", kCompletionExamples);
    app->add_option("shell", argument_, "bash, zsh or fish")->type_name("SHELL")->required();
}

void Parser::rare(CLI::App& app, const std::vector<std::string>& options) {
    app.set_help_all_flag("--help-all", "Print every option and exit");
    for (const auto& name : options) rare_.push_back(app.get_option(name));
}

void Parser::add_config(CLI::App& app) {
    app.add_option("-f,--config", invocation_.config,
                   fmt::format("Scenario file (default {})", kDefaultConfig))
        ->type_name("FILE");
}

void Parser::add_load(CLI::App& app) {
    auto& load = invocation_.load;
    const auto option = [&](const char* names, std::optional<std::string>& value, const char* type,
                            const char* text) {
        app.add_option(names, value, text)->type_name(type)->group("Load");
    };
    option("-H,--host", load.host, "URL", "Base URL of the target");
    option("--stage", load.stage, "NAME", "Apply a stage of the file");
    option("-u,--users", load.users, "N",
           "Users; switches to the closed model unless a rate is given");
    option("--spawn-rate", load.spawn_rate, "N", "Users started per second (closed model)");
    option("--rate", load.rate, "R", "Requests per second (open model): 50, 600/m");
    option("-r", load.rate_or_spawn_rate, "R",
           "Request rate in the open model, spawn rate in the closed one");
    option("-t,--duration,--run-time", load.duration, "T", "How long: 30s, 5m, 1h30m");
    option("-n,--requests", load.requests, "N", "Stop after that many requests");
    option("--seed", load.seed, "N", "Seed of everything random");
    option("--workers", load.workers, "N", "Threads that generate load");
    option("--time-scale", load.time_scale, "K",
           "The same story in a K-th of the time: durations / K, rates x K");
    option("-s,--graceful-stop,--stop-timeout", load.graceful_stop, "T",
           "How long requests in flight are awaited at the end");
}

// How the target is reached.
void Parser::add_way(CLI::App& app) {
    auto& load = invocation_.load;
    const auto option = [&](const char* name, std::optional<std::string>& value, const char* type,
                            const char* text) {
        app.add_option(name, value, text)->type_name(type)->group("Target");
    };
    app.add_flag("--insecure", load.insecure, "Do not verify the target's certificate")
        ->group("Target");
    option("--ca-file", load.ca_file, "FILE", "Trust the authorities in this PEM file");
    option("--cert", load.certificate, "FILE", "Client certificate (PEM)");
    option("--key", load.key, "FILE", "Its key (PEM; default: in the certificate's file)");
    option("--proxy", load.proxy, "URL|none", "Proxy (default: from the environment)");
    option("--witness", load.witness, "URL",
           "squad-providers behind the target: their log judges its quotas");
}

void Parser::add_backend(CLI::App& app) {
    app.add_option("--backend", invocation_.backend, "Event loop: auto, io_uring or epoll")
        ->type_name("NAME")
        ->group("Output");
}

void Parser::add_run() {
    auto* app =
        subcommand(Command::run, "run", "Run scenarios, or a URL, and judge them", kRunExamples);
    app->add_option("target", invocation_.arguments,
                    "Scenarios, \"all\", or a URL (default: the file's first scenario)")
        ->type_name("SCENARIO|URL");
    app->add_option("--scenario", invocation_.scenarios, "A scenario by name")
        ->type_name("NAME")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    add_config(*app);
    add_load(*app);
    add_way(*app);
    app->add_flag("--fail-fast", invocation_.load.fail_fast,
                  "Stop as soon as a fail_fast bound breaks")
        ->group("Verdict");
    app->add_flag("--allow-void", invocation_.allow_void,
                  "A run that would be VOID is judged, with a warning")
        ->group("Verdict");
    app->add_option("--lag-budget", lag_budget_,
                    "Generator lag p99 beyond which a run is VOID (default: max(10ms, 5 % of the "
                    "median))")
        ->type_name("T")
        ->group("Verdict");
    add_output_dir(*app);
    add_outputs(*app);
    app->add_option("--prometheus-port", invocation_.prometheus_port,
                    "Figures of the run under way at 127.0.0.1:PORT/metrics (0: a free port)")
        ->type_name("PORT")
        ->group("Output");
    app->add_flag("--save-arrivals", invocation_.save_arrivals,
                  "Keep the simulated providers' log, for squadload audit")
        ->group("Output");
    app->add_flag("-q,--quiet", invocation_.quiet, "No progress, results only")->group("Output");
    add_backend(*app);
    app->add_flag("--headless", headless_, "Accepted as in Locust: there is no other mode")
        ->group("Output");
    rare(*app, {"--seed", "--workers", "--time-scale", "--graceful-stop", "--ca-file", "--cert",
                "--key", "--proxy", "--allow-void", "--lag-budget", "--prometheus-port",
                "--save-arrivals", "--backend", "--headless"});
}

void Parser::add_others() {
    add_config(*subcommand(Command::list, "list", "List the scenarios of a file", kListExamples));

    auto* validate =
        subcommand(Command::validate, "validate",
                   "Check a file and print its effective configuration", kValidateExamples);
    validate
        ->add_option("file", argument_, fmt::format("Scenario file (default {})", kDefaultConfig))
        ->type_name("FILE");
    validate->add_option("--scenario", invocation_.scenarios, "Only this scenario")
        ->type_name("NAME")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    add_config(*validate);
    add_load(*validate);
    add_way(*validate);

    auto* init = subcommand(Command::init, "init", "Write a commented starter file for a URL",
                            kInitExamples);
    init->add_option("url", argument_, "The target's base URL")->type_name("URL")->required();
    init->add_option("-o,--output", invocation_.output,
                     fmt::format("File to write (default {}); never overwritten", kDefaultConfig))
        ->type_name("FILE");

    auto* attempt =
        subcommand(Command::try_task, "try",
                   "Send one task's request; show it and its response in full", kTryExamples);
    attempt->add_option("task", argument_, "Task (default: the first one)")->type_name("TASK");
    attempt
        ->add_option("--scenario", scenario_,
                     "Scenario the task is taken from (default: the first one)")
        ->type_name("NAME");
    add_config(*attempt);
    attempt->add_option("-H,--host", invocation_.load.host, "Base URL of the target")
        ->type_name("URL");
    attempt->add_option("--stage", invocation_.load.stage, "Apply a stage of the file")
        ->type_name("NAME");
    add_way(*attempt);
    add_backend(*attempt);
    attempt->add_option("--seed", invocation_.load.seed, "Seed of everything random")
        ->type_name("N");
}

void Parser::add_audit() {
    auto* audit =
        subcommand(Command::audit, "audit",
                   "Judge a saved log of squad-providers: was every quota kept?", kAuditExamples);
    audit->add_option("log", argument_, "Arrival log (NDJSON)")->type_name("LOG")->required();
    audit
        ->add_option("--declared", invocation_.declared,
                     "What the gateway declares (GET /providers)")
        ->type_name("FILE");
}

// Files beside the metrics file.
void Parser::add_outputs(CLI::App& app) {
    auto& outputs = invocation_.outputs;
    app.add_option("--csv", outputs.csv, "Write Locust's CSV files: PREFIX_stats.csv and so on")
        ->type_name("PREFIX")
        ->group("Output");
    app.add_option("--html", outputs.html, "Write the report page to this file, too")
        ->type_name("FILE")
        ->group("Output");
    app.add_option("--junit", outputs.junit, "Write JUnit XML: a test per criterion")
        ->type_name("FILE")
        ->group("Output");
    app.add_option("--markdown", outputs.markdown,
                   "Write a summary in Markdown (also added to GITHUB_STEP_SUMMARY)")
        ->type_name("FILE")
        ->group("Output");
}

void Parser::add_report() {
    auto* app =
        subcommand(Command::report, "report",
                   "Show a metrics file again, and write other formats of it", kReportExamples);
    app->add_option("file", argument_, "Metrics file (JSON)")->type_name("FILE")->required();
    add_outputs(*app);
}

void Parser::add_compare() {
    auto* app =
        subcommand(Command::compare, "compare",
                   "Two runs: what differs, and whether it is beyond noise", kCompareExamples);
    app->add_option("a", argument_, "Metrics file of the run before")->type_name("A")->required();
    app->add_option("b", other_, "Metrics file of the run after")->type_name("B")->required();
    const auto option = [&](const char* name, std::optional<std::string>& value, const char* type,
                            const char* text) {
        app->add_option(name, value, text)->type_name(type)->group("Verdict");
    };
    option("--tolerance", tolerance_, "P",
           "How much worse times and rates may be, of A's (default 2%)");
    option("--time-tolerance", time_tolerance_, "T", "And times at least by so much (default 1ms)");
    option("--share-tolerance", share_tolerance_, "P",
           "How many more requests may fail, of all (default 0.1%)");
    app->add_option("--html", invocation_.outputs.html, "Write the comparison as a page")
        ->type_name("FILE")
        ->group("Output");
}

void Parser::add_output_dir(CLI::App& app) {
    app.add_option("--output-dir", invocation_.output_dir,
                   fmt::format("Folder of the files written (default {})", kDefaultOutputDir))
        ->type_name("DIR")
        ->group("Output");
}

void Parser::add_merge() {
    auto* app =
        subcommand(Command::merge, "merge",
                   "Metrics files of parts of one load: their whole, judged", kMergeExamples);
    app->add_option("files", invocation_.arguments, "Metrics files, one of each part")
        ->type_name("FILE...")
        ->required();
    app->add_option("-f,--config", invocation_.config,
                    "Judge by the bounds of this scenario file (default: those in the files)")
        ->type_name("FILE");
    add_output_dir(*app);
    add_outputs(*app);
}

void Parser::add_judge() {
    auto* app = subcommand(Command::judge, "judge",
                           "Judge what a Locust run measured by the bounds of a scenario file",
                           kJudgeExamples);
    app->add_option("--locust-csv", invocation_.locust_csv,
                    "Files of locust --csv: PREFIX_stats.csv and so on")
        ->type_name("PREFIX");
    app->add_option("--locust-json", invocation_.locust_json,
                    "What locust --json-file wrote: finer times than the CSV's")
        ->type_name("FILE");
    add_config(*app);
    app->add_option("--scenario", scenario_, "Whose bounds and tasks (default: the first one)")
        ->type_name("NAME");
    app->add_option("--stage", invocation_.load.stage, "Apply a stage of the file")
        ->type_name("NAME");
    add_output_dir(*app);
    add_outputs(*app);
}

void Parser::add_capacity() {
    auto* app = subcommand(Command::capacity, "capacity",
                           "Find the highest rate at which bounds hold, and what ends it",
                           kCapacityExamples);
    app->add_option("target", argument_,
                    "A scenario, or a URL (default: the file's first scenario)")
        ->type_name("SCENARIO|URL");
    app->add_option("--threshold", invocation_.thresholds,
                    "A bound, as 'p95 < 500ms'; several may be given (default: the scenario's)")
        ->type_name("EXPR")
        ->group("Search")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    const auto option = [&](const char* name, std::optional<std::string>& value, const char* type,
                            const char* text) {
        app->add_option(name, value, text)->type_name(type)->group("Search");
    };
    option("--from", from_, "R", "Rate to begin with (default 10 per second)");
    option("--to", to_, "R", "Highest rate to try (default 10,000 per second)");
    option("--step", step_, "T", "How long each rate is held (default 10s, at least 2s)");
    option("--precision", precision_, "P", "How close to the limit (default 3%)");
    add_config(*app);
    auto& load = invocation_.load;
    app->add_option("-H,--host", load.host, "Base URL of the target")->type_name("URL");
    app->add_option("--stage", load.stage, "Apply a stage of the file")->type_name("NAME");
    app->add_option("--seed", load.seed, "Seed of everything random")->type_name("N");
    app->add_option("--workers", load.workers, "Threads that generate load")->type_name("N");
    add_way(*app);
    app->add_option("--lag-budget", lag_budget_,
                    "Generator lag p99 beyond which this machine is the limit")
        ->type_name("T")
        ->group("Search");
    add_output_dir(*app);
    app->add_flag("-q,--quiet", invocation_.quiet, "No progress, results only")->group("Output");
    add_backend(*app);
}

}  // namespace squadload::cli
