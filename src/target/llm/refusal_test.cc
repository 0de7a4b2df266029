#include "target/llm/refusal.h"

#include <chrono>

#include "target/llm/provider_error.h"
#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;
using Kind = ProviderErrorKind;

constexpr std::array kRefusals{RefusedBy::requests_minute,   RefusedBy::requests_day,
                               RefusedBy::tokens_minute,     RefusedBy::tokens_day,
                               RefusedBy::request_too_large, RefusedBy::concurrency,
                               RefusedBy::upstream,          RefusedBy::insufficient_quota};

Refusal refused_by(RefusedBy by, Nanos wait, std::string_view model = "llama-3.3-70b-versatile") {
    Refusal refusal;
    refusal.by = by;
    refusal.limit = 12'000;
    refusal.used = 4'437;
    refusal.requested = 9'854;
    refusal.wait = wait;
    refusal.model = model;
    refusal.organization = "org_01";
    return refusal;
}

// What the gateway makes of a refusal.
ProviderError understood(Dialect dialect, const WireReply& reply) {
    return read_error(dialect, reply.status, header_map(reply.headers), reply.body, kNow);
}

TEST(RefusalTest, GroqOverTokensPerMinute) {
    LimitState state;
    state.requests_day = LimitGauge{1'000, 999, 86400ms};
    state.tokens_minute = LimitGauge{12'000, 7'563, 22185ms};
    const WireReply reply =
        render_refusal(Dialect::groq, refused_by(RefusedBy::tokens_minute, 11455ms), state, kNow);
    EXPECT_EQ(reply.status, 429);
    EXPECT_TRUE(same_json(
        reply.body,
        R"({"error":{"message":"Rate limit reached for model `llama-3.3-70b-versatile` in )"
        R"(organization `org_01` service tier `on_demand` on tokens per minute (TPM): Limit )"
        R"(12000, )"
        R"(Used 4437, Requested 9854. Please try again in 11.455s. Need more tokens? Upgrade )"
        R"(to Dev )"
        R"(Tier today at https://console.groq.com/settings/billing","type":"tokens",)"
        R"("code":"rate_limit_exceeded"}})"));
    const Headers expected = {{"retry-after", "12"},
                              {"x-ratelimit-limit-requests", "1000"},
                              {"x-ratelimit-remaining-requests", "999"},
                              {"x-ratelimit-reset-requests", "1m26.4s"},
                              {"x-ratelimit-limit-tokens", "12000"},
                              {"x-ratelimit-remaining-tokens", "7563"},
                              {"x-ratelimit-reset-tokens", "22.185s"}};
    EXPECT_EQ(reply.headers, expected);
}

TEST(RefusalTest, GroqHasAWordForEachLimit) {
    const std::vector<std::pair<RefusedBy, std::string>> cases = {
        {RefusedBy::requests_minute, "on requests per minute (RPM): Limit"},
        {RefusedBy::requests_day, "on requests per day (RPD): Limit"},
        {RefusedBy::tokens_day, "on tokens per day (TPD): Limit"},
        {RefusedBy::concurrency, "on concurrent requests: Limit"},
    };
    for (const auto& [by, words] : cases) {
        const WireReply reply = render_refusal(Dialect::groq, refused_by(by, 9min), {}, kNow);
        EXPECT_NE(reply.body.find(words), std::string::npos) << reply.body;
        EXPECT_NE(reply.body.find("Please try again in 9m0s."), std::string::npos);
    }
    Refusal fractional = refused_by(RefusedBy::requests_minute, 7660ms);
    fractional.fractional_header = true;
    EXPECT_EQ(
        header_value(render_refusal(Dialect::groq, fractional, {}, kNow).headers, "retry-after"),
        "7.66");
}

