// The options of worker and locustfile.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "cli/examples.h"
#include "cli/parser.h"

namespace squadload::cli {

void Parser::add_worker() {
    auto* app =
        subcommand(Command::worker, "worker", "Join a Locust master as a worker", kWorkerExamples);
    app->add_option("--master-host", master_host_,
                    "The master's host (default 127.0.0.1; LOCUST_MASTER_NODE_HOST)")
        ->type_name("HOST");
    app->add_option("--master-port", master_port_,
                    "Its port for workers (default 5557; LOCUST_MASTER_NODE_PORT)")
        ->type_name("PORT");
    const auto add_scenario = [&](CLI::App& to) {
        add_config(to);
        to.add_option("--scenario", scenario_, "The scenario (default: the file's first)")
            ->type_name("NAME");
        to.add_option("--stage", invocation_.load.stage, "Apply a stage of the file")
            ->type_name("NAME");
    };
    add_scenario(*app);
    auto& load = invocation_.load;
    app->add_option("-H,--host", load.host, "Base URL of the target, where the master names none")
        ->type_name("URL");
    app->add_option("--workers", load.workers, "Threads that generate load (default: all cores)")
        ->type_name("N");
    app->add_option("--seed", load.seed, "Seed of everything random")->type_name("N");
    app->add_option("-s,--graceful-stop,--stop-timeout", load.graceful_stop,
                    "How long requests in flight are awaited, where the master does not say")
        ->type_name("T");
    add_way(*app);
    app->add_option("--output-dir", invocation_.output_dir,
                    fmt::format("Folder of the files written (default {})", kDefaultOutputDir))
        ->type_name("DIR")
        ->group("Output");
    app->add_option("--prometheus-port", invocation_.prometheus_port,
                    "Figures of the run under way at 127.0.0.1:PORT/metrics (0: a free port)")
        ->type_name("PORT")
        ->group("Output");
    app->add_option("--health-port", invocation_.master.health_port,
                    "GET /health on this port of all addresses: 200 once joined, else 503")
        ->type_name("PORT")
        ->group("Output");
    app->add_option("--lag-budget", lag_budget_, "Generator lag p99 beyond which this part is VOID")
        ->type_name("T")
        ->group("Verdict");
    app->add_flag("--worker,--headless", headless_, "Accepted as in Locust")->group("Output");
    add_backend(*app);
    rare(*app, {"--stage", "--seed", "--graceful-stop", "--ca-file", "--cert", "--key", "--proxy",
                "--witness", "--prometheus-port", "--health-port", "--lag-budget", "--worker",
                "--backend"});

    auto* file =
        subcommand(Command::locustfile, "locustfile",
                   "Print the Python file of a master with such workers", kLocustfileExamples);
    add_scenario(*file);
    file->add_option("-H,--host", load.host, "Base URL of the target")->type_name("URL");
}

Result<void> Parser::read_master(const scenario::Environment& environment) {
    if (invocation_.command != Command::worker) return {};
    const auto value = [&](const std::optional<std::string>& given,
                           const char* variable) -> std::optional<std::string> {
        if (given) return given;
        auto text = environment(variable);
        return text && !text->empty() ? text : std::nullopt;
    };
    if (auto host = value(master_host_, "LOCUST_MASTER_NODE_HOST")) {
        if (host->empty() || host->find_first_of(" /@") != std::string::npos)
            return fail(ErrorKind::usage,
                        fmt::format("--master-host: \"{}\" is not a host; the port has an option "
                                    "of its own",
                                    *host));
        invocation_.master.host = *host;
    }
    const auto port = value(master_port_, "LOCUST_MASTER_NODE_PORT");
    if (!port) return {};
    std::uint16_t number = 0;
    const char* end = port->data() + port->size();
    const auto read = std::from_chars(port->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number == 0)
        return fail(ErrorKind::usage,
                    fmt::format("--master-port: \"{}\" is not a port, 1 to 65535", *port));
    invocation_.master.port = number;
    return {};
}

}  // namespace squadload::cli
