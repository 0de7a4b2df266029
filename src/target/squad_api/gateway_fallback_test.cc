#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "target/squad_api/gateway_support.h"

namespace squadload::squad_api {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

// What a failing provider does, and what the gateway calls it.
struct Fault {
    const char* name;
    Script (*script)(const std::string& provider);
    const char* reason;
    int status;  // 0: none
};

Script with_ending(const std::string& provider, service::Ending ending) {
    Script script = good(provider);
    script.reply.ending = ending;
    return script;
}

Script with_body(const std::string& provider, const char* body) {
    Script script = good(provider);
    script.reply.body = body;
    return script;
}

const Fault kFaults[] = {
    {"429 with a hint", [](const std::string& p) { return refusal(p, 90s); }, "429", 429},
    {"429 without one", [](const std::string& p) { return refusal(p, std::nullopt); }, "429", 429},
    {"500", [](const std::string& p) { return error(p, 500); }, "5xx", 500},
    {"502", [](const std::string& p) { return error(p, 502); }, "5xx", 502},
    {"503", [](const std::string& p) { return error(p, 503); }, "5xx", 503},
    {"reset", [](const std::string& p) { return with_ending(p, service::Ending::reset); },
     "connect", 0},
    {"close", [](const std::string& p) { return with_ending(p, service::Ending::close); },
     "connect", 0},
    {"truncated", [](const std::string& p) { return with_ending(p, service::Ending::truncate); },
     "connect", 0},
    {"no JSON", [](const std::string& p) { return with_body(p, "<html>"); }, "invalid", 200},
    {"wrong JSON", [](const std::string& p) { return with_body(p, R"({"choices":[]})"); },
     "invalid", 200},
    {"408", [](const std::string& p) { return error(p, 408); }, "timeout", 408},
};

class GatewayFaultTest : public GatewayTest,
                         public testing::WithParamInterface<std::tuple<std::size_t, std::size_t>> {
};

// Every fault at every provider: the next of the chain serves.
TEST_P(GatewayFaultTest, FallsBack) {
    const std::string names[] = {"groq", "cerebras", "gemini", "openrouter"};
    const auto [first, number] = GetParam();
    const Fault& fault = kFaults[number];
    const std::string& failing = names[first];
    const std::string& next = names[(first + 1) % 4];
    config.agents[0].chain = {first, (first + 1) % 4};
    start();
    providers.script(failing, fault.script(failing));
    const service::Answer answer = ask();
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json body = json_of(answer);
    EXPECT_EQ(body["provider"], next);
    EXPECT_EQ(body["fallback_used"], true);
    EXPECT_EQ(body["fallback_reason"], fault.reason);
    EXPECT_EQ(body["attempts"][0]["outcome"], "failed");
    EXPECT_EQ(body["attempts"][0]["reason"], fault.reason);
    if (fault.status != 0)
        EXPECT_EQ(body["attempts"][0]["status"], fault.status);
    else
        EXPECT_FALSE(body["attempts"][0].contains("status"));
    EXPECT_EQ(answer.headers.get("x-squad-fallback"), "true");
    EXPECT_EQ(answer.headers.get("x-squad-attempts"),
              failing + "=" + fault.reason + ", " + next + "=ok");
    ASSERT_EQ(providers.calls().size(), 2U);
    EXPECT_EQ(providers.calls()[1].request.headers.get("x-squad-attempt"), "2");
}

INSTANTIATE_TEST_SUITE_P(All, GatewayFaultTest,
                         testing::Combine(testing::Range<std::size_t>(0, 4),
                                          testing::Range<std::size_t>(0, std::size(kFaults))));

// The hint of every dialect is understood and kept, fractions included.
TEST_F(GatewayTest, RetryAfterOfEveryDialectIsAFloor) {
    start();
    for (const char* name : {"groq", "cerebras", "gemini", "openrouter"}) {
        providers.script(name, refusal(name, 90'250ms));
        const std::string model = std::string(name) + "/" + name + "-model";
        const std::string body =
            R"({"model":")" + model + R"(","messages":[{"role":"user","content":"x"}]})";
        service::Answer answer = send("POST", "/v1/chat/completions", body);
        EXPECT_EQ(answer.status, 429) << name << answer.body;
        const double paused = get(std::string("/providers/") + name)["paused_ms"];
        EXPECT_GT(paused, 60'000) << name;
        EXPECT_LE(paused, 92'000) << name;
        const int hint = std::stoi(std::string(answer.headers.get("retry-after")));
        EXPECT_GE(hint, 90) << name;
        EXPECT_LE(hint, 92) << name;
        // Nobody calls it before.
        answer = send("POST", "/v1/chat/completions", body);
        EXPECT_EQ(answer.status, 429) << name;
        EXPECT_EQ(answer.headers.get("x-squad-attempts"), std::string(name) + "=skipped:throttle");
        EXPECT_EQ(providers.calls_of(name), 1U);
    }
}

TEST_F(GatewayTest, ARefusedConnectionFallsBack) {
    // A port that was free a moment ago and that nobody listens on.
    std::uint16_t port = 0;
    {
        const auto server = service::Server::listen(io, {}, {});
        ASSERT_TRUE(server);
        port = (*server)->port();
    }
    provider("groq").base_url = "http://127.0.0.1:" + std::to_string(port) + "/v1";
    start();
    const service::Answer answer = ask();
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers.get("x-squad-attempts"), "groq=connect, cerebras=ok");
}

TEST_F(GatewayTest, ATimeoutFallsBack) {
    provider("groq").timeout = 20ms;
    start();
    providers.script("groq", held(good("groq")));
    const service::Answer answer = ask();
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers.get("x-squad-attempts"), "groq=timeout, cerebras=ok");
    EXPECT_EQ(json_of(answer)["fallback_reason"], "timeout");
    until([this] { return providers.hung_up() == 1; });  // the late call is given up
}

TEST_F(GatewayTest, WhatWouldFailElsewhereTooIsNotRepeated) {
    start();
    struct Case {
        int status;
        int answered;
        const char* type;
    };
    const Case cases[] = {{400, 400, "invalid_request_error"}, {413, 413, "request_too_large"},
                          {422, 422, "invalid_request_error"}, {401, 502, "provider_error"},
                          {403, 502, "provider_error"},        {404, 502, "provider_error"}};
    for (const Case& c : cases) {
        providers.script("groq", error("groq", c.status));
        const service::Answer answer = ask();
        EXPECT_EQ(answer.status, c.answered) << c.status << answer.body;
        const json error = json_of(answer)["error"];
        EXPECT_EQ(error["type"], c.type);
        EXPECT_EQ(error["attempts"][0]["reason"], "rejected");
        EXPECT_EQ(error["attempts"][0]["status"], c.status);
    }
    EXPECT_EQ(providers.calls_of("cerebras"), 0U);
    EXPECT_EQ(get("/providers/groq")["breaker_state"]["phase"], "closed");
}

TEST_F(GatewayTest, MoneyThatIsUsedUpPausesTheProvider) {
    start();
    providers.script("groq", error("groq", 402));
    EXPECT_EQ(ask().headers.get("x-squad-attempts"), "groq=quota, cerebras=ok");
    EXPECT_EQ(ask().headers.get("x-squad-attempts"), "groq=skipped:throttle, cerebras=ok");
}

TEST_F(GatewayTest, AFailedChainIsTriedAgainWithinTheBounds) {
    config.fallback.attempts = 3;
    config.fallback.backoff_base = 1ms;
    config.fallback.backoff_max = 2ms;
    start();
    providers.script("groq", error("groq", 500));
    providers.script("groq", error("groq", 500));
    EXPECT_EQ(ask("single").headers.get("x-squad-attempts"), "groq=5xx, groq=5xx, groq=ok");
    for (int i = 0; i < 3; ++i) providers.script("groq", error("groq", 500));
    const service::Answer answer = ask("single");
    EXPECT_EQ(answer.status, 502);
    EXPECT_EQ(json_of(answer)["error"]["type"], "provider_error");
    EXPECT_EQ(json_of(answer)["error"]["attempts"].size(), 3U);
    EXPECT_EQ(providers.calls_of("groq"), 6U);
}

TEST_F(GatewayTest, AmplificationIsBoundedOverAllRequests) {
    config.fallback.amplification = 1;
    config.fallback.amplification_reserve = 1;
    start();
    providers.always("groq", error("groq", 500));
    EXPECT_EQ(ask().status, 200);
    EXPECT_EQ(ask().status, 502);
    EXPECT_EQ(ask().status, 502);
    EXPECT_EQ(providers.calls().size(), 4U);
}

TEST_F(GatewayTest, TheTotalTimeIsKept) {
    config.fallback.total_time = 40ms;
    start();
    providers.always("groq", held(good("groq")));
    const service::Answer answer = ask();
    EXPECT_EQ(answer.status, 504) << answer.body;
    EXPECT_EQ(json_of(answer)["error"]["type"], "timeout_error");
    // That the time was over is not the provider's failure.
    EXPECT_EQ(get("/providers/groq")["breaker_state"]["failures_in_row"], 0);
    EXPECT_EQ(get("/providers/groq")["calls"]["given_up"], 1);
}

TEST_F(GatewayTest, AnOutageOpensTheBreakerAndTrafficReturns) {
    provider("groq").breaker.failures = 3;
    provider("groq").breaker.open = 30ms;
    start();
    providers.always("groq", error("groq", 503));
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(ask().headers.get("x-squad-attempts"), "groq=5xx, cerebras=ok");
    EXPECT_EQ(get("/providers/groq")["breaker_state"]["opened"], 1);
    providers.always("groq", good("groq"));
    // Passed over at first, probed after the open time, then first choice again.
    bool skipped = false;
    until([this, &skipped] {
        const service::Answer answer = ask();
        const bool open = answer.headers.get("x-squad-attempts") ==
                          std::string_view("groq=skipped:breaker, cerebras=ok");
        skipped = skipped || open;
        return !open && answer.headers.get("x-squad-provider") == std::string_view("groq");
    });
    EXPECT_TRUE(skipped);
    EXPECT_EQ(get("/providers/groq")["breaker"], "closed");
}

TEST_F(GatewayTest, AStormOf429SlowsDown) {
    provider("groq").throttle.trigger = 3;
    config.fallback.backoff_base = 0ms;
    config.fallback.backoff_max = 0ms;
    start();
    for (int i = 0; i < 3; ++i) providers.script("groq", refusal("groq", std::nullopt));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask().status, 200);
    const json groq = get("/providers/groq");
    EXPECT_EQ(groq["throttle"]["factor"], 0.5);
    EXPECT_EQ(groq["status"], "throttled");
    EXPECT_FALSE(groq["last_429_time"].is_null());
    EXPECT_EQ(get("/health")["status"], "degraded");
    // The limiter has been told when it is next asked.
    EXPECT_EQ(ask().status, 200);
    EXPECT_EQ(get("/providers/groq")["levels"]["concurrency"]["limit"], 500);
}

TEST_F(GatewayTest, AChainThatIsRateLimitedEverywhereSaysWhenToComeBack) {
    start();
    for (const char* name : {"groq", "cerebras", "gemini", "openrouter"})
        providers.script(name, refusal(name, std::string(name) == "gemini" ? 70s : 90s));
    const service::Answer answer = ask();
    EXPECT_EQ(answer.status, 429) << answer.body;
    const int hint = std::stoi(std::string(answer.headers.get("retry-after")));
    EXPECT_GE(hint, 65);
    EXPECT_LE(hint, 72);
    EXPECT_EQ(json_of(answer)["error"]["type"], "rate_limit_error");
    EXPECT_EQ(json_of(answer)["error"]["attempts"].size(), 4U);
}

}  // namespace
}  // namespace squadload::squad_api
