#include "target/llm/reply.h"

#include <chrono>

#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

using namespace std::chrono_literals;
using Kind = ProviderErrorKind;

const ReplyTiming kTiming{12500us, 31ms, 250ms};

ReplyResult answer_of(Dialect dialect, std::string_view body) {
    return read_reply(dialect, {}, body, kNow);
}

std::string sentence_of(Dialect dialect, std::string_view body) {
    const auto reply = answer_of(dialect, body);
    if (reply) return "an answer";
    EXPECT_EQ(reply.error().kind, Kind::invalid_reply);
    EXPECT_EQ(reply.error().status, 200);
    return reply.error().message;
}

TEST(RenderReplyTest, GroqGoldenBody) {
    EXPECT_TRUE(same_json(
        render_reply(Dialect::groq, example_reply(), kTiming),
        R"({"id":"chatcmpl-42","object":"chat.completion","created":1795575600,)"
        R"("model":"llama-3.3-70b-versatile","choices":[{"index":0,"message":)"
        R"({"role":"assistant","content":"Line one\nline \"two\" 世"},"logprobs":null,)"
        R"("finish_reason":"stop"}],"usage":{"queue_time":0.0125,"prompt_tokens":21,)"
        R"("prompt_time":0.031,"completion_tokens":7,"completion_time":0.25,"total_tokens":28,)"
        R"("total_time":0.2935},"usage_breakdown":null,"system_fingerprint":"fp_simulated",)"
        R"("x_groq":{"id":"chatcmpl-42"},"service_tier":"on_demand"})"));
}

TEST(RenderReplyTest, CerebrasGoldenBody) {
    EXPECT_TRUE(same_json(
        render_reply(Dialect::cerebras, example_reply(), kTiming),
        R"({"id":"chatcmpl-42","choices":[{"finish_reason":"stop","index":0,"message":)"
        R"({"content":"Line one\nline \"two\" 世","role":"assistant"}}],"created":1795575600,)"
        R"("model":"llama-3.3-70b-versatile","system_fingerprint":"fp_simulated",)"
        R"("object":"chat.completion","usage":{"prompt_tokens":21,"completion_tokens":7,)"
        R"("total_tokens":28,"prompt_tokens_details":{"cached_tokens":0}},)"
        R"("time_info":{"queue_time":0.0125,"prompt_time":0.031,"completion_time":0.25,)"
        R"("total_time":0.2935,"created":1795575600}})"));
}

TEST(RenderReplyTest, OpenAiGoldenBody) {
    EXPECT_TRUE(
        same_json(render_reply(Dialect::openai, example_reply(), kTiming),
                  R"({"id":"chatcmpl-42","object":"chat.completion","created":1795575600,)"
                  R"("model":"llama-3.3-70b-versatile","choices":[{"index":0,"message":)"
                  R"({"role":"assistant","content":"Line one\nline \"two\" 世","refusal":null,)"
                  R"("annotations":[]},"logprobs":null,"finish_reason":"stop"}],)"
                  R"("usage":{"prompt_tokens":21,"completion_tokens":7,"total_tokens":28,)"
                  R"("prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},)"
                  R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,)"
                  R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},)"
                  R"("service_tier":"default","system_fingerprint":"fp_simulated"})"));
}

TEST(RenderReplyTest, GeminiGoldenBodies) {
    ChatReply reply = example_reply();
    reply.model = "gemini-2.5-flash";
    reply.finish_reason = "length";
    EXPECT_TRUE(same_json(
        render_reply(Dialect::gemini, reply, kTiming),
        R"({"candidates":[{"content":{"parts":[{"text":"Line one\nline \"two\" 世"}],)"
        R"("role":"model"},"finishReason":"MAX_TOKENS","index":0}],)"
        R"("usageMetadata":{"promptTokenCount":21,"candidatesTokenCount":7,"totalTokenCount":28},)"
        R"("modelVersion":"gemini-2.5-flash","responseId":"chatcmpl-42"})"));
    EXPECT_TRUE(same_json(
        render_reply(Dialect::gemini_openai, reply, kTiming),
        R"({"id":"chatcmpl-42","object":"chat.completion","created":1795575600,)"
        R"("model":"gemini-2.5-flash","choices":[{"index":0,"message":)"
        R"({"role":"assistant","content":"Line one\nline \"two\" 世"},"finish_reason":"length"}],)"
        R"("usage":{"prompt_tokens":21,"completion_tokens":7,"total_tokens":28}})"));
}

