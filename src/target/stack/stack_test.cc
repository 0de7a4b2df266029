#include "target/stack/stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "target/service/client.h"
#include "target/service/service_thread.h"

namespace squadload::stack {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

service::Answer chat(const std::string& url) {
    service::ServiceThread thread("client");
    service::ClientRequest request;
    request.method = "POST";
    request.origin = service::parse_url(url)->origin;
    request.target = "/agents/chat";
    request.headers.add("Content-Type", "application/json");
    request.body = R"({"user_id":"u","agent_id":"tech_support","task":"How do I fix my WiFi?",)"
                   R"("conversation_history":[]})";
    std::unique_ptr<service::Client> client;
    auto answer = thread.call([&] {
        client = *service::Client::create(thread.io(), {});
        return service::asio::co_spawn(thread.io(), client->send(request, mono_now() + 20s),
                                       service::asio::use_future);
    });
    auto got = answer.get();
    thread.call([&] { client.reset(); });
    return got;
}

std::vector<std::string> names(const std::vector<ProviderFigures>& all) {
    std::vector<std::string> out;
    for (const auto& one : all) out.push_back(one.name);
    return out;
}

TEST(Stack, AnswersAndTellsWhatReachedTheProviders) {
    auto stack = Stack::start({});
    ASSERT_TRUE(stack) << stack.error().text();
    const auto answer = chat((*stack)->url());
    ASSERT_TRUE(answer.ok()) << answer.failure->sentence;
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("\"provider\":\"groq\""));
    const auto figures = (*stack)->take_figures(20s);
    EXPECT_THAT(names(figures), ElementsAre("groq", "cerebras", "gemini", "openrouter"));
    EXPECT_EQ(figures[0].calls, 1U);
    EXPECT_EQ(figures[0].ok, 1U);
    EXPECT_EQ(figures[0].limit_per_minute, 1560U);
    EXPECT_EQ(figures[1].calls, 0U);
    EXPECT_EQ((*stack)->take_figures(0s)[0].calls, 0U) << "taken is taken";
    EXPECT_EQ((*stack)->calls_lost(), 0U);
}

TEST(Stack, OnlyTheProvidersAskedFor) {
    auto stack = Stack::start({.providers = {"gemini"}});
    ASSERT_TRUE(stack) << stack.error().text();
    EXPECT_THAT(chat((*stack)->url()).body, HasSubstr("\"provider\":\"gemini\""));
    const auto figures = (*stack)->take_figures(20s);
    EXPECT_THAT(names(figures), ElementsAre("gemini"));
    EXPECT_EQ(figures[0].served_as_fallback, 0U) << "it is first in the chain that is left";
}

TEST(Stack, AnUnknownProviderIsSaid) {
    const auto stack = Stack::start({.providers = {"groq", "grok"}});
    ASSERT_FALSE(stack);
    EXPECT_EQ(stack.error().kind, ErrorKind::config);
    EXPECT_THAT(stack.error().message, HasSubstr("grok"));
}

}  // namespace
}  // namespace squadload::stack
