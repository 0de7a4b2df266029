#include "target/service/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace squadload::service {
namespace {

// A router whose handlers say which pattern they stand for.
Router naming_router(std::initializer_list<std::pair<const char*, const char*>> routes) {
    Router router;
    for (const auto& [method, pattern] : routes)
        router.add_quick(method, pattern, [said = std::string(pattern)](const Request& request) {
            auto text = said;
            for (const auto& [name, value] : request.params) text += " " + name + "=" + value;
            return text_reply(200, text);
        });
    return router;
}

std::string ask(const Router& router, const char* method, const char* target) {
    Request request;
    request.method = method;
    request.target = target;
    const auto choice = router.choose(request);
    if (choice.reply) return std::to_string(choice.reply->status);
    return (*choice.quick)(request).body;
}

TEST(RouterTest, TheMoreParticularPatternWins) {
    const auto router = naming_router({{"GET", "/{rest...}"},
                                       {"GET", "/v1/{x}"},
                                       {"GET", "/v1/agents"},
                                       {"GET", "/v1/agents/{agent}"},
                                       {"GET", "/models/{m}:generate"},
                                       {"GET", "/models/{m}"},
                                       {"GET", "/groq/{rest...}"},
                                       {"GET", "/"}});
    struct Case {
        const char* target;
        const char* answer;
    };
    for (const auto& c :
         {Case{"/", "/"}, Case{"/v1/agents", "/v1/agents"}, Case{"/v1/other", "/v1/{x} x=other"},
          Case{"/v1/agents/a", "/v1/agents/{agent} agent=a"},
          Case{"/v1/agents/a?x=1", "/v1/agents/{agent} agent=a"},
          Case{"/v1/agents/", "/{rest...} rest=v1/agents/"},
          Case{"/v1/agents/a/b", "/{rest...} rest=v1/agents/a/b"},
          Case{"/models/gpt:generate", "/models/{m}:generate m=gpt"},
          Case{"/models/:generate", "/models/{m} m=:generate"},
          Case{"/groq/", "/groq/{rest...} rest="}, Case{"/groq", "/{rest...} rest=groq"},
          Case{"/groq/a//b/", "/groq/{rest...} rest=a//b/"},
          Case{"/v1/agents/a%2Fb%20c", "/v1/agents/{agent} agent=a/b c"},
          Case{"/v1/%61gents", "/v1/agents"}, Case{"http://host/v1/agents?x", "/v1/agents"},
          Case{"HTTP://host", "/"}})
        EXPECT_EQ(ask(router, "GET", c.target), c.answer) << c.target;
}

TEST(RouterTest, PathAndQueryAreFilledIn) {
    const auto router = naming_router({{"GET", "/a/{b}"}});
    Request request;
    request.method = "GET";
    request.target = "/a/%C3%A9+?x=1?y=%20#";
    ASSERT_NE(router.choose(request).quick, nullptr);
    EXPECT_EQ(request.path, "/a/\xc3\xa9+");
    EXPECT_EQ(request.query, "x=1?y=%20#");
    EXPECT_EQ(request.param("b"), "\xc3\xa9+");
    EXPECT_EQ(request.param("c"), "");
}

TEST(RouterTest, WhatIsNotThereSaysSo) {
    const auto router = naming_router({{"GET", "/a"}, {"POST", "/a"}, {"DELETE", "/{x}"}});
    Request request;
    request.method = "PUT";
    request.target = "/a";
    const auto choice = router.choose(request);
    ASSERT_TRUE(choice.reply);
    EXPECT_EQ(choice.reply->status, 405);
    EXPECT_EQ(choice.reply->headers.get("Allow"), "DELETE, GET, HEAD, POST");
    EXPECT_EQ(nlohmann::json::parse(choice.reply->body)["error"]["type"], "method_not_allowed");
    request.target = "/b/c";
    const auto none = router.choose(request);
    EXPECT_EQ(none.reply->status, 404);
    EXPECT_EQ(nlohmann::json::parse(none.reply->body)["error"]["type"], "not_found");
    EXPECT_EQ(ask(router, "get", "/a"), "405") << "methods have a case";
}

TEST(RouterTest, AMalformedTargetIsABadRequest) {
    const auto router = naming_router({{"GET", "/{rest...}"}});
    for (const char* target :
         {"*", "a", "http:/a", "ftp://host/a", "/%", "/%4", "/%zz", "/a%00b", "http://host?x"})
        EXPECT_EQ(ask(router, "GET", target), "400") << target;
}

TEST(RouterTest, HeadIsGetUnlessThereIsOneForIt) {
    const auto router = naming_router({{"GET", "/a"}, {"HEAD", "/{x}"}, {"GET", "/b/c"}});
    EXPECT_EQ(ask(router, "HEAD", "/b/c"), "/b/c");
    EXPECT_EQ(ask(router, "HEAD", "/a"), "/{x} x=a");
}

TEST(RouterTest, TheGateIsAskedFirst) {
    auto router = naming_router({{"GET", "/open"}, {"GET", "/closed"}});
    router.set_gate([](const Request& request) -> std::optional<Reply> {
        if (request.path == "/open") return std::nullopt;
        return error_reply(401, "unauthorized", "no key");
    });
    EXPECT_EQ(ask(router, "GET", "/open"), "/open");
    EXPECT_EQ(ask(router, "GET", "/closed"), "401");
    EXPECT_EQ(ask(router, "GET", "/none"), "401") << "also for what is not there";
}

TEST(RouterTest, QueriesAreDecoded) {
    EXPECT_EQ(query_value("a=1&b=2+3%21&a=4", "a"), "1");
    EXPECT_EQ(query_value("a=1&b=2+3%21", "b"), "2 3!");
    EXPECT_EQ(query_value("a&b=", "a"), "");
    EXPECT_EQ(query_value("a&b=", "b"), "");
    EXPECT_EQ(query_value("%61=1", "a"), "1");
    EXPECT_EQ(query_value("a=%zz", "a"), std::nullopt);
    EXPECT_EQ(query_value("", "a"), std::nullopt);
    EXPECT_EQ(query_value("&&=", "a"), std::nullopt);
    EXPECT_EQ(percent_decode("a+b%2b"), "a+b+");
    EXPECT_EQ(percent_decode("%"), std::nullopt);
}

TEST(RouterDeathTest, AMalformedPatternIsAProgrammersError) {
    for (const char* pattern :
         {"", "a", "/{rest...}/b", "/{}", "/a{b}", "/{a", "/{...}", "/{a...}b", "/a%20b"})
        EXPECT_DEATH(naming_router({{"GET", pattern}}), "") << pattern;
    EXPECT_DEATH(naming_router({{"GET", "/a"}, {"GET", "/a"}}), "");
}

}  // namespace
}  // namespace squadload::service
