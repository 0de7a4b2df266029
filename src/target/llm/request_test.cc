#include "target/llm/request.h"

#include <limits>

#include "target/llm/test_support.h"

namespace squadload::llm {
namespace {

constexpr std::string_view kNativePath = "/gemini/v1beta/models/gemini-2.5-flash:generateContent";

std::string refusal_of(Dialect dialect, std::string_view path, std::string_view body) {
    const auto request = read_request(dialect, path, body);
    return request ? "accepted" : request.error().message;
}

std::string refusal_of(std::string_view body) {
    return refusal_of(Dialect::openai, "", body);
}

TEST(RenderRequestTest, OpenAiLikeGoldenBodies) {
    const ChatRequest request = example_request();
    const std::string messages =
        R"({"model":"llama-3.3-70b-versatile","messages":[{"role":"system","content":"Be brief."},)"
        R"({"role":"user","content":"Say \"héllo\"\n\tto 世界 😀"},)"
        R"({"role":"assistant","content":"Hello."},{"role":"user","content":"Again\\"}],)"
        R"("temperature":0.7,)";
    for (const Dialect d : {Dialect::openai, Dialect::groq, Dialect::cerebras}) {
        EXPECT_TRUE(same_json(render_request(d, request, "k").body,
                              messages + R"("max_completion_tokens":256})"));
    }
    for (const Dialect d : {Dialect::gemini_openai, Dialect::openrouter}) {
        EXPECT_TRUE(
            same_json(render_request(d, request, "k").body, messages + R"("max_tokens":256})"));
    }
}

TEST(RenderRequestTest, GeminiGoldenBody) {
    ChatRequest request = example_request();
    request.model = "gemini-2.5-flash";
    const WireRequest wire = render_request(Dialect::gemini, request, "k");
    EXPECT_EQ(wire.path, "/models/gemini-2.5-flash:generateContent");
    EXPECT_TRUE(same_json(wire.body,
                          R"({"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[)"
                          R"({"role":"user","parts":[{"text":"Say \"héllo\"\n\tto 世界 😀"}]},)"
                          R"({"role":"model","parts":[{"text":"Hello."}]},)"
                          R"({"role":"user","parts":[{"text":"Again\\"}]}],)"
                          R"("generationConfig":{"maxOutputTokens":256,"temperature":0.7}})"));
}

TEST(RenderRequestTest, WhatIsNotAskedForIsNotSaid) {
    const ChatRequest request{"m", {{Role::user, "hi"}}, {}, {}, false, ""};
    EXPECT_EQ(render_request(Dialect::groq, request, "k").body,
              R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
    EXPECT_EQ(render_request(Dialect::gemini, request, "k").body,
              R"({"contents":[{"role":"user","parts":[{"text":"hi"}]}]})");
}

TEST(RenderRequestTest, StreamUserAndOddNumbers) {
    ChatRequest request{"m", {{Role::user, "hi"}}, {}, {}, true, "u-1"};
    request.temperature = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(render_request(Dialect::openai, request, "k").body,
              R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,)"
              R"("stream_options":{"include_usage":true},"user":"u-1"})");
    EXPECT_EQ(render_request(Dialect::gemini, request, "k").path,
              "/models/m:streamGenerateContent?alt=sse");
}

TEST(RenderRequestTest, TheKeyGoesIntoEachProvidersHeader) {
    const ChatRequest request = example_request();
    SQUADLOAD_EACH_DIALECT(d) {
        const Headers headers = render_request(d, request, "sk-secret").headers;
        const bool native = d == Dialect::gemini;
        EXPECT_EQ(headers.size(), 2U);
        EXPECT_EQ(header_value(headers, "content-type"), "application/json");
        EXPECT_EQ(header_value(headers, "authorization"), native ? "(none)" : "Bearer sk-secret");
        EXPECT_EQ(header_value(headers, "x-goog-api-key"), native ? "sk-secret" : "(none)");
        for (const std::string_view bad : {"", "a\r\nx-evil: 1", "a b", "a\n"})
            EXPECT_EQ(render_request(d, request, bad).headers.size(), 1U);
        const WireRequest wire = render_request(d, request, "sk-secret");
        EXPECT_EQ(wire.body.find("sk-secret"), std::string::npos);
        EXPECT_EQ(wire.path.find("sk-secret"), std::string::npos);
    }
}

TEST(RenderRequestTest, PathsBelowTheRealBaseUrls) {
    EXPECT_EQ(render_request(Dialect::groq, example_request(), "k").path, "/chat/completions");
    EXPECT_EQ(base_path(Dialect::groq), "/openai/v1");
    EXPECT_EQ(base_path(Dialect::cerebras), "/v1");
    EXPECT_EQ(base_path(Dialect::openai), "/v1");
    EXPECT_EQ(base_path(Dialect::gemini), "/v1beta");
    EXPECT_EQ(base_path(Dialect::gemini_openai), "/v1beta/openai");
    EXPECT_EQ(base_path(Dialect::openrouter), "/api/v1");
}

