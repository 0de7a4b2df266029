#include "target/squad_api/config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "target/service/key_hash.h"
#include "target/squad_api/stores.h"

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;
using Variables = std::map<std::string, std::string>;

Environment environment_of(Variables variables) {
    return
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
}

Result<Config> parse(const std::string& text, const Variables& variables = {},
                     const Overrides& overrides = {}) {
    return parse_config(text, "squad.yaml", environment_of(variables), overrides);
}

const std::string kSmall = R"(providers:
  groq: {base_url: "http://127.0.0.1:1/groq/openai/v1", model: m, limits: {rpm: 60}}
  gemini: {base_url: "http://127.0.0.1:1/gemini/v1beta", model: g, key_env: G_KEY}
agents:
  helper: {chain: [groq, gemini]}
)";

TEST(GatewayConfigTest, TheBuiltInTextIsTheShippedFile) {
    std::ifstream file(SQUADLOAD_SOURCE_DIR "/config/squad_api.yaml");
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_TRUE(default_config_text() == text.str()) << "configure again";
}

TEST(GatewayConfigTest, TheShippedFile) {
    const auto config = parse(std::string(default_config_text()));
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->server.host, "127.0.0.1");
    ASSERT_EQ(config->providers.size(), 4U);
    const std::map<std::string, std::pair<std::int64_t, std::int64_t>> quotas = {
        {"groq", {1560, 52}},
        {"cerebras", {900, 30}},
        {"gemini", {780, 26}},
        {"openrouter", {480, 16}}};
    for (const auto& provider : config->providers) {
        EXPECT_EQ(provider.limits.requests, quotas.at(provider.name).first);
        EXPECT_EQ(provider.limits.burst, quotas.at(provider.name).second);
        EXPECT_EQ(provider.limits.guard, 50ms);
        EXPECT_EQ(provider.limits.algorithm, limits::Algorithm::sliding_log);
        EXPECT_EQ(provider.base_url, "http://127.0.0.1:9100/" + provider.name +
                                         std::string(llm::base_path(provider.dialect)));
    }
    ASSERT_EQ(config->agents.size(), 3U);
    for (const auto& agent : config->agents)
        EXPECT_EQ(agent.chain, (std::vector<std::size_t>{0, 1, 2, 3}));
    EXPECT_FALSE(config->log_prompts);
    EXPECT_TRUE(config->notes.empty());
}

TEST(GatewayConfigTest, DefaultsOfProviders) {
    const auto config = parse(kSmall, {{"G_KEY", "secret-of-gemini"}});
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->providers[0].dialect, llm::Dialect::groq);
    EXPECT_EQ(config->providers[0].limits.burst, 2);  // two seconds of 60 a minute
    EXPECT_EQ(config->providers[1].key, "secret-of-gemini");
    const auto scopes = limit_scopes(*config);
    EXPECT_EQ(config->providers[0].key, "");  // no variable is named
    EXPECT_EQ(parse(kSmall)->providers[1].key, "simulated");
    EXPECT_EQ(scopes[0].scope, "groq::m");
    EXPECT_EQ(scopes[1].scope, "gemini:" + service::key_hash("secret-of-gemini") + ":g");
    EXPECT_EQ(scopes[1].scope.find("secret"), std::string::npos);
}

TEST(GatewayConfigTest, KeyHashesAreThoseOfTheSimulators) {
    EXPECT_EQ(service::key_hash(""), "");
    EXPECT_EQ(service::key_hash("abc"), "ba7816bf8f01");  // FIPS 180-4, example of SHA-256
}

TEST(GatewayConfigTest, EnvironmentAndOptions) {
    const auto config = parse(kSmall,
                              {{"G_KEY", "very-secret"},
                               {"SQUAD_API_PORT", "9000"},
                               {"SQUAD_API_REDIS_URL", "redis://:pw@127.0.0.1:6379"},
                               {"SQUAD_API_SQLITE", "env.db"},
                               {"SQUAD_API_KEYS", "first-key, second-key,"},
                               {"SQUAD_API_LOG_PROMPTS", "true"},
                               {"SQUAD_API_PROVIDERS_URL", "http://127.0.0.1:1234/"}},
                              {.host = "127.0.0.2",
                               .port = std::nullopt,
                               .providers_url = std::nullopt,
                               .redis_url = std::nullopt,
                               .postgres_url = std::nullopt,
                               .sqlite = "option.db"});
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->server.host, "127.0.0.2");
    EXPECT_EQ(config->server.port, 9000);
    EXPECT_EQ(config->stores.redis_url, "redis://:pw@127.0.0.1:6379");
    EXPECT_EQ(config->stores.sqlite, "option.db");
    EXPECT_EQ(config->api_keys, (std::vector<std::string>{"first-key", "second-key"}));
    EXPECT_TRUE(config->log_prompts);
    EXPECT_EQ(config->providers[1].base_url, "http://127.0.0.1:1234/gemini/v1beta");
    EXPECT_EQ(config->providers[1].key, "simulated");  // a real one is not for simulators
}