TEST(RenderReplyTest, OpenRouterGoldenBody) {
    ChatReply reply = example_reply();
    reply.upstream_provider = "Groq";
    EXPECT_TRUE(
        same_json(render_reply(Dialect::openrouter, reply, kTiming),
                  R"({"id":"chatcmpl-42","provider":"Groq","model":"llama-3.3-70b-versatile",)"
                  R"("object":"chat.completion","created":1795575600,"choices":[{"logprobs":null,)"
                  R"("finish_reason":"stop","native_finish_reason":"stop","index":0,"message":)"
                  R"({"role":"assistant","content":"Line one\nline \"two\" 世","refusal":null,)"
                  R"("reasoning":null}}],"usage":{"prompt_tokens":21,"completion_tokens":7,)"
                  R"("total_tokens":28}})"));
}

TEST(RenderReplyTest, HeadersOfAnAnswer) {
    const Headers generation = {{"x-generation-id", "chatcmpl-42"}};
    EXPECT_EQ(reply_headers(Dialect::openrouter, example_reply()), generation);
    EXPECT_EQ(header_value(reply_headers(Dialect::groq, example_reply()), "x-request-id"),
              "chatcmpl-42");
    EXPECT_TRUE(reply_headers(Dialect::gemini, example_reply()).empty());
    ChatReply odd;
    odd.id = "a\r\nb";
    EXPECT_EQ(header_value(reply_headers(Dialect::groq, odd), "x-request-id"), "a__b");
}

TEST(ReplyTest, ReadsBackWhatItWrote) {
    SQUADLOAD_EACH_DIALECT(d) {
        for (const std::string_view reason : {"stop", "length", "content_filter"}) {
            ChatReply reply = example_reply();
            reply.finish_reason = reason;
            if (d == Dialect::gemini) reply.created_s = 0;
            if (d == Dialect::openrouter) reply.upstream_provider = "Groq";
            const auto read = answer_of(d, render_reply(d, reply, kTiming));
            ASSERT_TRUE(read) << read.error().message;
            EXPECT_EQ(*read, reply);
        }
    }
}

TEST(ReadReplyTest, EveryCutOfAnAnswerIsAnError) {
    SQUADLOAD_EACH_DIALECT(d) {
        const std::string body = render_reply(d, example_reply(), kTiming);
        for (std::size_t length = 0; length < body.size(); ++length) {
            const auto reply = answer_of(d, std::string_view(body).substr(0, length));
            ASSERT_FALSE(reply) << length;
            EXPECT_EQ(reply.error().kind, Kind::invalid_reply);
        }
    }
}

TEST(ReadReplyTest, SaysWhatIsMissing) {
    const auto openai = [](std::string_view body) { return sentence_of(Dialect::openai, body); };
    EXPECT_EQ(openai(""), "the answer is empty");
    EXPECT_EQ(openai("<html>"), "the answer is not valid JSON");
    EXPECT_EQ(openai("[]"), "the answer is not a JSON object");
    EXPECT_EQ(openai("{}"), "the answer has no choices");
    EXPECT_EQ(openai(R"({"choices":[]})"), "the answer has no choices");
    EXPECT_EQ(openai(R"({"choices":[{"message":{"content":"a"}}]})"),
              "the answer does not say why it ended");
    EXPECT_EQ(openai(R"({"choices":[{"message":{"content":"a"},"finish_reason":null}]})"),
              "the answer does not say why it ended");
    EXPECT_EQ(openai(R"({"choices":[{"finish_reason":"stop"}]})"), "the answer has no text");
    EXPECT_EQ(openai(R"({"choices":[{"message":{"content":null},"finish_reason":"stop"}]})"),
              "the answer has no text");
    EXPECT_EQ(openai(R"({"choices":[{"message":{"content":null,"tool_calls":[{}]},)"
                     R"("finish_reason":"tool_calls"}]})"),
              "the answer calls tools instead of giving text");
    const auto gemini = [](std::string_view body) { return sentence_of(Dialect::gemini, body); };
    EXPECT_EQ(gemini("{}"), "the answer has no candidates");
    EXPECT_EQ(gemini(R"({"candidates":[{"content":{"parts":[{"text":"a"}]}}]})"),
              "the answer does not say why it ended");
    EXPECT_EQ(gemini(R"({"candidates":[{"finishReason":"STOP"}]})"), "the answer has no text");
}