TEST(RequestTest, ReadsBackWhatItWrote) {
    SQUADLOAD_EACH_DIALECT(d) {
        for (const bool stream : {false, true}) {
            ChatRequest request = example_request();
            request.stream = stream;
            if (d != Dialect::gemini) request.user = "user \"7\"";
            const WireRequest wire = render_request(d, request, "k");
            const auto read = read_request(d, std::string(base_path(d)) + wire.path, wire.body);
            ASSERT_TRUE(read) << read.error().message;
            EXPECT_EQ(*read, request);
        }
    }
}

TEST(RequestTest, BytesThatAreNoTextAreReplaced) {
    ChatRequest request{"m", {{Role::user, "a\xff\xe4\xb8"}}, {}, {}, false, ""};
    SQUADLOAD_EACH_DIALECT(d) {
        const WireRequest wire = render_request(d, request, "k");
        EXPECT_TRUE(is_json(wire.body));
        const auto read = read_request(d, wire.path, wire.body);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->messages[0].content, "a\ufffd\ufffd\ufffd");
    }
    const auto lone = read_request(
        Dialect::openai, "", R"({"model":"m","messages":[{"role":"user","content":"\udc00"}]})");
    if (lone) {
        EXPECT_TRUE(is_valid_utf8(lone->messages[0].content));
    }
}

TEST(RequestTest, ModelNamesInGeminisPath) {
    for (const std::string model : {"gemini-2.5-flash", "a b/c:d?e%f\u4e16", "x"}) {
        const ChatRequest request{model, {{Role::user, "hi"}}, {}, {}, false, ""};
        const WireRequest wire = render_request(Dialect::gemini, request, "k");
        EXPECT_EQ(wire.path.find_first_of(" ?"), std::string::npos);
        const auto read = read_request(Dialect::gemini, wire.path, wire.body);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->model, model);
    }
    const ChatRequest named{"models/g", {{Role::user, "hi"}}, {}, {}, false, ""};
    EXPECT_EQ(render_request(Dialect::gemini, named, "k").path, "/models/g:generateContent");
}

TEST(RequestTest, GeminiPromptOfSystemMessagesAlone) {
    const ChatRequest request{"g", {{Role::system, "a"}, {Role::system, "b"}}, {}, {}, false, ""};
    EXPECT_EQ(render_request(Dialect::gemini, request, "k").body,
              R"({"contents":[{"role":"user","parts":[{"text":"a"}]},)"
              R"({"role":"user","parts":[{"text":"b"}]}]})");
}

TEST(ReadRequestTest, TakesWhatClientsSend) {
    const auto read = read_request(
        Dialect::openai, "/v1/chat/completions?x=1",
        R"({"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"a"},)"
        R"({"type":"text","text":"b"}]},{"role":"assistant","content":null,"tool_calls":[]},)"
        R"({"role":"tool","content":"t","tool_call_id":"1"}],"max_tokens":5,"temperature":1,)"
        R"("stream":null,"n":1,"unknown":{"deep":[1]}})");
    ASSERT_TRUE(read) << read.error().message;
    const ChatRequest expected{
        "m", {{Role::system, "ab"}, {Role::assistant, ""}, {Role::tool, "t"}}, 5, 1.0, false, ""};
    EXPECT_EQ(*read, expected);
}

TEST(ReadRequestTest, TakesBothSpellingsOfGemini) {
    const auto read = read_request(
        Dialect::gemini, "/v1beta/models/g:streamGenerateContent?alt=sse",
        R"({"system_instruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"text":"a"},)"
        R"({"text":"b"}]}],"generation_config":{"max_output_tokens":9}})");
    ASSERT_TRUE(read) << read.error().message;
    const ChatRequest expected{
        "g", {{Role::system, "s"}, {Role::user, "ab"}}, 9, std::nullopt, true, ""};
    EXPECT_EQ(*read, expected);
}

