#include "target/llm/provider_error.h"

#include <chrono>

#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;
using Kind = ProviderErrorKind;

struct ErrorCase {
    std::string what;
    Dialect dialect;
    int status;
    std::string body;
    Kind kind;
    std::string code;
    std::string message;
};

// Bodies as users reported them, shortened.
const std::vector<ErrorCase> kErrorCases = {
    {"groq tokens", Dialect::groq, 429,
     R"({"error":{"message":"Rate limit reached for model `m` on tokens per minute (TPM): )"
     R"(Limit 1",)"
     R"("type":"tokens","code":"rate_limit_exceeded"}})",
     Kind::rate_limited, "rate_limit_exceeded",
     "Rate limit reached for model `m` on tokens per minute (TPM): Limit 1"},
    {"groq day", Dialect::groq, 429,
     R"({"error":{"message":"Rate limit reached on tokens per day (TPD): Limit 100000",)"
     R"("type":"tokens","code":"rate_limit_exceeded"}})",
     Kind::quota_exhausted, "rate_limit_exceeded",
     "Rate limit reached on tokens per day (TPD): Limit 100000"},
    {"groq too large", Dialect::groq, 413,
     R"({"error":{"message":"Request too large for model `m`","type":"tokens",)"
     R"("code":"rate_limit_exceeded"}})",
     Kind::too_large, "rate_limit_exceeded", "Request too large for model `m`"},
    {"groq flex", Dialect::groq, 498,
     R"({"error":{"message":"no capacity","type":"x","code":"capacity_exceeded"}})",
     Kind::overloaded, "capacity_exceeded", "no capacity"},
    {"groq key", Dialect::groq, 401,
     R"({"error":{"message":"Invalid API Key","type":"invalid_request_error",)"
     R"("code":"invalid_api_key"}})",
     Kind::unauthorized, "invalid_api_key", "Invalid API Key"},
    {"cerebras requests", Dialect::cerebras, 429,
     R"({"message":"Requests per minute limit exceeded - too many requests sent.",)"
     R"("type":"too_many_requests_error","param":"quota","code":"request_quota_exceeded"})",
     Kind::rate_limited, "request_quota_exceeded",
     "Requests per minute limit exceeded - too many requests sent."},
    {"cerebras day", Dialect::cerebras, 429,
     R"({"message":"Tokens per day limit exceeded - too many tokens processed.","type":"x",)"
     R"("param":"quota","code":"token_quota_exceeded"})",
     Kind::quota_exhausted, "token_quota_exceeded",
     "Tokens per day limit exceeded - too many tokens processed."},
    {"cerebras queue", Dialect::cerebras, 429,
     R"({"message":"traffic","type":"too_many_requests_error","param":"queue",)"
     R"("code":"queue_exceeded"})",
     Kind::overloaded, "queue_exceeded", "traffic"},
    {"cerebras context", Dialect::cerebras, 400,
     R"({"message":"Please reduce the length of the messages or completion. Current length is 9",)"
     R"("type":"invalid_request_error","param":"messages","code":"context_length_exceeded"})",
     Kind::too_large, "context_length_exceeded",
     "Please reduce the length of the messages or completion. Current length is 9"},
    {"gemini minute", Dialect::gemini, 429,
     R"({"error":{"code":429,"message":"You exceeded your current quota","status":)"
     R"("RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":)"
     R"("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]}]}})",
     Kind::rate_limited, "RESOURCE_EXHAUSTED", "You exceeded your current quota"},
    {"gemini day", Dialect::gemini, 429,
     R"({"error":{"code":429,"message":"You exceeded your current quota","status":)"
     R"("RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":)"
     R"("GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}})",
     Kind::quota_exhausted, "RESOURCE_EXHAUSTED", "You exceeded your current quota"},
    {"gemini bare, in an array", Dialect::gemini_openai, 429,
     R"([{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).",)"
     R"("status":"RESOURCE_EXHAUSTED"}}])",
     Kind::rate_limited, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."},
    {"gemini overloaded", Dialect::gemini, 503,
     R"({"error":{"code":503,"message":"The model is overloaded. Please try again later.",)"
     R"("status":"UNAVAILABLE"}})",
     Kind::overloaded, "UNAVAILABLE", "The model is overloaded. Please try again later."},
    {"gemini key", Dialect::gemini, 400,
     R"({"error":{"code":400,"message":"API key expired.","status":"INVALID_ARGUMENT",)"
     R"("details":[{"reason":"API_KEY_INVALID"}]}})",
     Kind::unauthorized, "INVALID_ARGUMENT", "API key expired."},
    {"gemini prepaid", Dialect::gemini, 402, R"({"error":{"code":402,"message":"paid"}})",
     Kind::quota_exhausted, "402", "paid"},
    {"openrouter free", Dialect::openrouter, 429,
     R"({"error":{"message":"Rate limit exceeded: free-models-per-min. ","code":429}})",
     Kind::rate_limited, "429", "Rate limit exceeded: free-models-per-min."},
    {"openrouter day", Dialect::openrouter, 429,
     R"({"error":{"message":"Rate limit exceeded: free-models-per-day. Add","code":429}})",
     Kind::quota_exhausted, "429", "Rate limit exceeded: free-models-per-day. Add"},
    {"openrouter credits", Dialect::openrouter, 402,
     R"({"error":{"message":"Insufficient credits.","code":402}})", Kind::quota_exhausted, "402",
     "Insufficient credits."},
    {"openrouter timeout", Dialect::openrouter, 408, R"({"error":{"message":"t","code":408}})",
     Kind::server_error, "408", "t"},
    {"openai money", Dialect::openai, 429,
     R"({"error":{"message":"You exceeded","type":"insufficient_quota","param":null,)"
     R"("code":null}})",
     Kind::quota_exhausted, "insufficient_quota", "You exceeded"},
    {"openai too large", Dialect::openai, 429,
     R"({"error":{"message":"Request too large for gpt-4o","type":"tokens",)"
     R"("code":"rate_limit_exceeded"}})",
     Kind::too_large, "rate_limit_exceeded", "Request too large for gpt-4o"},
    {"openai slow down", Dialect::openai, 429, R"({"error":{"message":"s","code":"slow_down"}})",
     Kind::overloaded, "slow_down", "s"},
    {"anthropic", Dialect::openai, 529,
     R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
     Kind::overloaded, "overloaded_error", "Overloaded"},
    {"a model that is not there", Dialect::openai, 404,
     R"({"error":{"message":"The model `m` does not exist","code":"model_not_found"}})",
     Kind::not_found, "model_not_found", "The model `m` does not exist"},
    {"unprocessable", Dialect::cerebras, 422, R"({"detail":"no"})", Kind::bad_request, "", "no"},
    {"forbidden", Dialect::groq, 403, "Forbidden", Kind::unauthorized, "", "Forbidden"},
    {"a proxy's page", Dialect::groq, 502, "<html>\r\n<h1>502  Bad Gateway</h1>",
     Kind::server_error, "", "<html> <h1>502 Bad Gateway</h1>"},
    {"nothing", Dialect::groq, 500, "", Kind::server_error, "", "status 500 without a message"},
    {"a teapot", Dialect::groq, 418, "{}", Kind::other, "", "{}"},
    {"a redirect", Dialect::groq, 302, "", Kind::other, "", "status 302 without a message"},
};

