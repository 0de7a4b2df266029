// squad-api: the gateway, until SIGTERM or SIGINT.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "base/log.h"
#include "target/program/program.h"
#include "target/service/service_thread.h"
#include "target/squad_api/gateway.h"
#include "target/squad_api/stores/open_stores.h"

namespace {

using namespace squadload;
namespace asio = squadload::service::asio;

constexpr Nanos kUnwind = std::chrono::seconds(1);
constexpr Nanos kStoresPatience = std::chrono::seconds(10);  // for what is queued, at the end
constexpr program::Program kProgram{"squad-api",
                                    "a gateway that keeps inside the quotas of its LLM providers.",
                                    R"(Examples:
  squad-api                                     the built-in configuration, on http://127.0.0.1:8000
  squad-api --port 0 --providers-url http://127.0.0.1:9100
  squad-api --config config/squad_api.yaml --redis-url redis://127.0.0.1:6379

Environment: SQUAD_API_CONFIG, SQUAD_API_HOST, SQUAD_API_PORT, SQUAD_API_PROVIDERS_URL,
SQUAD_API_REDIS_URL, SQUAD_API_POSTGRES_URL, SQUAD_API_SQLITE, SQUAD_API_ALLOW_OPEN and
SQUAD_API_LOG_PROMPTS stand in for the options and keys of that name; SQUAD_API_KEYS holds the
clients' keys, GROQ_API_KEY and the like the providers'.

Exit codes: 0 ended by a signal, 2 usage or configuration, 70 internal error.)"};

struct Options {
    std::optional<std::string> config;
    squad_api::Overrides overrides;
    bool quiet = false;
};

void add_options(CLI::App& app, Options& options) {
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

Result<squad_api::Config> read_config(const Options& options) {
    const auto environment = squad_api::process_environment();
    auto path = options.config;
    if (!path) path = environment("SQUAD_API_CONFIG");
    if (path) return squad_api::load_config(*path, environment, options.overrides);
    return squad_api::parse_config(squad_api::default_config_text(), "config/squad_api.yaml",
                                   environment, options.overrides);
}

asio::awaitable<void> end(squad_api::Gateway* gateway, bool* drained) {
    const bool whole = co_await gateway->drain();
    if (!whole) log::warning("some requests were cut off");
    gateway->stop();
    *drained = true;
}

int serve(const Options& options) {
    auto config = read_config(options);
    if (!config) return program::told(kProgram, config.error());
    if (options.quiet) log::set_level(log::Level::error);
    for (const std::string& note : config->notes) log::warning(note);
    asio::io_context io(1);
    auto stores = squad_api::open_stores(io.get_executor(), *config);
    if (!stores) return program::told(kProgram, stores.error());
    squad_api::Gateway gateway(io, std::move(*config), *stores);
    const auto port = gateway.start();
    if (!port) return program::told(kProgram, port.error());
    if (!options.quiet) program::print_when_running(io, gateway.url());
    bool drained = false;
    static_cast<void>(service::run_until_signal(io, [&] { return end(&gateway, &drained); }));
    if (!drained) {
        // A second signal: whoever is still under way ends now, and says so in the audit log.
        gateway.stop();
        io.restart();
        io.run_for(kUnwind);
    }
    const std::string lost = squad_api::close_stores(*stores, kStoresPatience);
    if (!lost.empty()) log::warning(lost);
    return program::kGood;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    return program::service_main(
        argc, argv, kProgram, [&](CLI::App& app) { add_options(app, options); },
        [&] { return serve(options); });
}
