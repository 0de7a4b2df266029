#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>

#include "base/suggest.h"
#include "base/units.h"
#include "judge/result/run_result.h"

namespace squadload::cli {
namespace {

constexpr auto kRunExamples = R"(Examples:
  squadload run                                first scenario of config/load_testing.yaml
  squadload run spike --host http://127.0.0.1:8000
  squadload run all --stage staging --fail-fast
  squadload run http://127.0.0.1:8000/health -r 50 -t 30s
  squadload run sustained -u 30 -r 30 -t 5m    closed model: 30 users, 30 new users per second

Exit codes: 0 PASS, 1 FAIL, 2 usage or configuration, 3 target unreachable, 4 VOID,
70 internal error, 130 / 143 interrupted by SIGINT / SIGTERM.)";
constexpr auto kListExamples = R"(Example:
  squadload list --config config/load_testing.yaml)";
constexpr auto kValidateExamples = R"(Examples:
  squadload validate
  squadload validate my_test.yaml --stage staging --users 20)";
constexpr auto kInitExamples = R"(Examples:
  squadload init http://127.0.0.1:8000
  squadload init http://127.0.0.1:8000/v1 --output my_test.yaml)";
constexpr auto kTryExamples = R"(Examples:
  squadload try --host http://127.0.0.1:8000
  squadload try chat --host http://127.0.0.1:8000 --seed 7

Exit codes: 0 when the outcome is ok, 1 otherwise; 2 and 3 as for run.)";
constexpr auto kAuditExamples = R"(Examples:
  squadload run spike --save-arrivals
  squadload audit reports/load_test_arrivals_20261126_115930_spike.ndjson \
      --declared reports/load_test_declared_20261126_115930_spike.json

Exit codes: 0 when nothing is broken, 1 when something is, 2 for a file that cannot be read.)";
constexpr auto kCapacityExamples = R"(Examples:
  squadload capacity http://127.0.0.1:8000/health --threshold 'p95 < 50ms' --from 100 --to 20000
  squadload capacity sustained --host http://127.0.0.1:8000 --threshold 'p95(chat) < 2s' \
      --threshold 'rate(ok) >= 0.99' --from 5 --to 200 --step 30s

Exit codes: 0 when a rate holds, 1 when not even the first does, 4 when this machine was the limit;
2, 3, 70, 130, 143 as for run.)";
constexpr auto kReportExamples = R"(Examples:
  squadload report reports/load_test_metrics_20261126_115930.json
  squadload report reports/load_test_metrics_20261126_115930.json --junit junit.xml

Exit codes: 0 when it was shown, whatever its verdict; 2 for a file that cannot be read.)";
constexpr auto kProgramExamples = R"(Examples:
  squadload run http://127.0.0.1:8000/health -r 50 -t 30s
  squadload run spike --host http://127.0.0.1:8000
  squadload COMMAND --help)";

constexpr double kMostPerSecond = 10'000'000;
constexpr Nanos kShortestStep = std::chrono::seconds{2};
constexpr Nanos kLongestStep = std::chrono::hours{1};
constexpr double kFinestPrecision = 0.005;

// Collects what CLI11 writes, so that parse() stays a function of its arguments.
class Parser {
  public:
    Parser();
    std::variant<Invocation, Ended> parse(const std::vector<std::string>& arguments,
                                          const scenario::Environment& environment);

  private:
    CLI::App* subcommand(Command command, const std::string& name, const std::string& description,
                         const char* examples);
    void add_config(CLI::App& app);
    void add_load(CLI::App& app);
    void add_way(CLI::App& app);
    void add_backend(CLI::App& app);
    void add_run();
    void add_others();
    void add_audit();
    void add_capacity();
    void add_report();
    void add_outputs(CLI::App& app);
    [[nodiscard]] Result<void> read_capacity();
    [[nodiscard]] Result<void> check_leftovers() const;
    [[nodiscard]] Result<void> apply_environment(const scenario::Environment& environment);
    [[nodiscard]] Ended wrong(const std::string& sentence) const;

    CLI::App app_{"squadload: load tests for LLM APIs and any HTTP API, with a verdict."};
    Invocation invocation_;
    std::vector<std::pair<CLI::App*, Command>> commands_;
    std::optional<std::string> lag_budget_;
    std::optional<std::string> argument_;  // the one argument of the other commands
    std::optional<std::string> scenario_;  // try takes one
    bool headless_ = false;
    std::optional<std::string> from_, to_, step_, precision_;  // of capacity
};

Parser::Parser() {
    app_.name("squadload");
    app_.footer(kProgramExamples);
    app_.set_version_flag("-V,--version", "squadload " + version(), "Print the version");
    app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app_.require_subcommand(0, 1);
    app_.allow_extras();
    add_run();
    add_others();
    add_audit();
    add_capacity();
    add_report();
}

