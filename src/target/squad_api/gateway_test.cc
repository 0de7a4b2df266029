#include "target/squad_api/gateway.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "target/squad_api/gateway_support.h"

namespace squadload::squad_api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

TEST_F(GatewayTest, AnswersTheStorysRequest) {
    start();
    providers.script("groq", good("groq", "Buy \"low\""));
    const service::Answer answer =
        send("POST", "/agents/chat",
             R"({"user_id":"user_7","agent_id":"helper","task":"What now?",
                 "conversation_history":[{"role":"user","content":"a"},
                                         {"role":"assistant","content":"b"}]})",
             {{"x-request-id", "mine-1"}});
    ASSERT_EQ(answer.status, 200) << answer.body;
    json body = json_of(answer);
    EXPECT_GT(body["latency_ms"], 0);
    EXPECT_GT(body["attempts"][0]["time_ms"], 0);
    body.erase("latency_ms");
    body["attempts"][0].erase("time_ms");
    EXPECT_EQ(body, json::parse(R"({"request_id":"mine-1","agent_id":"helper",
        "response":"Buy \"low\"","provider":"groq","model":"groq-model","finish_reason":"stop",
        "fallback_used":false,
        "attempts":[{"provider":"groq","model":"groq-model","outcome":"ok","status":200}],
        "tokens":{"prompt":11,"completion":7,"total":18}})"));
    EXPECT_EQ(answer.headers.get("x-request-id"), "mine-1");
    EXPECT_EQ(answer.headers.get("x-squad-provider"), "groq");
    EXPECT_EQ(answer.headers.get("x-squad-model"), "groq-model");
    EXPECT_EQ(answer.headers.get("x-squad-fallback"), "false");
    EXPECT_EQ(answer.headers.get("x-squad-attempts"), "groq=ok");
    EXPECT_EQ(answer.headers.get("x-squad-agent"), "helper");

    ASSERT_EQ(providers.calls().size(), 1U);
    const service::Request& call = providers.calls()[0].request;
    EXPECT_EQ(call.path, "/groq/openai/v1/chat/completions");
    EXPECT_EQ(call.headers.get("x-correlation-id"), "mine-1");
    EXPECT_EQ(call.headers.get("x-squad-agent"), "helper");
    EXPECT_EQ(call.headers.get("x-squad-attempt"), "1");
    EXPECT_EQ(call.headers.get("authorization"), "Bearer groq-secret");
    const json sent = json::parse(call.body);
    EXPECT_EQ(sent["model"], "groq-model");
    EXPECT_EQ(sent["messages"], json::parse(R"([{"role":"system","content":"Be kind."},
        {"role":"user","content":"a"},{"role":"assistant","content":"b"},
        {"role":"user","content":"What now?"}])"));
    EXPECT_EQ(sent["max_completion_tokens"], 64);
}

