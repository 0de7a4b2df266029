// squad-providers: simulated LLM providers on one port, until SIGTERM or SIGINT.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/units.h"
#include "target/program/program.h"
#include "target/providers/simulator.h"
#include "target/service/service_thread.h"
#include "yaml/value.h"

namespace {

using namespace squadload;
namespace asio = squadload::service::asio;

constexpr Nanos kGrace = std::chrono::seconds(5);
constexpr auto kTokenVariable = "SQUAD_PROVIDERS_TOKEN";
constexpr program::Program kProgram{"squad-providers",
                                    "simulated LLM providers with live quotas, faults and a log "
                                    "of every call.",
                                    R"(Examples:
  squad-providers                          all shipped providers on http://127.0.0.1:9100
  squad-providers --port 0 --window 2s     on a free port, a minute of the quotas lasts 2 s
  squad-providers --profiles my/groq.yaml --arrivals arrivals.ndjson
  curl http://127.0.0.1:9100/arrivals/summary
  curl http://127.0.0.1:9100/control/faults -d '{"provider":"groq","kind":"outage","for":"20s"}'

Control requests (/control, DELETE /arrivals) are for loopback, or for whoever shows the token of
the environment variable SQUAD_PROVIDERS_TOKEN: Authorization: Bearer TOKEN.

Exit codes: 0 ended by a signal, 2 usage or configuration, 70 internal error.)"};

struct Options {
    std::vector<std::string> profiles;
    std::string quotas = "shipped";
    std::string host = "127.0.0.1";
    std::string port = "9100";
    std::string seed = "1";
    std::string window = "60s";
    std::string latency_scale = "1";
    std::string log_capacity = "1000000";
    std::string arrivals;
    bool quiet = false;
};

void add_options(CLI::App& app, Options& options) {
    const auto option = [&](const char* names, std::string& value, const char* type,
                            const char* text) {
        app.add_option(names, value, text)->type_name(type)->capture_default_str();
    };
    app.add_option("--profiles,--config", options.profiles,
                   "Profiles: a file, or a folder of *.yaml (default: the shipped ones)")
        ->type_name("DIR|FILE")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
    option("--quotas", options.quotas, "shipped|documented",
           "Enforce the profiles' quotas, or the documented requests and tokens per minute and "
           "requests per day, for the models they are documented for");
    option("--host", options.host, "ADDRESS", "Address to listen on");
    option("--port", options.port, "N", "Port; 0 for a free one");
    option("--seed", options.seed, "N", "Seed of everything random");
    option("--window", options.window, "T", "How long a minute of the quotas lasts");
    option("--latency-scale", options.latency_scale, "F", "Factor of all answer times; 0: at once");
    option("--log-capacity", options.log_capacity, "N", "Calls kept in memory");
    app.add_option("--arrivals", options.arrivals, "Write every call to this file (NDJSON)")
        ->type_name("FILE");
    app.add_flag("-q,--quiet", options.quiet, "Print nothing but errors");
}

Result<std::vector<providers::Profile>> read_profiles(const Options& options) {
    auto profiles = options.profiles.empty() ? providers::shipped_profiles()
                                             : providers::load_profiles(options.profiles);
    if (!profiles || options.quotas == "shipped") return profiles;
    if (options.quotas != "documented")
        return fail(ErrorKind::usage, "--quotas: expected shipped or documented");
    for (providers::Profile& profile : *profiles) {
        if (const auto good = providers::enforce_documented(profile); !good)
            return tl::unexpected(good.error());
    }
    return profiles;
}

Result<providers::Settings> read_settings(const Options& options) {
    auto profiles = read_profiles(options);
    if (!profiles) return tl::unexpected(profiles.error());
    yaml::Problems problems;
    const auto whole = [&](const char* name, const std::string& text, std::int64_t high) {
        return yaml::TextValue(name, text).value(problems).integer(0, high);
    };
    providers::Settings settings;
    settings.profiles = std::move(*profiles);
    settings.host = options.host;
    settings.port = static_cast<std::uint16_t>(whole("--port", options.port, 65'535));
    settings.seed = static_cast<std::uint64_t>(
        whole("--seed", options.seed, std::numeric_limits<std::int64_t>::max()));
    settings.log_capacity =
        static_cast<std::size_t>(whole("--log-capacity", options.log_capacity, 100'000'000));
    settings.window = yaml::TextValue("--window", options.window).value(problems).duration();
    settings.latency_scale =
        yaml::TextValue("--latency-scale", options.latency_scale).value(problems).number(0, 1'000);
    settings.arrivals_file = options.arrivals;
    // Never on the command line, where everybody on the machine can read it.
    if (const char* token = std::getenv(kTokenVariable)) settings.control_token = token;
    if (settings.control_token.find_first_of(" \t\r\n") != std::string::npos)
        return fail(ErrorKind::usage, fmt::format("{}: a token has no spaces", kTokenVariable));
    if (problems.first()) return tl::unexpected(*problems.first());
    return settings;
}

std::string greeting(const providers::Simulator& simulator) {
    std::string paths;
    for (const auto& path : simulator.paths()) paths += "  " + path.base;
    return simulator.url() + paths;
}

asio::awaitable<void> end(providers::Simulator* simulator) {
    const bool whole = co_await simulator->drain(kGrace);
    if (!whole) log::warning("some calls were cut off");
    simulator->stop();
}

int serve(const Options& options) {
    auto settings = read_settings(options);
    if (!settings) return program::told(kProgram, settings.error());
    if (options.quiet) log::set_level(log::Level::error);
    asio::io_context io(1);
    const auto simulator = providers::Simulator::start(io, std::move(*settings));
    if (!simulator) return program::told(kProgram, simulator.error());
    if (!options.quiet) program::print_when_running(io, greeting(**simulator));
    static_cast<void>(service::run_until_signal(io, [&] { return end(simulator->get()); }));
    const auto counts = (*simulator)->log_counts();
    if (counts.overflow > 0) {
        log::warning(fmt::format("{} of {} calls were not kept in memory: see --log-capacity",
                                 counts.overflow, counts.recorded));
    }
    return program::kGood;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    return program::service_main(
        argc, argv, kProgram, [&](CLI::App& app) { add_options(app, options); },
        [&] { return serve(options); });
}
