#include "target/squad_api/config.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cstdlib>
#include <utility>

#include "base/units.h"
#include "target/service/api_keys.h"
#include "target/service/url.h"
#include "target/squad_api/read_config.h"

namespace squadload::squad_api {
namespace {

// Simulated providers want a key, any will do.
constexpr const char* kSimulatedKey = "simulated";

// What came from outside the file, with where from, for the messages.
struct Said {
    std::string source;
    std::string text;
};

std::optional<Said> said(const std::optional<std::string>& option, const char* option_name,
                         const Environment& environment, const std::string& variable) {
    if (option) return Said{option_name, *option};
    if (auto value = environment(variable)) return Said{variable, std::move(*value)};
    return std::nullopt;
}

// Kubernetes sets SQUAD_API_PORT=tcp://10.0.0.1:80 for a service named squad-api (service links):
// not meant for us.
bool is_service_link(const Said& port) {
    return port.text.rfind("tcp://", 0) == 0;
}

void override_listen(const Environment& environment, const Overrides& overrides, Config& config,
                     yaml::Problems& problems) {
    ServerConfig& server = config.server;
    if (const auto host = said(overrides.host, "--host", environment, "SQUAD_API_HOST"))
        server.host = host->text;
    if (const auto port = said(overrides.port, "--port", environment, "SQUAD_API_PORT");
        port && !is_service_link(*port)) {
        const yaml::TextValue text(port->source, port->text);
        server.port = static_cast<std::uint16_t>(text.value(problems).integer(0, 65'535));
    }
    if (const auto open = environment("SQUAD_API_ALLOW_OPEN")) {
        const yaml::TextValue text("SQUAD_API_ALLOW_OPEN", *open);
        server.allow_open = text.value(problems).boolean();
    }
    if (const auto log = environment("SQUAD_API_LOG_PROMPTS")) {
        const yaml::TextValue text("SQUAD_API_LOG_PROMPTS", *log);
        config.log_prompts = text.value(problems).boolean();
    }
}

void override_stores(const Environment& environment, const Overrides& overrides,
                     StoreConfig& stores) {
    if (auto v = said(overrides.redis_url, "--redis-url", environment, "SQUAD_API_REDIS_URL"))
        stores.redis_url = std::move(v->text), stores.redis_mark.reset();
    if (auto v =
            said(overrides.postgres_url, "--postgres-url", environment, "SQUAD_API_POSTGRES_URL"))
        stores.postgres_url = std::move(v->text), stores.postgres_mark.reset();
    if (auto v = said(overrides.sqlite, "--sqlite", environment, "SQUAD_API_SQLITE"))
        stores.sqlite = std::move(v->text);
}

// Whether the providers are simulated ones by option or variable.
bool override_providers(const Environment& environment, const Overrides& overrides, Config& config,
                        yaml::Problems& problems) {
    const auto url =
        said(overrides.providers_url, "--providers-url", environment, "SQUAD_API_PROVIDERS_URL");
    if (!url) return false;
    if (const auto parsed = service::parse_url(url->text); !parsed) {
        problems.add(
            Error{ErrorKind::config, fmt::format("{}: {}", url->source, parsed.error().message)});
        return true;
    }
    point_at_simulators(config, url->text);
    return true;
}

std::vector<std::string> split_keys(std::string_view text) {
    std::vector<std::string> keys;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view key = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        while (!key.empty() && key.front() == ' ') key.remove_prefix(1);
        while (!key.empty() && key.back() == ' ') key.remove_suffix(1);
        if (!key.empty()) keys.emplace_back(key);
    }
    return keys;
}

void take_provider_key(const Environment& environment, ProviderConfig& provider,
                       std::vector<std::string>& notes) {
    if (auto key = environment(provider.key_env)) provider.key = std::move(*key);
    const auto url = service::parse_url(provider.base_url);
    if (!url || service::is_loopback(url->origin.host)) {
        if (provider.key.empty()) provider.key = kSimulatedKey;
        return;
    }
    if (provider.key.empty())
        notes.push_back(fmt::format("{} is not set: provider {} is called without a key",
                                    provider.key_env, provider.name));
    else if (!url->origin.tls)
        notes.push_back(fmt::format("provider {}: {} goes over http:// in clear text",
                                    provider.name, provider.key_env));
}

void take_secrets(const Environment& environment, const FileConfig& file, bool simulated,
                  Config& config) {
    if (!file.api_keys_env.empty()) {
        if (const auto keys = environment(file.api_keys_env)) config.api_keys = split_keys(*keys);
    }
    for (ProviderConfig& provider : config.providers) {
        if (provider.key_env.empty()) continue;
        if (simulated)
            provider.key = kSimulatedKey;  // never a real one
        else
            take_provider_key(environment, provider, config.notes);
    }
}

Result<void> check_keys(const Config& config) {
    for (const std::string& key : config.api_keys)
        if (key.size() < 8)
            return fail(ErrorKind::config, "a key in SQUAD_API_KEYS is shorter than 8 characters");
    return {};
}

Result<void> check_listen(const Config& config) {
    const std::string& host = config.server.host;
    boost::system::error_code error;
    static_cast<void>(boost::asio::ip::make_address(host, error));
    if (error && host != "localhost")
        return fail(ErrorKind::config,
                    fmt::format("\"{}\" is no address to listen on, such as 127.0.0.1", host));
    if (!service::is_loopback(host) && config.api_keys.empty() && !config.server.allow_open)
        return fail(ErrorKind::config,
                    fmt::format("listening on {} needs client keys in SQUAD_API_KEYS, because "
                                "anyone there could spend the providers' quotas; without keys "
                                "only loopback (127.0.0.1), or say allow_open: true",
                                host));
    return {};
}

// A provider that hangs must not use up a request's whole time.
void note_timeouts(Config& config) {
    for (const ProviderConfig& provider : config.providers) {
        if (provider.timeout < config.fallback.total_time) continue;
        config.notes.push_back(
            fmt::format("fallback.total_time ({}) is not above the timeout of provider {} ({}): "
                        "when it hangs, requests end with it instead of falling back",
                        format_duration(config.fallback.total_time), provider.name,
                        format_duration(provider.timeout)));
    }
}

Result<Config> build(const yaml::Document& document, const Environment& environment,
                     const Overrides& overrides) {
    yaml::Problems problems;
    FileConfig file = read_config(document, problems);
    if (problems.first()) return tl::unexpected(*problems.first());
    Config config = std::move(file.config);
    override_listen(environment, overrides, config, problems);
    override_stores(environment, overrides, config.stores);
    const bool simulated = override_providers(environment, overrides, config, problems);
    if (problems.first()) return tl::unexpected(*problems.first());
    take_secrets(environment, file, simulated, config);
    if (auto checked = check_keys(config); !checked) return tl::unexpected(checked.error());
    const bool host_from_file = !overrides.host && !environment("SQUAD_API_HOST");
    if (auto checked = check_listen(config); !checked) {
        Error error = checked.error();
        if (host_from_file && file.host_mark) error.mark = file.host_mark;
        return tl::unexpected(std::move(error));
    }
    note_timeouts(config);
    return config;
}

}  // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr || *value == '\0') return std::nullopt;
        return std::string(value);
    };
}