TEST(RefusalTest, GroqTooLargeIs413) {
    const WireReply reply = render_refusal(
        Dialect::groq, refused_by(RefusedBy::request_too_large, 5s, "llama-3.1-8b-instant"), {},
        kNow);
    EXPECT_EQ(reply.status, 413);
    EXPECT_TRUE(reply.headers.empty());
    EXPECT_TRUE(same_json(
        reply.body,
        R"({"error":{"message":"Request too large for model `llama-3.1-8b-instant` in )"
        R"(organization )"
        R"(`org_01` service tier `on_demand` on tokens per minute (TPM): Limit 12000, )"
        R"(Requested 9854, )"
        R"(please reduce your message size and try again. Need more tokens? Upgrade to Dev Tier )"
        R"(today at https://console.groq.com/settings/billing","type":"tokens",)"
        R"("code":"rate_limit_exceeded"}})"));
}

TEST(RefusalTest, CerebrasBodiesAreFlat) {
    LimitState state;
    state.requests_minute = LimitGauge{30, 0, 4500ms};
    const WireReply requests =
        render_refusal(Dialect::cerebras, refused_by(RefusedBy::requests_minute, 2s), state, kNow);
    EXPECT_EQ(requests.status, 429);
    EXPECT_TRUE(same_json(
        requests.body,
        R"({"message":"Requests per minute limit exceeded - too many requests sent.",)"
        R"("type":"too_many_requests_error","param":"quota","code":"request_quota_exceeded"})"));
    EXPECT_EQ(header_value(requests.headers, "retry-after"), "(none)");
    EXPECT_EQ(header_value(requests.headers, "x-ratelimit-reset-requests-minute"), "4.500000");
    EXPECT_EQ(understood(Dialect::cerebras, requests).retry_after, 4500ms);
    EXPECT_TRUE(same_json(
        render_refusal(Dialect::cerebras, refused_by(RefusedBy::tokens_minute, 2s), {}, kNow).body,
        R"({"message":"Tokens per minute limit exceeded - too many tokens processed.",)"
        R"("type":"too_many_tokens_error","param":"quota","code":"token_quota_exceeded"})"));
    EXPECT_TRUE(same_json(
        render_refusal(Dialect::cerebras, refused_by(RefusedBy::concurrency, 2s), {}, kNow).body,
        R"({"message":"We're experiencing high traffic right now! Please try again soon.",)"
        R"("type":"too_many_requests_error","param":"queue","code":"queue_exceeded"})"));
}

std::string google_golden(const std::string& retry_delay, const std::string& retry_in) {
    return R"({"error":{"code":429,"message":"You exceeded your current quota, please check your )"
           R"(plan and billing details. For more information on this error, head to: )"
           R"(https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for metric: )"
           R"(generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 20, )"
           R"(model: gemini-2.5-flash\nPlease retry in )" +
           retry_in +
           R"(.","status":"RESOURCE_EXHAUSTED","details":[)"
           R"({"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":)"
           R"("Learn more about Gemini API quotas",)"
           R"("url":"https://ai.google.dev/gemini-api/docs/rate-limits"}]},)"
           R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":)"
           R"("generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":)"
           R"("GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaDimensions":)"
           R"({"location":"global","model":"gemini-2.5-flash"},"quotaValue":"20"}]},)"
           R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" +
           retry_delay + R"("}]}})";
}

TEST(RefusalTest, GeminiTellsInTheBodyAlone) {
    Refusal refusal = refused_by(RefusedBy::requests_minute, 26s, "gemini-2.5-flash");
    refusal.limit = 20;
    LimitState state;
    state.requests_minute = LimitGauge{20, 0, 26s};
    WireReply reply = render_refusal(Dialect::gemini, refusal, state, kNow);
    EXPECT_EQ(reply.status, 429);
    EXPECT_TRUE(reply.headers.empty());
    EXPECT_TRUE(same_json(reply.body, google_golden("26s", "26s")));
    reply = render_refusal(Dialect::gemini_openai, refusal, state, kNow);
    EXPECT_TRUE(same_json(reply.body, "[" + google_golden("26s", "26s") + "]"));
    refusal.wait = 58820ms - 1ns;
    reply = render_refusal(Dialect::gemini, refusal, state, kNow);
    EXPECT_TRUE(same_json(reply.body, google_golden("58.820s", "58.82s")));
}