TEST(ReadRequestTest, SaysWhatIsWrong) {
    const std::string good = R"("messages":[{"role":"user","content":"hi"}])";
    const auto with = [&](const std::string& more) {
        return refusal_of(R"({"model":"m",)" + good + "," + more + "}");
    };
    EXPECT_EQ(refusal_of(""), "the body is not valid JSON");
    EXPECT_EQ(refusal_of("{"), "the body is not valid JSON");
    EXPECT_EQ(refusal_of("[]"), "the body must be a JSON object");
    EXPECT_EQ(refusal_of("{" + good + "}"), "'model' must be the name of a model");
    EXPECT_EQ(refusal_of(R"({"model":"",)" + good + "}"), "'model' must be the name of a model");
    EXPECT_EQ(refusal_of(R"({"model":"m"})"),
              "'messages' must be a list with at least one message");
    EXPECT_EQ(refusal_of(R"({"model":"m","messages":[]})"),
              "'messages' must be a list with at least one message");
    EXPECT_EQ(refusal_of(R"({"model":"m","messages":["hi"]})"), "'messages[0]' must be an object");
    EXPECT_EQ(refusal_of(R"({"model":"m","messages":[{"content":"hi"}]})"),
              "'messages[0].role' must be given");
    EXPECT_EQ(refusal_of(R"({"model":"m","messages":[{"role":"king","content":"hi"}]})"),
              "'messages[0].role' must be system, user, assistant or tool, not 'king'");
    EXPECT_EQ(refusal_of(R"({"model":"m","messages":[{"role":"user"}]})"),
              "'messages[0].content' must be text or a list of parts");
    EXPECT_EQ(refusal_of(
                  R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]})"),
              "'messages[0].content' has a part of type 'image_url'; only text is supported");
    EXPECT_EQ(with(R"("max_tokens":0)"), "'max_tokens' must be a whole number from 1");
    EXPECT_EQ(with(R"("max_completion_tokens":-1)"), "'max_tokens' must be a whole number from 1");
    EXPECT_EQ(with(R"("max_tokens":1.5)"), "'max_tokens' must be a whole number from 1");
    EXPECT_EQ(with(R"("temperature":2.1)"), "'temperature' must be a number from 0 to 2");
    EXPECT_EQ(with(R"("temperature":"warm")"), "'temperature' must be a number from 0 to 2");
    EXPECT_EQ(with(R"("stream":"yes")"), "'stream' must be true or false");
    EXPECT_EQ(with(R"("user":7)"), "'user' must be text");
    EXPECT_EQ(with(R"("max_tokens":4)"), "accepted");
}

TEST(ReadRequestTest, SaysWhatIsWrongForGemini) {
    const auto refused = [&](std::string_view body) {
        return refusal_of(Dialect::gemini, kNativePath, body);
    };
    const std::string good = R"("contents":[{"parts":[{"text":"hi"}]}])";
    EXPECT_EQ(refused("{" + good + "}"), "accepted");
    EXPECT_EQ(refused("{}"), "'contents' must be a list with at least one message");
    EXPECT_EQ(refused(R"({"contents":[{"role":"assistant","parts":[{"text":"hi"}]}]})"),
              "'contents[0].role' must be user or model");
    EXPECT_EQ(refused(R"({"contents":[{"role":"user","parts":[]}]})"),
              "'contents[0].parts' must be a list with one part");
    EXPECT_EQ(refused(R"({"contents":[{"parts":[{"inlineData":{}}]}]})"),
              "every part of 'contents[0].parts' must have a 'text'");
    EXPECT_EQ(refused("{" + good + R"(,"generationConfig":7})"),
              "'generationConfig' must be an object");
    EXPECT_EQ(refused("{" + good + R"(,"generationConfig":{"maxOutputTokens":0}})"),
              "'generationConfig.maxOutputTokens' must be a whole number from 1");
    for (const std::string_view path :
         {"", "/models/", "/models/:generateContent", "/models/g", "/v1beta/g:generateContent"}) {
        EXPECT_EQ(refusal_of(Dialect::gemini, path, "{" + good + "}"),
                  "the path must be /models/{model}:generateContent");
    }
    EXPECT_EQ(refusal_of(Dialect::gemini, "/models/g:countTokens", "{" + good + "}"),
              "'countTokens' is not a method of a model");
}

TEST(ReadRequestTest, OptionsThatAskForMoreThanOneTextAreNamed) {
    struct Case {
        const char* option;
        const char* named;
    };
    for (const Case& c : {Case{R"("n":1)", ""}, Case{R"("n":2)", "n"},
                          Case{R"("tools":[{"type":"function"}])", "tools"},
                          Case{R"("tools":null,"tool_choice":"none","logprobs":false)", ""},
                          Case{R"("response_format":{"type":"text"})", ""},
                          Case{R"("response_format":{"type":"json_object"})", "response_format"},
                          Case{R"("logprobs":true)", "logprobs"},
                          Case{R"("stop":["x"],"top_p":0.5,"seed":1)", ""}}) {
        const auto read = read_request(
            Dialect::openai, "",
            std::string(R"({"model":"m","messages":[{"role":"user","content":"x"}],)") + c.option +
                "}");
        ASSERT_TRUE(read) << c.option;
        EXPECT_EQ(read->unsupported, c.named) << c.option;
    }
}

}  // namespace
}  // namespace squadload::llm