TEST(ProviderErrorTest, WhatEachAnswerMeans) {
    for (const ErrorCase& c : kErrorCases) {
        const ProviderError error = read_error(c.dialect, c.status, {}, c.body, kNow);
        EXPECT_EQ(kind_name(error.kind), kind_name(c.kind)) << c.what;
        EXPECT_EQ(error.status, c.status) << c.what;
        EXPECT_EQ(error.code, c.code) << c.what;
        EXPECT_EQ(error.message, c.message) << c.what;
    }
}

TEST(ProviderErrorTest, HintsOnlyWhereWaitingHelps) {
    const HeaderMap headers{{{"retry-after", "7.66"}}};
    for (const int status : {402, 429, 500, 503, 529})
        EXPECT_EQ(read_error(Dialect::groq, status, headers, "", kNow).retry_after, 7660ms);
    for (const int status : {400, 401, 404, 413, 302})
        EXPECT_EQ(read_error(Dialect::groq, status, headers, "", kNow).retry_after, std::nullopt);
    EXPECT_EQ(read_error(Dialect::groq, 429, {}, "", kNow).retry_after, std::nullopt);
}

TEST(ProviderErrorTest, MessagesAreCutCleanAndKeepNoKeys) {
    const std::string long_text(3000, '\xe4');
    const std::string repeated = R"({"error":{"message":")" + std::string(3000, 'x') + R"("}})";
    for (const std::string& body : {long_text, repeated, std::string(3000, '\n') + "\u4e16"}) {
        const ProviderError error = read_error(Dialect::openai, 500, {}, body, kNow);
        EXPECT_LE(error.message.size(), kMaxErrorMessage);
        EXPECT_FALSE(error.message.empty());
        EXPECT_TRUE(is_valid_utf8(error.message));
    }
    for (const std::string key :
         {"sk-proj-abcdef1234567890", "gsk_abcdef1234567890", "csk-abcdef1234567890",
          "AIzaSyA1234567890", "sk-abc********7890"}) {
        const std::string body =
            R"({"error":{"message":"Incorrect API key provided: )" + key + R"(. Find it"}})";
        EXPECT_EQ(read_error(Dialect::openai, 401, {}, body, kNow).message,
                  "Incorrect API key provided: (key). Find it");
    }
}

}  // namespace
}  // namespace squadload::llm
