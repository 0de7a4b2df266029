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
using ::testing::HasSubstr;
using ::testing::Not;

service::Answer sent(service::ClientRequest request) {
    service::ServiceThread thread("client");
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

service::Answer chat(const std::string& url) {
    service::ClientRequest request;
    request.method = "POST";
    request.origin = service::parse_url(url)->origin;
    request.target = "/agents/chat";
    request.headers.add("Content-Type", "application/json");
    request.body = R"({"user_id":"u","agent_id":"tech_support","task":"How do I fix my WiFi?",)"
                   R"("conversation_history":[]})";
    return sent(std::move(request));
}

std::string got(const std::string& url, const std::string& path) {
    service::ClientRequest request;
    request.origin = service::parse_url(url)->origin;
    request.target = path;
    return sent(std::move(request)).body;
}

TEST(Stack, AnswersAndItsSimulatorsTellWhatReachedThem) {
    auto stack = Stack::start({});
    ASSERT_TRUE(stack) << stack.error().text();
    const auto answer = chat((*stack)->url());
    ASSERT_TRUE(answer.ok()) << answer.failure->sentence;
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("\"provider\":\"groq\""));
    const auto log = got((*stack)->simulators_url(), "/arrivals");
    EXPECT_THAT(log, HasSubstr("\"provider\":\"groq\""));
    EXPECT_THAT(log, HasSubstr("\"recorded\":1,"));
    EXPECT_THAT(got((*stack)->url(), "/providers"), HasSubstr("\"requests\":1560"));
}

TEST(Stack, OnlyTheProvidersAskedFor) {
    auto stack = Stack::start({.providers = {"gemini"}});
    ASSERT_TRUE(stack) << stack.error().text();
    EXPECT_THAT(chat((*stack)->url()).body, HasSubstr("\"provider\":\"gemini\""));
    EXPECT_THAT(got((*stack)->url(), "/health"), Not(HasSubstr("groq")));
}

TEST(Stack, RunsAtAnotherScaleOfQuotasAndTime) {
    auto stack = Stack::start({.quota_scale = 10, .time_scale = 8});
    ASSERT_TRUE(stack) << stack.error().text();
    const auto providers = got((*stack)->url(), "/providers/groq");
    EXPECT_THAT(providers, HasSubstr("\"requests\":15600"));
    EXPECT_THAT(providers, HasSubstr("\"window_s\":7.5"));
    EXPECT_EQ(chat((*stack)->url()).status, 200);
    EXPECT_THAT(got((*stack)->simulators_url(), "/control/quota"), HasSubstr("15600"));
}

TEST(Stack, AnUnknownProviderIsSaid) {
    const auto stack = Stack::start({.providers = {"groq", "grok"}});
    ASSERT_FALSE(stack);
    EXPECT_EQ(stack.error().kind, ErrorKind::config);
    EXPECT_THAT(stack.error().message, HasSubstr("grok"));
}

}  // namespace
}  // namespace squadload::stack