TEST(GatewayConfigTest, AServiceLinkOfKubernetesIsNoPort) {
    const auto config = parse(kSmall, {{"SQUAD_API_PORT", "tcp://10.0.0.1:80"}});
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->server.port, 8000);
}

TEST(GatewayConfigTest, OpenListeningNeedsKeysOrAWord) {
    const std::string open = "listen: {host: 0.0.0.0}\n" + kSmall;
    const auto refused = parse(open);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text().find("squad.yaml:1:16: listening on 0.0.0.0 needs"), 0U)
        << refused.error().text();
    EXPECT_TRUE(parse(open, {{"SQUAD_API_KEYS", "long-enough"}}));
    EXPECT_TRUE(parse(open, {{"SQUAD_API_ALLOW_OPEN", "true"}}));
    EXPECT_FALSE(parse(open, {{"SQUAD_API_KEYS", "short"}}));
    EXPECT_FALSE(parse(kSmall, {{"SQUAD_API_HOST", "192.0.2.1"}}));
}

TEST(GatewayConfigTest, KeysThatCannotWorkOrGoInClearTextAreNoted) {
    std::string far = kSmall;
    far.replace(far.find("http://127.0.0.1:1/gemini"), 25, "http://gemini.test/gemini");
    auto config = parse(far);
    ASSERT_TRUE(config) << config.error().text();
    ASSERT_EQ(config->notes.size(), 1U);
    EXPECT_EQ(config->notes[0], "G_KEY is not set: provider gemini is called without a key");
    config = parse(far, {{"G_KEY", "very-secret"}});
    ASSERT_TRUE(config);
    ASSERT_EQ(config->notes.size(), 1U);
    EXPECT_EQ(config->notes[0], "provider gemini: G_KEY goes over http:// in clear text");
}