TEST(ReadReplyTest, TakesWhatProvidersLeaveOut) {
    auto reply = answer_of(Dialect::openai,
                           R"({"choices":[{"message":{"content":""},"finish_reason":"stop"}]})");
    ASSERT_TRUE(reply);
    EXPECT_FALSE(reply->usage_reported);
    reply = answer_of(Dialect::groq,
                      R"({"choices":[{"message":{"content":null},"finish_reason":"length"}],)"
                      R"("usage":{"prompt_tokens":3,"completion_tokens":0}})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->content, "");
    EXPECT_EQ(reply->usage, (Usage{3, 0}));
    reply = answer_of(Dialect::gemini,
                      R"({"candidates":[{"content":{"parts":[{"text":"think","thought":true},)"
                      R"({"text":"a"},{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":)"
                      R"({"promptTokenCount":3,"candidatesTokenCount":2,"thoughtsTokenCount":40,)"
                      R"("totalTokenCount":45}})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->content, "ab");
    EXPECT_EQ(reply->usage, (Usage{3, 42}));
    reply = answer_of(Dialect::gemini,
                      R"({"candidates":[{"content":{},"finishReason":"RECITATION"}]})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->finish_reason, "content_filter");
}

TEST(ReadReplyTest, AnErrorInsideA200) {
    auto reply =
        answer_of(Dialect::openrouter,
                  R"({"error":{"code":429,"message":"Provider returned error","metadata":)"
                  R"({"raw":"m is temporarily rate-limited upstream.","provider_name":"Google AI )"
                  R"(Studio"}}})");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().status, 429);
    EXPECT_EQ(reply.error().kind, Kind::rate_limited);
    EXPECT_EQ(reply.error().message,
              "Provider returned error: m is temporarily rate-limited upstream.");
    reply = answer_of(Dialect::openrouter,
                      R"({"id":"gen-1","choices":[{"error":{"code":502,"message":"gone"},)"
                      R"("message":{"content":"par"},"finish_reason":"error"}]})");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().status, 502);
    EXPECT_EQ(reply.error().kind, Kind::server_error);
    EXPECT_EQ(reply.error().message, "gone");
    reply = answer_of(Dialect::openrouter,
                      R"({"choices":[{"message":{"content":"par"},"finish_reason":"error"}]})");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, Kind::server_error);
    EXPECT_EQ(
        find_error(Dialect::groq, {}, render_reply(Dialect::groq, example_reply(), kTiming), kNow)
            .has_value(),
        false);
    reply = answer_of(Dialect::groq, R"({"error":"something broke"})");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, Kind::server_error);
    reply = answer_of(Dialect::gemini, R"({"promptFeedback":{"blockReason":"SAFETY"}})");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, Kind::bad_request);
    EXPECT_EQ(reply.error().message, "the provider blocked the prompt: SAFETY");
}

TEST(ReadReplyTest, NamesStayShortAndOnOneLine) {
    const auto reply =
        answer_of(Dialect::openai,
                  R"({"id":"a\r\nb","model":")" + std::string(5000, 'm') +
                      R"(","choices":[{"message":{"content":"x"},"finish_reason":"stop"}]})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->id, "a b");
    EXPECT_LE(reply->model.size(), 256U);
}

}  // namespace
}  // namespace squadload::llm
