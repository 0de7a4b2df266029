// squad-api: the gateway, until SIGTERM or SIGINT.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "base/descriptors.h"
#include "base/log.h"
#include "target/service/service_thread.h"
#include "target/squad_api/gateway.h"
#include "target/squad_api/stores/open_stores.h"

namespace {

using namespace squadload;
namespace asio = squadload::service::asio;

constexpr int kGood = 0;
constexpr int kUsage = 2;  // options, configuration, the address
constexpr int kInternal = 70;
constexpr Nanos kUnwind = std::chrono::seconds(1);
constexpr Nanos kStoresPatience = std::chrono::seconds(10);  // for what is queued, at the end
constexpr auto kFooter = R"(Examples:
  squad-api                                     the built-in configuration, on http://127.0.0.1:8000
  squad-api --port 0 --providers-url http://127.0.0.1:9100
  squad-api --config config/squad_api.yaml --redis-url redis://127.0.0.1:6379

Environment: SQUAD_API_CONFIG, SQUAD_API_HOST, SQUAD_API_PORT, SQUAD_API_PROVIDERS_URL,
SQUAD_API_REDIS_URL, SQUAD_API_POSTGRES_URL, SQUAD_API_SQLITE, SQUAD_API_ALLOW_OPEN and
SQUAD_API_LOG_PROMPTS stand in for the options and keys of that name; SQUAD_API_KEYS holds the
clients' keys, GROQ_API_KEY and the like the providers'.

Exit codes: 0 ended by a signal, 2 usage or configuration, 70 internal error.)";

struct Options {
    std::optional<std::string> config;
    squad_api::Overrides overrides;
    bool quiet = false;
};

void add_options(CLI::App& app, Options& options) {
    app.name("squad-api");
    app.footer(kFooter);
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    const auto option = [&](const char* names, std::optional<std::string>& value, const char* type,
                            const char* text) {
        app.add_option(names, value, text)->type_name(type);
    };
    option("--config", options.config, "FILE", "Configuration (default: the built-in one)");
    option("--host", options.overrides.host, "ADDRESS", "Address to listen on");
    option("--port", options.overrides.port, "N", "Port; 0 for a free one");
    option("--providers-url", options.overrides.providers_url, "URL",
           "Simulated providers: every provider is called at URL/NAME");
    option("--redis-url", options.overrides.redis_url, "URL", "Share the limits in this Redis");
    option("--postgres-url", options.overrides.postgres_url, "URL", "Audit log in this PostgreSQL");
    option("--sqlite", options.overrides.sqlite, "FILE",
           "Audit log and conversations in this file; empty: none");
    app.add_flag("-q,--quiet", options.quiet, "Print nothing but errors");
}

int told(const Error& error) {
    fmt::print(stderr, "squad-api: {}\n", error.text());
    return error.kind == ErrorKind::internal ? kInternal : kUsage;
}

Result<squad_api::Config> read_config(const Options& options) {
    const auto environment = squad_api::process_environment();
    auto path = options.config;
    if (!path) path = environment("SQUAD_API_CONFIG");
    if (path) return squad_api::load_config(*path, environment, options.overrides);
    return squad_api::parse_config(squad_api::default_config_text(), "config/squad_api.yaml",
                                   environment, options.overrides);
}

asio::awaitable<void> end(squad_api::Gateway* gateway) {
    const bool whole = co_await gateway->drain();
    if (!whole) log::warning("some requests were cut off");
    gateway->stop();
}

int serve(const Options& options) {
    auto config = read_config(options);
    if (!config) return told(config.error());
    if (options.quiet) log::set_level(log::Level::error);
    for (const std::string& note : config->notes) log::warning(note);
    asio::io_context io(1);
    auto stores = squad_api::open_stores(io.get_executor(), *config);
    if (!stores) return told(stores.error());
    squad_api::Gateway gateway(io, std::move(*config), *stores);
    const auto port = gateway.start();
    if (!port) return told(port.error());
    // Once the loop runs: who reads the line may send a signal at once.
    asio::post(io, [&] {
        if (options.quiet) return;
        fmt::print("{}\n", gateway.url());
        static_cast<void>(std::fflush(stdout));
    });
    static_cast<void>(service::run_until_signal(io, [&] { return end(&gateway); }));
    // After a second signal: whoever is still under way ends now, and says so in the audit log.
    gateway.stop();
    io.restart();
    io.run_for(kUnwind);
    const std::string lost = squad_api::close_stores(*stores, kStoresPatience);
    if (!lost.empty()) log::warning(lost);
    return kGood;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        log::set_program("squad-api");
        static_cast<void>(raise_descriptor_limit());
        CLI::App app{"squad-api: a gateway that keeps inside the quotas of its LLM providers."};
        Options options;
        add_options(app, options);
        try {
            app.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            fmt::print("{}", app.help());
            return kGood;
        } catch (const CLI::ParseError& error) {
            fmt::print(stderr, "squad-api: {}\nsquad-api --help shows the options.\n",
                       error.what());
            return kUsage;
        }
        return serve(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "squad-api: internal error: {}\n", error.what());
        return kInternal;
    }
}