TEST(RefusalTest, GeminiQuotaOfEachLimit) {
    const std::vector<std::pair<RefusedBy, std::string>> cases = {
        {RefusedBy::requests_day, "\"GenerateRequestsPerDayPerProjectPerModel-FreeTier\""},
        {RefusedBy::tokens_minute, "\"GenerateContentInputTokensPerModelPerMinute-FreeTier\""},
    };
    for (const auto& [by, id] : cases) {
        const WireReply reply = render_refusal(Dialect::gemini, refused_by(by, 1s), {}, kNow);
        EXPECT_NE(reply.body.find(id), std::string::npos) << reply.body;
    }
    Refusal bare = refused_by(RefusedBy::requests_minute, 1s);
    bare.bare = true;
    EXPECT_TRUE(same_json(
        render_refusal(Dialect::gemini, bare, {}, kNow).body,
        R"({"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).",)"
        R"("status":"RESOURCE_EXHAUSTED"}})"));
}

TEST(RefusalTest, OpenRouterTellsEpochMillisecondsInTheBody) {
    Refusal refusal = refused_by(RefusedBy::requests_minute, 29750ms, "m:free");
    refusal.limit = 20;
    refusal.used = 20;
    const WireReply reply = render_refusal(Dialect::openrouter, refusal, {}, kNow);
    EXPECT_EQ(reply.status, 429);
    EXPECT_TRUE(reply.headers.empty());
    EXPECT_TRUE(same_json(
        reply.body,
        R"({"error":{"message":"Rate limit exceeded: free-models-per-min.","code":429,"metadata":)"
        R"({"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0",)"
        R"("X-RateLimit-Reset":"1795575630000"},"provider_name":null}},)"
        R"("user_id":"user_simulated"})"));
    const WireReply upstream = render_refusal(
        Dialect::openrouter, refused_by(RefusedBy::upstream, 3s, "m:free"), {}, kNow);
    EXPECT_TRUE(same_json(
        upstream.body,
        R"({"error":{"message":"Provider returned error","code":429,"metadata":{"raw":)"
        R"("m:free is temporarily rate-limited upstream. Please retry shortly, or add your )"
        R"(own key )"
        R"(to accumulate your rate limits: https://openrouter.ai/settings/integrations",)"
        R"("provider_name":"Simulated"}},"user_id":"user_simulated"})"));
    EXPECT_EQ(header_value(upstream.headers, "retry-after"), "3");
}

TEST(RefusalTest, OpenAi) {
    Refusal refusal = refused_by(RefusedBy::tokens_minute, 644ms, "gpt-4o");
    refusal.limit = 30'000;
    refusal.used = 29'937;
    refusal.requested = 385;
    const WireReply reply = render_refusal(Dialect::openai, refusal, {}, kNow);
    EXPECT_EQ(reply.status, 429);
    EXPECT_TRUE(same_json(
        reply.body,
        R"({"error":{"message":"Rate limit reached for gpt-4o in organization org_01 on )"
        R"(tokens per )"
        R"(min (TPM): Limit 30000, Used 29937, Requested 385. Please try again in 644ms. Visit )"
        R"(https://platform.openai.com/account/rate-limits to learn more.","type":"tokens",)"
        R"("param":null,"code":"rate_limit_exceeded"}})"));
    const Headers expected = {{"retry-after", "1"}, {"retry-after-ms", "644"}};
    EXPECT_EQ(reply.headers, expected);
    EXPECT_TRUE(same_json(
        render_refusal(Dialect::openai, refused_by(RefusedBy::insufficient_quota, 1s), {}, kNow)
            .body,
        R"({"error":{"message":"You exceeded your current quota, please check your plan and )"
        R"(billing )"
        R"(details. For more information on this error, read the docs: )"
        R"(https://platform.openai.com/docs/guides/error-codes/api-errors.",)"
        R"("type":"insufficient_quota","param":null,"code":"insufficient_quota"}})"));
}

