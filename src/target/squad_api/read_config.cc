#include "target/squad_api/read_config.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/suggest.h"

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kLongest = 24h;

Nanos bounded(const yaml::Value& value, Nanos low = Nanos::zero()) {
    const Nanos read = value.duration(low);
    if (read > kLongest) value.fail("at most 24h");
    return read;
}

}  // namespace

std::string read_variable_name(const yaml::Value& value) {
    const std::string text = value.text();
    const auto good = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    if (!text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), good) &&
        (text[0] < '0' || text[0] > '9'))
        return text;
    value.fail(
        "expected the name of an environment variable, such as GROQ_API_KEY; keys "
        "themselves do not belong in this file");
    return {};
}

std::string unknown_provider(const std::string& name, const std::vector<std::string>& known) {
    const std::string near = nearest_name(name, known);
    return fmt::format("there is no provider '{}'{}", name,
                       near.empty() ? "" : fmt::format(": did you mean '{}'?", near));
}

namespace {

void read_listen(const yaml::Map& file, FileConfig& out) {
    const auto value = file.get("listen");
    if (!value) return;
    const yaml::Map map = value->map({"host", "port", "api_keys_env", "allow_open"});
    if (const auto v = map.get("host")) {
        out.config.server.host = v->text();
        out.host_mark = v->mark();
    }
    if (const auto v = map.get("port"))
        out.config.server.port = static_cast<std::uint16_t>(v->integer(0, 65'535));
    if (const auto v = map.get("api_keys_env")) out.api_keys_env = read_variable_name(*v);
    if (const auto v = map.get("allow_open")) out.config.server.allow_open = v->boolean();
}

void read_server(const yaml::Map& file, ServerConfig& server) {
    const auto value = file.get("server");
    if (!value) return;
    const yaml::Map map = value->map({"max_connections", "max_requests_in_flight",
                                      "max_header_bytes", "max_body_bytes", "header_timeout",
                                      "body_timeout", "idle_timeout", "write_timeout", "drain"});
    const auto count = [&map](std::string_view key, std::size_t& into) {
        if (const auto v = map.get(key)) into = static_cast<std::size_t>(v->integer(1, 1'000'000));
    };
    const auto bytes = [&map](std::string_view key, std::size_t& into) {
        if (const auto v = map.get(key)) into = v->bytes(1024, 64ULL * 1024 * 1024);
    };
    const auto time = [&map](std::string_view key, Nanos& into) {
        if (const auto v = map.get(key)) into = bounded(*v);
    };
    count("max_connections", server.max_connections);
    count("max_requests_in_flight", server.max_requests_in_flight);
    bytes("max_header_bytes", server.max_header_bytes);
    bytes("max_body_bytes", server.max_body_bytes);
    time("header_timeout", server.header_timeout);
    time("body_timeout", server.body_timeout);
    time("idle_timeout", server.idle_timeout);
    time("write_timeout", server.write_timeout);
    time("drain", server.drain);
}

void read_chain(const yaml::Value& value, const std::vector<ProviderConfig>& providers,
                AgentConfig& agent) {
    std::vector<std::string> names;
    for (const ProviderConfig& provider : providers) names.push_back(provider.name);
    for (const yaml::Value& item : value.items()) {
        const std::string name = item.text();
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end()) {
            item.fail(unknown_provider(name, names));
            continue;
        }
        const auto place = static_cast<std::size_t>(found - names.begin());
        if (std::find(agent.chain.begin(), agent.chain.end(), place) != agent.chain.end())
            item.fail(fmt::format("'{}' stands in the chain twice", name));
        agent.chain.push_back(place);
    }
    if (agent.chain.empty()) value.fail("a chain needs at least one provider");
}

AgentConfig read_agent(const yaml::Value::Named& entry,
                       const std::vector<ProviderConfig>& providers) {
    AgentConfig agent;
    agent.name = entry.name;
    const bool sane = !agent.name.empty() && agent.name.size() <= 64 &&
                      std::all_of(agent.name.begin(), agent.name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
                      });
    if (!sane)
        entry.value.problems().add(
            entry.key_mark,
            "an agent's name has 1 to 64 characters of a-z, A-Z, 0-9, '_', '-' and '.'");
    const yaml::Map map =
        entry.value.map({"description", "chain", "system", "max_tokens", "temperature"});
    if (const auto v = map.get("chain"))
        read_chain(*v, providers, agent);
    else
        entry.value.fail("chain is missing: the providers to ask, first choice first");
    if (const auto v = map.get("description")) agent.description = v->text();
    if (const auto v = map.get("system")) agent.system = v->text();
    if (const auto v = map.get("max_tokens")) agent.max_tokens = v->integer(1, 10'000'000);
    if (const auto v = map.get("temperature")) agent.temperature = v->number(0, 2);
    return agent;
}

void read_agents(const yaml::Map& file, Config& config) {
    const auto value = file.get("agents");
    if (!value) {
        file.value().fail("agents is missing: at least one is needed");
        return;
    }
    for (const auto& entry : value->entries())
        config.agents.push_back(read_agent(entry, config.providers));
    if (config.agents.empty()) value->fail("at least one agent is needed");
    if (config.agents.size() > 1000) value->fail("at most 1,000 agents");
}

void read_fallback(const yaml::Map& file, FallbackConfig& fallback) {
    const auto value = file.get("fallback");
    if (!value) return;
    const yaml::Map map =
        value->map({"attempts", "total_time", "backoff", "amplification", "amplification_reserve"});
    if (const auto v = map.get("attempts")) fallback.attempts = v->integer(1, 100);
    if (const auto v = map.get("total_time")) fallback.total_time = bounded(*v, 1ms);
    if (const auto v = map.get("amplification")) fallback.amplification = v->number(1, 100);
    if (const auto v = map.get("amplification_reserve"))
        fallback.amplification_reserve = v->integer(0, 1'000'000);
    if (const auto backoff = map.get("backoff")) {
        const yaml::Map pause = backoff->map({"base", "max"});
        if (const auto v = pause.get("base")) fallback.backoff_base = bounded(*v);
        if (const auto v = pause.get("max")) fallback.backoff_max = bounded(*v);
        if (fallback.backoff_max < fallback.backoff_base)
            backoff->fail("max must not be below base");
    }
}

// Where a URL of a store holds a password, that is a secret in a file.
std::string store_url(const yaml::Value& value, std::string_view variable) {
    const std::string url = value.text();
    const std::size_t scheme = url.find("://");
    const std::size_t at = url.rfind('@');
    if (scheme != std::string::npos && at != std::string::npos && url.find(':', scheme + 3) < at)
        value.fail(fmt::format("no passwords in this file: set {} instead", variable));
    if (url.find("password=") != std::string::npos)
        value.fail(fmt::format("no passwords in this file: set {} instead", variable));
    return url;
}

void read_stores(const yaml::Map& file, FileConfig& out) {
    const auto value = file.get("stores");
    if (!value) return;
    const yaml::Map map =
        value->map({"redis_url", "gateways", "on_loss", "postgres_url", "sqlite"});
    StoreConfig& stores = out.config.stores;
    if (const auto v = map.get("redis_url")) {
        stores.redis_url = store_url(*v, "SQUAD_API_REDIS_URL");
        stores.redis_mark = v->mark();
    }
    if (const auto v = map.get("postgres_url")) {
        stores.postgres_url = store_url(*v, "SQUAD_API_POSTGRES_URL");
        stores.postgres_mark = v->mark();
    }
    if (const auto v = map.get("sqlite")) stores.sqlite = v->text();
    if (const auto v = map.get("gateways")) stores.gateways = v->integer(1, 10'000);
    if (const auto v = map.get("on_loss")) {
        static_cast<void>(v->one_of({"local", "closed", "open"}));
        stores.on_loss = v->text();
    }
}

}  // namespace

FileConfig read_config(const yaml::Document& document, yaml::Problems& problems) {
    FileConfig out;
    const yaml::Value root(document, problems);
    const yaml::Map file =
        root.map({"version", "listen", "server", "provider_defaults", "providers", "agents",
                  "fallback", "queue", "history", "stores", "log_prompts"});
    if (const auto v = file.get("version")) {
        if (v->integer(1, 1'000'000) != 1) v->fail("this program reads version 1");
    }
    read_listen(file, out);
    read_server(file, out.config.server);
    out.config.providers = read_providers(file);
    read_agents(file, out.config);
    read_fallback(file, out.config.fallback);
    if (const auto value = file.get("queue")) {
        const yaml::Map map = value->map({"max_wait", "max_length"});
        if (const auto v = map.get("max_wait")) out.config.queue.max_wait = bounded(*v);
        if (const auto v = map.get("max_length"))
            out.config.queue.max_length = v->integer(0, 1'000'000);
    }
    if (const auto value = file.get("history")) {
        const yaml::Map map = value->map({"turns"});
        if (const auto v = map.get("turns")) out.config.history_turns = v->integer(0, 1000);
    }
    read_stores(file, out);
    if (const auto v = file.get("log_prompts")) out.config.log_prompts = v->boolean();
    return out;
}

}  // namespace squadload::squad_api
