// The gateway's configuration: what config/squad_api.yaml says, then environment, then command
// line. Plain values, made once at start, read by one thread. Embedders may change a Config before
// they make a Gateway of it (free port, other quotas, a scaled clock).
//
// Secrets (provider keys, client keys, passwords of stores) come from the environment only; a file
// that holds one is refused. They are never logged or shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "target/limits/breaker.h"
#include "target/limits/quota.h"
#include "target/limits/throttle.h"
#include "target/llm/dialect.h"

namespace squadload::squad_api {

// Reads one variable; empty counts as not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
[[nodiscard]] Environment process_environment();

struct ProviderConfig {
    std::string name;  // [a-z0-9_-]
    llm::Dialect dialect = llm::Dialect::openai;
    std::string base_url;  // as llm::base_path says: "http://127.0.0.1:9100/groq/openai/v1"
    std::string key_env;   // "GROQ_API_KEY"; empty: called without a key
    // Secret; empty: none. "simulated" for a provider on loopback whose variable is not set, and
    // for all when the command line or environment says where the simulators are.
    std::string key;
    std::string model;
    // Kept by reservation on a sliding log of one window, with a bucket beside it; guard included.
    limits::QuotaSettings limits;
    Nanos timeout = std::chrono::seconds(15);  // of one call, from connect to the last byte
    std::int64_t max_tokens = 1024;  // default and cap for calls that name this provider's model
    limits::ThrottleSettings throttle;
    limits::BreakerSettings breaker;
};

struct AgentConfig {
    std::string name;
    std::string description;
    std::vector<std::size_t> chain;  // places in Config::providers, first choice first
    std::string system;              // system prompt; empty: none
    std::int64_t max_tokens = 256;   // of an answer: default and cap
    std::optional<double> temperature;
};

// Bounds of one request, and of all of them together.
struct FallbackConfig {
    std::int64_t attempts = 4;                            // calls to providers, per request
    Nanos total_time = std::chrono::seconds(30);          // arrival to answer, queue included
    Nanos backoff_base = std::chrono::milliseconds(100);  // after a whole chain has failed; doubles
    Nanos backoff_max = std::chrono::seconds(2);
    // calls <= amplification × requests + amplification_reserve, since the start.
    double amplification = 2;
    std::int64_t amplification_reserve = 100;
};

struct QueueConfig {
    Nanos max_wait = std::chrono::seconds(5);  // 0: nobody waits
    std::int64_t max_length = 1000;            // of all chains together
};

struct StoreConfig {
    std::string redis_url;     // redis://[user:password@]host:port[/db]; empty: limits in process
    std::string postgres_url;  // postgresql://…; empty: SQLite or nothing
    std::string sqlite;        // path of the file; empty: none
    // Where the URLs stand, if they are the file's.
    std::optional<SourceMark> redis_mark = std::nullopt, postgres_mark = std::nullopt;
    // With Redis: how many gateways share the quotas, and what each does while Redis is away.
    std::int64_t gateways = 1;
    std::string on_loss = "local";  // local: limit / gateways each; closed: nothing; open: all
};

struct ServerConfig {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8000;  // 0: a free one
    bool allow_open = false;    // beyond loopback without client keys
    std::size_t max_connections = 10'000;
    std::size_t max_header_bytes = 16 * 1024;
    std::size_t max_body_bytes = 256 * 1024;
    std::size_t max_requests_in_flight = 5'000;
    Nanos header_timeout = std::chrono::seconds(10);
    Nanos body_timeout = std::chrono::seconds(30);
    Nanos idle_timeout = std::chrono::seconds(75);
    Nanos write_timeout = std::chrono::seconds(30);
    Nanos drain = std::chrono::seconds(30);  // what is in flight may take so long after SIGTERM
};

struct Config {
    ServerConfig server;
    std::vector<std::string> api_keys;      // secret; of clients; empty: none is asked for
    std::vector<ProviderConfig> providers;  // 1 … 64, in file order
    std::vector<AgentConfig> agents;        // in file order
    FallbackConfig fallback;
    QueueConfig queue;
    std::int64_t history_turns = 10;  // handed to the model when a request brings none; 0: not kept
    StoreConfig stores;
    bool log_prompts = false;        // prompt text into the audit log
    std::vector<std::string> notes;  // for the log at start; no secrets

    [[nodiscard]] const ProviderConfig* provider(std::string_view name) const;
};

// What the command line and embedders say; wins over the environment's SQUAD_API_HOST, _PORT,
// _PROVIDERS_URL, _REDIS_URL, _POSTGRES_URL, _SQLITE, _ALLOW_OPEN and _LOG_PROMPTS.
struct Overrides {
    std::optional<std::string> host, port, providers_url, redis_url, postgres_url, sqlite;
};

// Errors: kind config with file:line:column, the key path and the nearest known key; for variables
// and options "source: sentence".
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& file_name,
                                          const Environment& environment,
                                          const Overrides& overrides = {});
[[nodiscard]] Result<Config> load_config(const std::string& path, const Environment& environment,
                                         const Overrides& overrides = {});

// config/squad_api.yaml as it was when this was built: used when no file is named.
[[nodiscard]] std::string_view default_config_text();

// "http://127.0.0.1:9100" → every provider's base URL becomes that + "/NAME" + its dialect's base
// path, where the simulated providers live. No trailing slash needed.
void point_at_simulators(Config& config, std::string_view url);

// Keeps only these providers, in the file's order; chains lose the others, agents without any
// provider left go. Error of kind config: an unknown name, or nothing left.
[[nodiscard]] Result<Config> with_providers(Config config, const std::vector<std::string>& names);

// What no single key shows: client keys long enough, an address to listen on, and beyond loopback
// only with keys. parse_config has called it; embedders that changed these call it again.
[[nodiscard]] Result<void> check_config(const Config& config);

}  // namespace squadload::squad_api