// What a refusal comes to at the gateway; the provider's shape decides.
Kind expected_kind(Dialect d, RefusedBy by) {
    switch (by) {
        case RefusedBy::requests_day:
        case RefusedBy::insufficient_quota:
            return Kind::quota_exhausted;
        case RefusedBy::tokens_day:
            return d == Dialect::openrouter ? Kind::rate_limited : Kind::quota_exhausted;
        case RefusedBy::request_too_large: {
            const bool told =
                d == Dialect::openai || d == Dialect::groq || d == Dialect::openrouter;
            return told ? Kind::too_large : Kind::rate_limited;
        }
        case RefusedBy::concurrency:
            return d == Dialect::groq ? Kind::rate_limited : Kind::overloaded;
        default:
            return Kind::rate_limited;
    }
}

TEST(RefusalTest, TheGatewayUnderstandsEveryRefusal) {
    SQUADLOAD_EACH_DIALECT(d) {
        for (const RefusedBy by : kRefusals) {
            const WireReply reply = render_refusal(d, refused_by(by, 2s, "mo\"del"), {}, kNow);
            EXPECT_TRUE(is_json(reply.body)) << reply.body;
            const ProviderError error = understood(d, reply);
            EXPECT_EQ(kind_name(error.kind), kind_name(expected_kind(d, by))) << reply.body;
            EXPECT_EQ(error.status, reply.status);
            EXPECT_FALSE(error.code.empty());
        }
    }
}

TEST(RefusalTest, AHintIsNeverShorterThanTheWait) {
    const std::vector<Nanos> waits = {0ns, 1ns,        500us,   644ms, 999999999ns, 7660ms,
                                      26s, 58820001us, 62500ms, 3h,    24h};
    SQUADLOAD_EACH_DIALECT(d) {
        for (const Nanos wait : waits) {
            for (const bool fractional : {false, true}) {
                Refusal refusal = refused_by(RefusedBy::requests_minute, wait);
                refusal.fractional_header = fractional;
                LimitState state;
                state.requests_minute = LimitGauge{30, 0, wait};
                const auto hint =
                    understood(d, render_refusal(d, refusal, state, kNow)).retry_after;
                ASSERT_TRUE(hint) << wait.count();
                EXPECT_GE(*hint, wait);
                EXPECT_LE(*hint, wait + 1s);
            }
        }
    }
}

TEST(RefusalTest, NoWaitNoHint) {
    SQUADLOAD_EACH_DIALECT(d) {
        for (const RefusedBy by : kRefusals) {
            Refusal refusal = refused_by(by, 1s);
            refusal.wait = std::nullopt;
            const WireReply reply = render_refusal(d, refusal, {}, kNow);
            EXPECT_EQ(understood(d, reply).retry_after, std::nullopt) << reply.body;
        }
    }
}

TEST(RefusalTest, AbsurdWaitsAreBounded) {
    SQUADLOAD_EACH_DIALECT(d) {
        for (const Nanos wait : {Nanos::min(), -1ns, Nanos::max()}) {
            LimitState state;
            state.requests_minute = LimitGauge{1, 0, std::min(wait, Nanos{48h})};
            const WireReply reply =
                render_refusal(d, refused_by(RefusedBy::requests_minute, wait), state, kNow);
            EXPECT_TRUE(is_json(reply.body));
            const Nanos hint = wait > 0ns ? Nanos{24h} : 0ns;
            EXPECT_EQ(understood(d, reply).retry_after, hint) << reply.body;
        }
    }
}