const ProviderConfig* Config::provider(std::string_view name) const {
    const auto found = std::find_if(providers.begin(), providers.end(),
                                    [name](const ProviderConfig& p) { return p.name == name; });
    return found == providers.end() ? nullptr : &*found;
}

Result<Config> parse_config(std::string_view text, const std::string& file_name,
                            const Environment& environment, const Overrides& overrides) {
    const auto document = yaml::Document::parse(text, file_name);
    if (!document) return tl::unexpected(document.error());
    return build(*document, environment, overrides);
}

Result<Config> load_config(const std::string& path, const Environment& environment,
                           const Overrides& overrides) {
    const auto document = yaml::Document::load_file(path);
    if (!document) return tl::unexpected(document.error());
    return build(*document, environment, overrides);
}

void point_at_simulators(Config& config, std::string_view url) {
    while (!url.empty() && url.back() == '/') url.remove_suffix(1);
    for (ProviderConfig& provider : config.providers)
        provider.base_url =
            fmt::format("{}/{}{}", url, provider.name, llm::base_path(provider.dialect));
}

Result<Config> with_providers(Config config, const std::vector<std::string>& names) {
    std::vector<std::string> known;
    for (const ProviderConfig& provider : config.providers) known.push_back(provider.name);
    for (const std::string& name : names) {
        if (config.provider(name) != nullptr) continue;
        return fail(ErrorKind::config, unknown_provider(name, known));
    }
    std::vector<std::optional<std::size_t>> place(config.providers.size());
    std::vector<ProviderConfig> kept;
    for (std::size_t i = 0; i < config.providers.size(); ++i) {
        if (std::find(names.begin(), names.end(), config.providers[i].name) == names.end())
            continue;
        place[i] = kept.size();
        kept.push_back(std::move(config.providers[i]));
    }
    config.providers = std::move(kept);
    for (AgentConfig& agent : config.agents) {
        std::vector<std::size_t> chain;
        for (const std::size_t provider : agent.chain)
            if (place[provider]) chain.push_back(*place[provider]);
        agent.chain = std::move(chain);
    }
    std::erase_if(config.agents, [](const AgentConfig& agent) { return agent.chain.empty(); });
    if (config.agents.empty())
        return fail(ErrorKind::config, "no agent has any of these providers in its chain");
    return config;
}

Result<void> check_config(const Config& config) {
    if (auto checked = check_keys(config); !checked) return checked;
    return check_listen(config);
}

}  // namespace squadload::squad_api