CLI::App* Parser::subcommand(Command command, const std::string& name,
                             const std::string& description, const char* examples) {
    auto* app = app_.add_subcommand(name, description);
    app->footer(examples);
    app->allow_extras();
    commands_.emplace_back(app, command);
    return app;
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
                    "Generator lag p99 beyond which a run is VOID (default: the larger of 10ms "
                    "and 5 % of the median response time)")
        ->type_name("T")
        ->group("Verdict");
    app->add_option("--output-dir", invocation_.output_dir,
                    fmt::format("Folder of the files written (default {})", kDefaultOutputDir))
        ->type_name("DIR")
        ->group("Output");
    add_outputs(*app);
    app->add_flag("--save-arrivals", invocation_.save_arrivals,
                  "Keep the simulated providers' log, for squadload audit")
        ->group("Output");
    app->add_flag("-q,--quiet", invocation_.quiet, "No progress, results only")->group("Output");
    add_backend(*app);
    app->add_flag("--headless", headless_, "Accepted as in Locust: there is no other mode")
        ->group("Output");
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
                     "What the gateway declares: GET /providers, or as --save-arrivals writes it")
        ->type_name("FILE");
}

// Files beside the metrics file.
void Parser::add_outputs(CLI::App& app) {
    auto& outputs = invocation_.outputs;
    app.add_option("--csv", outputs.csv,
                   "Write Locust's CSV files: PREFIX_stats.csv, _stats_history, _failures …")
        ->type_name("PREFIX")
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
                    "Generator lag p99 beyond which this machine is the limit (default as for run)")
        ->type_name("T")
        ->group("Search");
    app->add_option("--output-dir", invocation_.output_dir,
                    fmt::format("Folder of the files written (default {})", kDefaultOutputDir))
        ->type_name("DIR")
        ->group("Output");
    app->add_flag("-q,--quiet", invocation_.quiet, "No progress, results only")->group("Output");
    add_backend(*app);
}

Result<void> Parser::read_capacity() {
    auto& c = invocation_.capacity;
    const auto wrong = [](const char* option, const std::string& why) {
        return fail(ErrorKind::usage, fmt::format("{}: {}", option, why));
    };
    const auto rate = [&](const char* option, const std::optional<std::string>& text,
                          double& into) -> Result<void> {
        if (!text) return {};
        const auto value = parse_rate(*text);
        if (!value) return wrong(option, value.error().message);
        if (*value <= 0 || *value > kMostPerSecond)
            return wrong(option, "expected a rate above 0 and up to 10,000,000 per second");
        into = *value;
        return {};
    };
    if (auto read = rate("--from", from_, c.from_per_s); !read) return read;
    if (from_ && !to_) c.to_per_s = std::max(c.to_per_s, c.from_per_s);
    if (auto read = rate("--to", to_, c.to_per_s); !read) return read;
    if (!from_ && to_) c.from_per_s = std::min(c.from_per_s, c.to_per_s);
    if (c.from_per_s > c.to_per_s)
        return fail(ErrorKind::usage, fmt::format("--from {} is above --to {}", from_.value_or(""),
                                                  to_.value_or("")));
    if (step_) {
        const auto step = parse_duration(*step_);
        if (!step) return wrong("--step", step.error().message);
        if (*step < kShortestStep || *step > kLongestStep)
            return wrong("--step", "expected 2s to 1h: less shows no trend");
        c.step = *step;
    }
    if (precision_) {
        const auto share = parse_share(*precision_);
        if (!share) return wrong("--precision", share.error().message);
        if (*share < kFinestPrecision || *share > 1)
            return wrong("--precision", "expected 0.5% to 100%");
        c.precision = *share;
    }
    return {};
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
        for (const auto& name : option->get_snames()) names.push_back("-" + name);
    }
    return names;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
    const auto nearest = nearest_name(word, known);
    return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

Result<void> Parser::check_leftovers() const {
    const auto chosen = app_.get_subcommands();
    const CLI::App& app = chosen.empty() ? app_ : *chosen.front();
    auto left = app.remaining();
    if (left.empty() && &app != &app_) left = app_.remaining();
    if (left.empty()) return {};
    // An unknown option may have left its value behind: the option is what is wrong.
    const auto option = std::find_if(left.begin(), left.end(), [](const auto& word) {
        return word.size() > 1 && word[0] == '-';
    });
    if (option != left.end()) {
        const auto name = option->substr(0, option->find('='));
        return fail(ErrorKind::usage,
                    fmt::format("unknown option {}{}", name, suggestion(name, option_names(app))));
    }
    if (!chosen.empty())
        return fail(ErrorKind::usage, fmt::format("unexpected argument {}", left.front()));
    std::vector<std::string> names;
    for (const auto& [command, value] : commands_) names.push_back(command->get_name());
    return fail(ErrorKind::usage,
                fmt::format("unknown command {}{}", left.front(), suggestion(left.front(), names)));
}

