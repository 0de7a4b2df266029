// The command line and the environment → one value. Nothing is read or run here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "judge/compare/compare.h"
#include "load/scenario/config.h"
#include "run/capacity.h"
#include "run/outputs.h"
#include "worker/worker.h"

namespace squadload::cli {

inline constexpr std::string_view kDefaultConfig = "config/load_testing.yaml";
// Where that is not there: what the package installs.
inline constexpr std::string_view kInstalledConfig = "/etc/squadload/load_testing.yaml";
inline constexpr std::string_view kDefaultOutputDir = "reports";

enum class Command {
    run,
    list,
    validate,
    init,
    try_task,
    audit,
    capacity,
    report,
    compare,
    worker,
    locustfile,
    merge,
    judge,
    completion
};

struct Invocation {
    Command command = Command::run;
    // run: scenarios, "all" or one URL; validate: at most one file; init: the URL; try: at most one
    // task; audit: the log; report: the metrics file; compare: two of them; merge: one or
    // more; capacity: at most one scenario or URL.
    std::vector<std::string> arguments;
    std::vector<std::string> scenarios;  // --scenario
    std::optional<std::string> config;   // --config, SQUADLOAD_CONFIG
    bool config_given = false;           // by --config
    scenario::CommandLine
        load;  // what scenario::Config::effective resolves, together with its environment
    std::optional<std::string>
        r;  // -r: a request rate or a spawn rate, by the model (see resolve_r)
    std::string output_dir{kDefaultOutputDir};  // --output-dir, SQUADLOAD_OUTPUT_DIR
    run::Outputs outputs;  // --junit, --markdown, SQUADLOAD_JUNIT …, GITHUB_STEP_SUMMARY
    std::optional<std::string> output;    // init --output
    std::string declared;                 // audit --declared
    std::vector<std::string> thresholds;  // capacity --threshold
    compare::Tolerance tolerance;  // compare --tolerance, --time-tolerance, --share-tolerance
    std::string locust_csv, locust_json;           // judge --locust-csv, --locust-json
    run::CapacitySettings capacity;                // capacity --from, --to, --step, --precision
    std::string backend = "auto";                  // --backend, SQUADLOAD_BACKEND
    std::optional<std::uint16_t> prometheus_port;  // --prometheus-port
    bool save_arrivals = false;                    // --save-arrivals
    bool quiet = false;                            // --quiet, SQUADLOAD_QUIET
    bool allow_void = false;                       // --allow-void, SQUADLOAD_ALLOW_VOID
    worker::MasterAddress master;                  // --master-host, --master-port, LOCUST_MASTER_…
    std::optional<double> lag_budget_ms;           // --lag-budget, SQUADLOAD_LAG_BUDGET
};

// The command line asked for nothing to be done: help, the version, or it was wrong.
struct Ended {
    int exit_code = 0;
    std::string out;  // for stdout
    std::string err;  // for stderr
};

// `arguments` without the program's name. A mistyped option or command ends with exit code 2 and
// the nearest known one.
[[nodiscard]] std::variant<Invocation, Ended> parse(const std::vector<std::string>& arguments,
                                                    const scenario::Environment& environment);

// "1", "true", "yes", "on" and "0", "false", "no", "off", "" in any case.
[[nodiscard]] Result<bool> parse_switch(const std::string& name, const std::string& text);

// The command line as text for the metrics file: quoted for a shell, with user info and
// secret-looking query values masked.
[[nodiscard]] std::string command_text(const std::vector<std::string>& arguments);

[[nodiscard]] std::string version();

}  // namespace squadload::cli
