#include "target/squad_api/client_request.h"

#include <gtest/gtest.h>

#include "target/squad_api/request_id.h"

namespace squadload::squad_api {
namespace {

TEST(ClientRequestTest, TheStorysBody) {
    const auto request = read_client_request(
        R"({"user_id":"user_7","agent_id":"travel_planner","task":"Plan a trip",
            "conversation_history":[{"role":"user","content":"Hi"},
                                    {"role":"assistant","content":"Hello"}],
            "max_tokens":20,"temperature":0.5,"stream":false,"else":[1]})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->user_id, "user_7");
    EXPECT_EQ(request->agent_id, "travel_planner");
    EXPECT_EQ(request->task, "Plan a trip");
    ASSERT_TRUE(request->history);
    ASSERT_EQ(request->history->size(), 2U);
    EXPECT_EQ((*request->history)[1], (llm::Message{llm::Role::assistant, "Hello"}));
    EXPECT_EQ(request->max_tokens, 20);
    EXPECT_EQ(request->temperature, 0.5);
    EXPECT_FALSE(request->stream);
}

TEST(ClientRequestTest, MostMayBeMissingAndAnEmptyHistoryIsOne) {
    const auto request = read_client_request(R"({"prompt":"Hi","user_id":null})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->task, "Hi");
    EXPECT_FALSE(request->history);
    const auto empty = read_client_request(R"({"task":"Hi","conversation_history":[]})");
    ASSERT_TRUE(empty);
    ASSERT_TRUE(empty->history);
    EXPECT_TRUE(empty->history->empty());
}

TEST(ClientRequestTest, MistakesAreSentences) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "the body is not valid JSON"},
        {"{\"task\":", "the body is not valid JSON"},
        {"{\"task\":\"\xff\"}", "the body is not valid JSON"},
        {"[]", "the body must be a JSON object"},
        {"{}", "'task' is missing: the text for the agent"},
        {R"({"task":""})", "'task' is missing: the text for the agent"},
        {R"({"task":7})", "'task' must be a text"},
        {R"({"task":"x","user_id":7})", "'user_id' must be a text"},
        {R"({"task":"x","agent_id":[]})", "'agent_id' must be a text"},
        {R"({"task":"x","conversation_history":{}})", "'conversation_history' must be a list"},
        {R"({"task":"x","conversation_history":["a"]})",
         "'conversation_history' number 1 must be an object with role and content"},
        {R"({"task":"x","conversation_history":[{"role":"system","content":"y"}]})",
         "'conversation_history' number 1 needs a role, 'user' or 'assistant'"},
        {R"({"task":"x","conversation_history":[{"role":"user"}]})",
         "'conversation_history' number 1 needs a content, which is a text"},
        {R"({"task":"x","max_tokens":0})",
         "'max_tokens' must be a whole number from 1 to 10,000,000"},
        {R"({"task":"x","max_tokens":1.5})",
         "'max_tokens' must be a whole number from 1 to 10,000,000"},
        {R"({"task":"x","max_tokens":18446744073709551615})",
         "'max_tokens' must be a whole number from 1 to 10,000,000"},
        {R"({"task":"x","temperature":3})", "'temperature' must be a number from 0 to 2"},
        {R"({"task":"x","temperature":"hot"})", "'temperature' must be a number from 0 to 2"},
        {R"({"task":"x","stream":1})", "'stream' must be true or false"},
    };
    for (const auto& [body, sentence] : cases) {
        const auto request = read_client_request(body);
        ASSERT_FALSE(request) << body;
        EXPECT_EQ(request.error().message, sentence) << body;
    }
    const auto longest =
        read_client_request(R"({"task":"x","user_id":")" + std::string(257, 'u') + "\"}");
    EXPECT_FALSE(longest);
}

TEST(RequestIdTest, OnlyWhatIsSafeInALogIsTaken) {
    EXPECT_TRUE(is_sane_request_id("a-b_c.d:9"));
    EXPECT_TRUE(is_sane_request_id(std::string(128, 'a')));
    for (const std::string& id :
         {std::string(), std::string(129, 'a'), std::string("a b"), std::string("a\nb"),
          std::string("\xc3\xa9"), std::string("a\"b")})
        EXPECT_FALSE(is_sane_request_id(id)) << id;
}

TEST(RequestIdTest, OursDiffer) {
    RequestIds ids(0xabcdef);
    const std::string first = ids.next();
    EXPECT_EQ(first, "req-000000abcdef-00000001");
    EXPECT_NE(ids.next(), first);
    EXPECT_TRUE(is_sane_request_id(first));
}

}  // namespace
}  // namespace squadload::squad_api