TEST(RenderErrorTest, GoldenBodies) {
    struct Case {
        Dialect dialect;
        int status;
        std::string body;
    };
    const std::vector<Case> cases = {
        {Dialect::groq, 401,
         R"({"error":{"message":"Invalid API Key","type":"invalid_request_error",)"
         R"("code":"invalid_api_key"}})"},
        {Dialect::groq, 404,
         R"({"error":{"message":"The model `m` does not exist or you do not have access to it.",)"
         R"("type":"invalid_request_error","code":"model_not_found"}})"},
        {Dialect::groq, 500,
         R"({"error":{"message":"Internal Server Error","type":"internal_server_error"}})"},
        {Dialect::openai, 404,
         R"({"error":{"message":"The model `m` does not exist or you do not have access to it.",)"
         R"("type":"invalid_request_error","param":null,"code":"model_not_found"}})"},
        {Dialect::openai, 500,
         R"({"error":{"message":"The server had an error while processing your request. Sorry )"
         R"(about that!","type":"server_error","param":null,"code":null}})"},
        {Dialect::cerebras, 401,
         R"({"message":"Wrong API Key","type":"invalid_request_error","param":"api_key",)"
         R"("code":"wrong_api_key"})"},
        {Dialect::cerebras, 404,
         R"({"message":"Model m does not exist or you do not have access to it.",)"
         R"("type":"not_found_error","param":"model","code":"model_not_found"})"},
        {Dialect::gemini, 503,
         R"({"error":{"code":503,"message":"The model is overloaded. Please try again later.",)"
         R"("status":"UNAVAILABLE"}})"},
        {Dialect::gemini_openai, 503,
         R"([{"error":{"code":503,"message":"The model is overloaded. Please try again later.",)"
         R"("status":"UNAVAILABLE"}}])"},
        {Dialect::openrouter, 401,
         R"({"error":{"message":"No auth credentials found","code":401},)"
         R"("user_id":"user_simulated"})"},
        {Dialect::openrouter, 503,
         R"({"error":{"message":"There is no available model provider that meets your routing )"
         R"(requirements","code":503},"user_id":"user_simulated"})"},
    };
    for (const Case& c : cases) {
        const WireReply reply = render_error(c.dialect, c.status, {"", "m"});
        EXPECT_EQ(reply.status, c.status);
        EXPECT_TRUE(same_json(reply.body, c.body));
    }
}

TEST(RenderErrorTest, GeminiAnswersABadKeyWith400) {
    const WireReply reply = render_error(Dialect::gemini, 401);
    EXPECT_EQ(reply.status, 400);
    EXPECT_TRUE(same_json(
        reply.body,
        R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.",)"
        R"("status":"INVALID_ARGUMENT","details":[)"
        R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID",)"
        R"("domain":"googleapis.com","metadata":)"
        R"({"service":"generativelanguage.googleapis.com"}}]}})"));
}

TEST(RenderErrorTest, TheGatewayUnderstandsEveryError) {
    const std::vector<std::pair<int, Kind>> cases = {
        {400, Kind::bad_request},  {401, Kind::unauthorized}, {402, Kind::quota_exhausted},
        {403, Kind::unauthorized}, {404, Kind::not_found},    {408, Kind::server_error},
        {413, Kind::too_large},    {422, Kind::bad_request},  {500, Kind::server_error},
        {502, Kind::server_error}, {503, Kind::overloaded},   {504, Kind::server_error},
        {529, Kind::overloaded},
    };
    SQUADLOAD_EACH_DIALECT(d) {
        for (const auto& [status, kind] : cases) {
            const WireReply usual = render_error(d, status, {"", "m"});
            EXPECT_EQ(kind_name(understood(d, usual).kind), kind_name(kind)) << usual.body;
            const WireReply own = render_error(d, status, {"said \"so\"", "m"});
            EXPECT_EQ(understood(d, own).message, "said \"so\"");
            EXPECT_EQ(kind_name(understood(d, own).kind), kind_name(kind)) << own.body;
        }
    }
}

}  // namespace
}  // namespace squadload::llm