Result<void> Parser::apply_environment(const scenario::Environment& environment) {
    const auto chosen = app_.get_subcommands();
    const auto given = [&](const std::string& name) {
        const auto* option = chosen.empty() ? nullptr : chosen.front()->get_option_no_throw(name);
        return option != nullptr && option->count() > 0;
    };
    const auto text = [&](const char* variable,
                          const std::string& option) -> std::optional<std::string> {
        if (given(option)) return std::nullopt;
        auto value = environment(variable);
        return value && !value->empty() ? value : std::nullopt;
    };
    invocation_.config_given = given("--config");
    if (auto value = text("SQUADLOAD_CONFIG", "--config")) {
        // A file given as the argument of validate comes from the command line, too.
        if (invocation_.command != Command::validate || invocation_.arguments.empty())
            invocation_.config = value;
    }
    if (auto value = text("SQUADLOAD_OUTPUT_DIR", "--output-dir")) invocation_.output_dir = *value;
    if (auto value = text("SQUADLOAD_BACKEND", "--backend")) invocation_.backend = *value;
    const bool writes = invocation_.command == Command::run;
    if (auto value = text("SQUADLOAD_JUNIT", "--junit"); value && writes)
        invocation_.outputs.junit = *value;
    if (auto value = text("SQUADLOAD_MARKDOWN", "--markdown"); value && writes)
        invocation_.outputs.markdown = *value;
    if (auto page = environment("GITHUB_STEP_SUMMARY"); page && writes)
        invocation_.outputs.step_summary = *page;
    std::string budget_source = "--lag-budget";
    if (auto value = text("SQUADLOAD_LAG_BUDGET", "--lag-budget")) {
        lag_budget_ = value;
        budget_source = "SQUADLOAD_LAG_BUDGET";
    }
    if (lag_budget_) {
        const auto budget = parse_duration(*lag_budget_);
        if (!budget)
            return fail(ErrorKind::usage,
                        fmt::format("{}: {}", budget_source, budget.error().message));
        invocation_.lag_budget_ms = to_ms(*budget);
    }
    const std::array<std::tuple<const char*, const char*, bool*>, 2> switches{
        {{"SQUADLOAD_QUIET", "--quiet", &invocation_.quiet},
         {"SQUADLOAD_ALLOW_VOID", "--allow-void", &invocation_.allow_void}}};
    for (const auto& [variable, option, target] : switches) {
        const auto value = text(variable, option);
        if (!value) continue;
        const auto on = parse_switch(variable, *value);
        if (!on) return tl::unexpected(on.error());
        *target = *on;
    }
    return {};
}

Ended Parser::wrong(const std::string& sentence) const {
    const auto chosen = app_.get_subcommands();
    const auto command =
        chosen.empty() ? std::string("squadload") : "squadload " + chosen.front()->get_name();
    return {result::ExitCode::usage, "",
            fmt::format("squadload: error: {}\nSee {} --help\n", sentence, command)};
}

std::variant<Invocation, Ended> Parser::parse(const std::vector<std::string>& arguments,
                                              const scenario::Environment& environment) {
    if (arguments.empty()) return Ended{result::ExitCode::usage, "", app_.help()};
    try {
        app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        return Ended{0, app_.help(), ""};  // of the chosen command, if there is one
    } catch (const CLI::CallForVersion& e) {
        return Ended{0, std::string(e.what()) + "\n", ""};
    } catch (const CLI::ArgumentMismatch& e) {
        const std::string sentence = e.what();
        return wrong(sentence.substr(0, sentence.find(':')) + " needs a value");
    } catch (const CLI::ParseError& e) {
        // A mistyped option explains what CLI11 then misses.
        const auto leftovers = check_leftovers();
        return wrong(leftovers ? std::string(e.what()) : leftovers.error().message);
    }
    if (const auto none_left = check_leftovers(); !none_left)
        return wrong(none_left.error().message);
    const auto chosen = app_.get_subcommands();
    if (chosen.empty()) return wrong("a command is missing");
    for (const auto& [app, command] : commands_) {
        if (app == chosen.front()) invocation_.command = command;
    }
    if (argument_) invocation_.arguments = {*argument_};
    if (scenario_) invocation_.scenarios = {*scenario_};
    const auto& load = invocation_.load;
    if (load.rate_or_spawn_rate && load.rate) {
        return wrong(fmt::format("-r {} and --rate {} both name a rate; give one of them",
                                 *load.rate_or_spawn_rate, *load.rate));
    }
    if (const auto applied = apply_environment(environment); !applied)
        return wrong(applied.error().message);
    if (const auto read = read_capacity(); !read) return wrong(read.error().message);
    return invocation_;
}

}  // namespace

std::variant<Invocation, Ended> parse(const std::vector<std::string>& arguments,
                                      const scenario::Environment& environment) {
    return Parser().parse(arguments, environment);
}

Result<bool> parse_switch(const std::string& name, const std::string& text) {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "1" || lower == "true" || lower == "yes" || lower == "on") return true;
    if (lower.empty() || lower == "0" || lower == "false" || lower == "no" || lower == "off")
        return false;
    return fail(ErrorKind::usage,
                fmt::format("{}: \"{}\" is neither on nor off; use 1 or 0", name, text));
}

std::string version() {
    return SQUADLOAD_VERSION;
}

}  // namespace squadload::cli