TEST_F(GatewayTest, AnswersAnAgentByItsPath) {
    start();
    const service::Answer answer =
        send("POST", "/v1/agents/helper", R"({"task":"Hi","max_tokens":10})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(json_of(answer)["agent_id"], "helper");
    EXPECT_THAT(std::string(answer.headers.get("x-request-id")), HasSubstr("req-"));
    EXPECT_EQ(json::parse(providers.calls()[0].request.body)["max_completion_tokens"], 10);
    EXPECT_EQ(send("POST", "/v1/agents/helper", R"({"task":"Hi","agent_id":"single"})").status,
              400);
    // A wish above the agent's bound is cut.
    static_cast<void>(send("POST", "/v1/agents/helper", R"({"task":"Hi","max_tokens":1000})"));
    EXPECT_EQ(json::parse(providers.calls()[1].request.body)["max_completion_tokens"], 64);
}

TEST_F(GatewayTest, SpeaksOpenAI) {
    start();
    service::Answer answer =
        send("POST", "/v1/chat/completions",
             R"({"model":"helper","messages":[{"role":"user","content":"Hi"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json body = json_of(answer);
    EXPECT_EQ(body["object"], "chat.completion");
    EXPECT_EQ(body["choices"][0]["message"]["content"], "fine");
    EXPECT_EQ(body["usage"]["total_tokens"], 18);
    EXPECT_EQ(answer.headers.get("x-squad-provider"), "groq");
    EXPECT_EQ(json::parse(providers.calls()[0].request.body)["messages"][0]["content"], "Be kind.");

    answer = send("POST", "/v1/chat/completions",
                  R"({"model":"cerebras/cerebras-model","max_tokens":5,
                      "messages":[{"role":"user","content":"Hi"}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers.get("x-squad-provider"), "cerebras");
    EXPECT_FALSE(answer.headers.has("x-squad-agent"));
    EXPECT_FALSE(providers.calls()[1].request.headers.has("x-squad-agent"));

    answer = send("POST", "/v1/chat/completions",
                  R"({"model":"gpt-9","messages":[{"role":"user","content":"Hi"}]})");
    EXPECT_EQ(answer.status, 404);
    const json error = json_of(answer)["error"];
    EXPECT_EQ(error["type"], "not_found_error");
    EXPECT_EQ(error["code"], "not_found_error");
    EXPECT_TRUE(error["param"].is_null());
    EXPECT_EQ(send("POST", "/v1/chat/completions", R"({"model":"helper"})").status, 400);
}

TEST_F(GatewayTest, OffersNoStreamsYet) {
    start();
    const char* body = R"({"model":"helper","stream":true,
                           "messages":[{"role":"user","content":"Hi"}]})";
    service::Answer answer = send("POST", "/v1/chat/completions", body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(json_of(answer)["error"]["message"],
              "streamed answers are not offered yet: leave out 'stream'");
    answer = send("POST", "/agents/chat", R"({"agent_id":"helper","task":"x","stream":true})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(providers.calls().empty());
}

TEST_F(GatewayTest, ClientsMistakesAreJsonErrors) {
    config.server.max_body_bytes = 2000;
    start();
    struct Case {
        const char* method;
        const char* path;
        std::string body;
        int status;
    };
    const Case cases[] = {
        {"POST", "/agents/chat", "{", 400},
        {"POST", "/agents/chat", R"({"task":1,"agent_id":"helper"})", 400},
        {"POST", "/agents/chat", R"({"task":"x"})", 400},
        {"POST", "/agents/chat", R"({"task":"x","agent_id":"helpr"})", 404},
        {"POST", "/agents/chat", R"({"task":"x","agent_id":"groq/groq-model"})", 404},
        {"POST", "/v1/agents/nobody", R"({"task":"x"})", 404},
        {"POST", "/agents/chat",
         R"({"agent_id":"helper","task":")" + std::string(2000, 'x') + "\"}", 413},
        {"GET", "/agents/chat", "", 405},
        {"POST", "/nowhere", "", 404},
        {"GET", "/providers/nobody", "", 404},
    };
    for (const Case& c : cases) {
        const service::Answer answer = send(c.method, c.path, c.body);
        EXPECT_EQ(answer.status, c.status) << c.path << " " << c.body;
        const json error = json_of(answer)["error"];
        EXPECT_TRUE(error["type"].is_string()) << answer.body;
        EXPECT_TRUE(error["message"].is_string()) << answer.body;
    }
    EXPECT_THAT(send("POST", "/agents/chat", R"({"task":"x","agent_id":"helpr"})").body,
                HasSubstr("did you mean 'helper'?"));
    EXPECT_TRUE(providers.calls().empty());
}

TEST_F(GatewayTest, KeysAreAskedForEverywhereButAtHealth) {
    config.api_keys = {"first-key", "second-key"};
    start();
    const std::string body = R"({"agent_id":"helper","task":"x"})";
    EXPECT_EQ(send("GET", "/health").status, 200);
    for (const char* path : {"/providers", "/metrics", "/v1/agents", "/v1/models"})
        EXPECT_EQ(send("GET", path).status, 401) << path;
    const service::Answer refused =
        send("POST", "/agents/chat", body, {{"authorization", "Bearer first-kex"}});
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.headers.get("www-authenticate"), "Bearer");
    EXPECT_EQ(json_of(refused)["error"]["type"], "authentication_error");
    EXPECT_TRUE(providers.calls().empty());
    EXPECT_EQ(send("POST", "/agents/chat", body, {{"authorization", "Bearer second-key"}}).status,
              200);
    EXPECT_EQ(send("GET", "/metrics", "", {{"x-api-key", "first-key"}}).status, 200);
    // The client's key is not handed on.
    EXPECT_EQ(providers.calls()[0].request.headers.get("authorization"), "Bearer groq-secret");
}

TEST_F(GatewayTest, HistoryIsKeptForThoseWhoBringNone) {
    history->kept = {{"user", "before"}, {"assistant", "answered"}};
    start();
    ASSERT_EQ(send("POST", "/v1/agents/helper", R"({"user_id":"u","task":"now"})").status, 200);
    EXPECT_EQ(history->asked, "u helper 10");
    EXPECT_EQ(json::parse(providers.calls()[0].request.body)["messages"],
              json::parse(R"([{"role":"system","content":"Be kind."},
                  {"role":"user","content":"before"},{"role":"assistant","content":"answered"},
                  {"role":"user","content":"now"}])"));
    ASSERT_EQ(history->appended.size(), 2U);
    EXPECT_EQ(history->appended[0].text, "now");
    EXPECT_EQ(history->appended[1].text, "fine");
    history->asked.clear();
    // An empty history is one, and who has no name has none.
    EXPECT_EQ(ask().status, 200);
    EXPECT_EQ(send("POST", "/v1/agents/helper", R"({"task":"now"})").status, 200);
    EXPECT_EQ(history->asked, "");
    EXPECT_EQ(history->appended.size(), 4U);
}

TEST_F(GatewayTest, LongConversationsLoseTheirOldestTurns) {
    history->kept = {{"user", std::string(40'000, 'a')},
                     {"assistant", std::string(40'000, 'b')},
                     {"user", "last"}};
    start();
    ASSERT_EQ(send("POST", "/v1/agents/helper", R"({"user_id":"u","task":"now"})").status, 200);
    const json messages = json::parse(providers.calls()[0].request.body)["messages"];
    ASSERT_EQ(messages.size(), 4U);
    EXPECT_EQ(messages[1]["content"], std::string(40'000, 'b'));
}

TEST_F(GatewayTest, WhatIsNoPlainTextIsRefused) {
    start();
    const service::Answer answer =
        send("POST", "/v1/chat/completions",
             R"({"model":"helper","messages":[{"role":"user","content":"x"}],)"
             R"("tools":[{"type":"function"}]})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr("'tools' is not supported"));
    EXPECT_TRUE(providers.calls().empty());
}

TEST_F(GatewayTest, HeadersSayWhatTheBodySays) {
    start();
    providers.script("groq", error("groq", 503));
    const service::Answer answer = ask();
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.get("x-squad-fallback-reason"), "5xx");
    const json body = json_of(answer);
    EXPECT_EQ(answer.headers.get("x-squad-tokens"),
              std::to_string(body["tokens"]["prompt"].get<int>()) + "+" +
                  std::to_string(body["tokens"]["completion"].get<int>()));
    EXPECT_EQ(answer.headers.get("x-squad-attempt-ms"),
              body["attempts"][0]["time_ms"].dump() + ", " + body["attempts"][1]["time_ms"].dump());
}

TEST_F(GatewayTest, EveryChatRequestLeavesOneAuditRow) {
    start();
    providers.script("groq", error("groq", 503));
    ASSERT_EQ(ask("helper", "secret thoughts").status, 200);
    static_cast<void>(send("POST", "/agents/chat", "{"));
    static_cast<void>(send("POST", "/v1/agents/nobody", R"({"task":"x"})"));
    static_cast<void>(get("/health"));
    ASSERT_EQ(audit->rows.size(), 3U);
    const AuditRow& row = audit->rows[0];
    EXPECT_EQ(row.user_id, "user_1");
    EXPECT_EQ(row.agent, "helper");
    EXPECT_EQ(row.endpoint, "/agents/chat");
    EXPECT_EQ(row.status, 200);
    EXPECT_EQ(row.outcome, "ok");
    EXPECT_EQ(row.provider, "cerebras");
    EXPECT_EQ(row.model, "cerebras-model");
    EXPECT_EQ(row.attempts, 2U);
    EXPECT_EQ(row.attempts_text, "groq=5xx, cerebras=ok");
    EXPECT_TRUE(row.fallback);
    EXPECT_EQ(row.fallback_reason, "5xx");
    EXPECT_EQ(row.prompt_tokens, 11);
    EXPECT_EQ(row.completion_tokens, 7);
    EXPECT_GT(row.latency, Nanos::zero());
    EXPECT_EQ(row.prompt, "");
    EXPECT_EQ(audit->rows[1].status, 400);
    EXPECT_EQ(audit->rows[1].outcome, "bad_request");
    EXPECT_EQ(audit->rows[2].outcome, "not_found");
}

TEST_F(GatewayTest, PromptsAreAuditedOnlyWhenToldSo) {
    config.log_prompts = true;
    start();
    ASSERT_EQ(ask("helper", "secret thoughts").status, 200);
    ASSERT_EQ(audit->rows.size(), 1U);
    EXPECT_EQ(audit->rows[0].prompt, "secret thoughts");
}

TEST_F(GatewayTest, MetricsCountWhatHappened) {
    start();
    providers.script("groq", refusal("groq", std::chrono::seconds(100)));
    ASSERT_EQ(ask().status, 200);
    ASSERT_EQ(ask().status, 200);
    const std::string text = metrics();
    for (const char* line : {
             "squad_requests_total{provider=\"cerebras\",agent=\"helper\",status=\"200\"} 2",
             "squad_provider_calls_total{provider=\"groq\",agent=\"helper\",status=\"429\"} 1",
             "squad_provider_calls_total{provider=\"cerebras\",agent=\"helper\",status=\"200\"} 2",
             "squad_provider_429_total{provider=\"groq\"} 1",
             "squad_provider_skips_total{provider=\"groq\",reason=\"throttle\"} 1",
             "squad_fallbacks_total{provider=\"cerebras\",reason=\"429\"} 1",
             "squad_fallbacks_total{provider=\"cerebras\",reason=\"throttle\"} 1",
             "squad_provider_latency_seconds_count{provider=\"cerebras\"} 2",
             "squad_provider_latency_seconds_bucket{provider=\"cerebras\",le=\"+Inf\"} 2",
             "squad_provider_tokens_total{provider=\"cerebras\",kind=\"prompt\"} 22",
             "squad_window_occupancy{provider=\"groq\"} 1",
             "squad_window_occupancy{provider=\"cerebras\"} 2",
             "squad_window_limit{provider=\"cerebras\"} 100000",
             "squad_throttle_factor{provider=\"groq\"} 1",
             "squad_breaker_state{provider=\"groq\"} 0",
             "squad_in_flight 0",
             "squad_queue_length 0",
             "squad_audit_rows_total{state=\"dropped\"} 0",
         })
        EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
}

TEST_F(GatewayTest, HealthSaysWhatIsWrong) {
    for (ProviderConfig& p : config.providers) {
        p.breaker.failures = 1;
        p.breaker.open = std::chrono::hours(1);
        p.breaker.open_max = std::chrono::hours(1);
    }
    config.fallback.attempts = 4;
    start();
    ASSERT_EQ(ask().status, 200);
    json health = get("/health");
    EXPECT_EQ(health["status"], "healthy");
    EXPECT_EQ(health["redis"]["status"], "off");
    EXPECT_EQ(health["postgres"]["status"], "up");
    const json& groq = health["providers"]["groq"];
    EXPECT_EQ(groq["rpm_limit"], 100'000);
    EXPECT_EQ(groq["rpm_current"], 1);
    EXPECT_EQ(groq["rpm_available"], 99'999);
    EXPECT_GT(groq["latency_avg_ms"], 0);
    EXPECT_TRUE(groq["last_429_time"].is_null());
    EXPECT_TRUE(health["providers"]["gemini"]["latency_avg_ms"].is_null());

    audit->status = StoreStatus::down;
    service::Answer answer = send("GET", "/health");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json_of(answer)["status"], "degraded");
    EXPECT_EQ(json_of(answer)["postgres"]["status"], "down");
    audit->status = StoreStatus::up;

    for (const char* name : {"groq", "cerebras", "gemini"})
        providers.script(name, error(name, 500));
    ASSERT_EQ(ask().status, 200);
    answer = send("GET", "/health");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json_of(answer)["status"], "degraded");
    EXPECT_EQ(json_of(answer)["providers"]["groq"]["breaker"], "open");
    providers.script("openrouter", error("openrouter", 500));
    EXPECT_EQ(ask().status, 503);  // its breaker is open, too, when the chain is tried again
    answer = send("GET", "/health");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(json_of(answer)["status"], "unavailable");
    answer = ask();
    EXPECT_EQ(answer.status, 503);
    EXPECT_GT(std::stoi(std::string(answer.headers.get("retry-after"))), 3000);
}

TEST_F(GatewayTest, ProvidersShowLimitsAndStateButNoSecret) {
    provider("groq").limits.tokens = 5000;
    provider("groq").limits.burst = 7;
    start();
    ASSERT_EQ(ask().status, 200);
    const json all = get("/providers");
    ASSERT_EQ(all["providers"].size(), 4U);
    EXPECT_THAT(all.dump(), Not(HasSubstr("secret")));
    const json groq = get("/providers/groq");
    EXPECT_EQ(groq["limits"]["requests"], 100'000);
    EXPECT_EQ(groq["limits"]["tokens"], 5000);
    EXPECT_EQ(groq["levels"]["burst"]["limit"], 7);
    // "Be kind." and "hello": what surrounds them, and 64 reserved.
    EXPECT_EQ(groq["levels"]["tokens"]["used"], 79);
    EXPECT_EQ(groq["calls"]["ok"], 1);
    EXPECT_EQ(groq["key"].get<std::string>().size(), 12U);
    EXPECT_EQ(groq["breaker_state"]["phase"], "closed");
    EXPECT_EQ(groq["throttle"]["factor"], 1);
    EXPECT_EQ(all["fallback"]["attempts"], 4);
}

TEST_F(GatewayTest, AgentsAndModelsAreListed) {
    start();
    const json agents = get("/v1/agents")["agents"];
    ASSERT_EQ(agents.size(), 2U);
    EXPECT_EQ(agents[0]["id"], "helper");
    EXPECT_EQ(agents[0]["chain"], json::parse(R"(["groq","cerebras","gemini","openrouter"])"));
    const json models = get("/v1/models")["data"];
    ASSERT_EQ(models.size(), 6U);
    EXPECT_EQ(models[2]["id"], "groq/groq-model");
}

}  // namespace
}  // namespace squadload::squad_api