TEST(GatewayConfigTest, MistakesHaveAPlaceAndASentence) {
    struct Case {
        std::string text;
        std::string error;  // its beginning
    };
    const std::string agents = "agents:\n  a: {chain: [p]}\n";
    const std::string provider =
        "providers:\n  p: {dialect: openai, base_url: \"http://127.0.0.1:1/v1\", model: m}\n";
    const std::vector<Case> cases = {
        {"", "squad.yaml:"},
        {"lissten: {}\n" + kSmall, "squad.yaml:1:1: lissten: "},
        {agents, "squad.yaml:1:1: providers is missing"},
        {provider, "squad.yaml:1:1: agents is missing"},
        {"providers: {}\n" + agents, "squad.yaml:1:12: providers: at least one provider"},
        {"providers:\n  p: {base_url: \"http://h/v1\", model: m}\n" + agents,
         "squad.yaml:2:6: providers.p: its dialect must be one of openai, groq"},
        {"providers:\n  p: {dialect: grok, base_url: \"http://h/v1\", model: m}\n" + agents,
         "squad.yaml:2:16: providers.p.dialect: the dialect must be one of"},
        {"providers:\n  p: {dialect: groq, model: m}\n" + agents,
         "squad.yaml:2:6: providers.p: base_url is missing"},
        {"providers:\n  p: {dialect: groq, base_url: \"http://h/v1\"}\n" + agents,
         "squad.yaml:2:6: providers.p: model is missing"},
        {"providers:\n  p: {dialect: groq, base_url: \"ftp://h/v1\", model: m}\n" + agents,
         "squad.yaml:2:32: providers.p.base_url: "},
        {"providers:\n  P!: {dialect: groq, base_url: \"http://h/v1\", model: m}\n" + agents,
         "squad.yaml:2:3: a provider's name"},
        {"providers:\n  p: {dialect: groq, base_url: \"http://h/v1\", model: m, key: s3cret}\n" +
             agents,
         "squad.yaml:2:57: providers.p.key"},
        {provider + "agents:\n  a: {chain: [q]}\n",
         "squad.yaml:4:15: agents.a.chain[0]: there is no provider 'q'"},
        {provider + "agents:\n  a: {chain: [p, p]}\n", "squad.yaml:4:18: agents.a.chain"},
        {provider + "agents:\n  a: {chain: []}\n",
         "squad.yaml:4:14: agents.a.chain: a chain needs"},
        {provider + "agents:\n  a: {}\n", "squad.yaml:4:6: agents.a: chain is missing"},
        {provider + "agents:\n  a b: {chain: [p]}\n", "squad.yaml:4:3: an agent's name"},
        {"fallback: {attempts: 0}\n" + kSmall, "squad.yaml:1:22: fallback.attempts: "},
        {"fallback: {backoff: {base: 2s, max: 1s}}\n" + kSmall,
         "squad.yaml:1:21: fallback.backoff: max must not be below base"},
        {"stores: {redis_url: \"redis://u:p@h\"}\n" + kSmall,
         "squad.yaml:1:21: stores.redis_url: no passwords in this file: set SQUAD_API_REDIS_URL"},
        {"stores: {postgres_url: \"host=h password=x\"}\n" + kSmall,
         "squad.yaml:1:24: stores.postgres_url: no passwords"},
        {"provider_defaults: {limits: {burst: 3}}\n" + kSmall,
         "squad.yaml:1:20: provider_defaults: burst belongs"},
        {"provider_defaults: {limits: {window: 1s, guard_ms: 600}}\n" + kSmall,
         "squad.yaml:1:29: provider_defaults.limits: guard_ms must be"},
        {"provider_defaults: {breaker: {open: 5s, open_max: 1s}}\n" + kSmall,
         "squad.yaml:1:30: provider_defaults.breaker: open_max must not"},
        {"providers:\n  p: {dialect: groq, base_url: \"http://h/v1\", model: m, key_env: "
         "gsk_abc}\n" +
             agents,
         "squad.yaml:2:66: providers.p.key_env: expected the name of an environment variable"},
        {"listen: {api_keys_env: sk-1234567890}\n" + kSmall,
         "squad.yaml:1:24: listen.api_keys_env: expected the name of an environment variable"},
        {"listen: {host: nonsense}\n" + kSmall,
         "squad.yaml:1:16: \"nonsense\" is no address to listen on"},
        {"stores: {on_loss: panic}\n" + kSmall, "squad.yaml:1:19: stores.on_loss: "},
        {"stores: {gateways: 0}\n" + kSmall, "squad.yaml:1:20: stores.gateways: "},
        {"queue: {max_wait: 25h}\n" + kSmall, "squad.yaml:1:19: queue.max_wait: at most 24h"},
        {"version: 2\n" + kSmall, "squad.yaml:1:10: version: this program reads version 1"},
        {"log_prompts: yes\n" + kSmall, "squad.yaml:1:14: log_prompts: expected true or false"},
    };
    for (const Case& c : cases) {
        const auto config = parse(c.text);
        ASSERT_FALSE(config) << c.text;
        EXPECT_EQ(config.error().text().find(c.error), 0U)
            << c.text << "\n"
            << config.error().text() << "\nexpected " << c.error;
        EXPECT_EQ(config.error().kind, ErrorKind::config);
        EXPECT_EQ(config.error().text().find("gsk_abc"), std::string::npos);
    }
    const auto keys = parse("listen: {host: 127.0.0.1}\n" + kSmall, {{"SQUAD_API_KEYS", "short"}});
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error().text(), "a key in SQUAD_API_KEYS is shorter than 8 characters");
    const auto port = parse(kSmall, {{"SQUAD_API_PORT", "many"}});
    ASSERT_FALSE(port);
    EXPECT_EQ(port.error().text().find("SQUAD_API_PORT"), 0U) << port.error().text();
    EXPECT_FALSE(load_config("/nowhere/squad.yaml", environment_of({})));
}

TEST(GatewayConfigTest, AProviderThatMayUseUpARequestsTimeIsNoted) {
    auto config = parse("fallback: {total_time: 10s}\n" + kSmall);
    ASSERT_TRUE(config) << config.error().text();
    ASSERT_FALSE(config->notes.empty());
    EXPECT_EQ(config->notes[0].find("fallback.total_time (10s) is not above the timeout of "), 0U)
        << config->notes[0];
}

TEST(GatewayConfigTest, FewerProviders) {
    auto config = parse(kSmall + "  other: {chain: [gemini]}\n");
    ASSERT_TRUE(config) << config.error().text();
    auto fewer = with_providers(*config, {"groq"});
    ASSERT_TRUE(fewer);
    ASSERT_EQ(fewer->providers.size(), 1U);
    ASSERT_EQ(fewer->agents.size(), 1U);
    EXPECT_EQ(fewer->agents[0].chain, (std::vector<std::size_t>{0}));
    fewer = with_providers(*config, {"gemini"});
    ASSERT_TRUE(fewer);
    EXPECT_EQ(fewer->agents.size(), 2U);
    EXPECT_EQ(fewer->agents[0].chain, (std::vector<std::size_t>{0}));
    const auto unknown = with_providers(*config, {"grok"});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().message, "there is no provider 'grok': did you mean 'groq'?");
}

}  // namespace
}  // namespace squadload::squad_api
