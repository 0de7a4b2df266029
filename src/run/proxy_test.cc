#include "run/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace squadload::run {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

scenario::Environment environment_of(Variables variables) {
    return
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
}

std::string chosen(const Variables& variables, bool tls, const std::string& host,
                   const std::string& setting = "") {
    scenario::Target target;
    target.proxy = setting;
    target.proxy_mark = {"--proxy", 0, 0};
    const auto proxy = choose_proxy(target, tls, host, tls ? 443 : 80, environment_of(variables));
    if (!proxy) return "error: " + proxy.error().text();
    return *proxy ? (*proxy)->shown + " by " + (*proxy)->source : "none";
}

TEST(Proxy, IsTakenFromTheEnvironmentByScheme) {
    const Variables both{{"http_proxy", "http://plain:1"}, {"HTTPS_PROXY", "http://secure:2"}};
    EXPECT_EQ(chosen(both, false, "api.test"), "http://plain:1 by http_proxy");
    EXPECT_EQ(chosen(both, true, "api.test"), "http://secure:2 by HTTPS_PROXY");
    EXPECT_EQ(chosen({{"http_proxy", "http://plain:1"}}, true, "api.test"), "none");
    EXPECT_EQ(chosen({{"ALL_PROXY", "all:3"}}, true, "api.test"), "http://all:3 by ALL_PROXY");
    EXPECT_EQ(chosen({{"http_proxy", ""}}, false, "api.test"), "none");
    EXPECT_EQ(chosen({}, false, "api.test"), "none");
}

TEST(Proxy, LoopbackTargetsUseNoneOfTheEnvironment) {
    const Variables all{{"ALL_PROXY", "http://proxy:1"}};
    for (const char* host : {"localhost", "LOCALHOST", "localhost.", "api.localhost", "127.0.0.1",
                             "127.9.9.9", "127.1", "::1", "::ffff:127.0.0.1"})
        EXPECT_EQ(chosen(all, false, host), "none") << host;
    EXPECT_EQ(chosen(all, false, "localhost.test"), "http://proxy:1 by ALL_PROXY");
    EXPECT_EQ(chosen(all, false, "128.0.0.1"), "http://proxy:1 by ALL_PROXY");
}

TEST(Proxy, TheSettingAlwaysApplies) {
    const Variables all{{"ALL_PROXY", "http://proxy:1"}, {"NO_PROXY", "*"}};
    EXPECT_EQ(chosen(all, false, "127.0.0.1", "http://mine:2"), "http://mine:2 by --proxy");
    EXPECT_EQ(chosen({{"ALL_PROXY", "http://proxy:1"}}, false, "api.test", "none"), "none");
}

TEST(Proxy, NoProxyFollowsGo) {
    struct Case {
        const char* list;
        const char* host;
        bool named;
    };
    for (const auto& c : {Case{"example.com", "example.com", true},
                          Case{"example.com", "EXAMPLE.com.", true},
                          Case{"example.com", "api.example.com", true},
                          Case{"example.com", "notexample.com", false},
                          Case{".example.com", "example.com", false},
                          Case{".example.com", "api.example.com", true},
                          Case{"*.example.com", "api.example.com", true},
                          Case{"*.example.com", "example.com", false},
                          Case{"example.com:443", "example.com", true},
                          Case{"example.com:80", "example.com", false},
                          Case{"a, b ,example.com", "example.com", true},
                          Case{"*", "anything", true},
                          Case{"", "anything", false},
                          Case{",,", "anything", false},
                          Case{"10.0.0.0/8", "10.1.2.3", true},
                          Case{"10.0.0.0/8", "11.1.2.3", false},
                          Case{"10.0.0.0/99", "10.1.2.3", false},
                          Case{"10.1.2.3", "10.1.2.3", true},
                          Case{"10.1.2.3:443", "10.1.2.3", true},
                          Case{"10.1.2.3:80", "10.1.2.3", false},
                          Case{"10.1.2.3", "110.1.2.3", false},
                          Case{"fd00::/8", "fd12::1", true},
                          Case{"fd00::/8", "fe80::1", false},
                          Case{"[fd12::1]:443", "fd12::1", true},
                          Case{"fd12::1", "fd12::1", true},
                          Case{"0.0.0.0/0", "fd12::1", false}}) {
        EXPECT_EQ(in_no_proxy(c.list, c.host, 443), c.named) << c.list << " and " << c.host;
    }
    EXPECT_EQ(chosen({{"ALL_PROXY", "http://proxy:1"}, {"no_proxy", "test"}}, true, "api.test"),
              "none");
}

TEST(Proxy, UserInfoBecomesAHeaderAndIsNotShown) {
    scenario::Target target;
    target.proxy = "http://al%40ice:s%3Acret@proxy.test:3128";
    const auto proxy = choose_proxy(target, false, "api.test", 80, environment_of({}));
    ASSERT_TRUE(proxy && *proxy);
    EXPECT_EQ((*proxy)->host, "proxy.test");
    EXPECT_EQ((*proxy)->port, 3128);
    EXPECT_EQ((*proxy)->authorization, "Basic YWxAaWNlOnM6Y3JldA==");
    EXPECT_EQ((*proxy)->shown, "http://al%40ice:***@proxy.test:3128");
}

TEST(Proxy, WhatIsNoneIsSaidWithItsSource) {
    EXPECT_THAT(chosen({{"http_proxy", "socks5://proxy:1"}}, false, "api.test"),
                HasSubstr("error: http_proxy: socks5://proxy:1: a proxy is reached by http://"));
    EXPECT_THAT(chosen({}, false, "api.test", "https://u:secret@proxy:1"),
                ::testing::AllOf(HasSubstr("error: --proxy: https://u:***@proxy:1"),
                                 ::testing::Not(HasSubstr("secret"))));
    EXPECT_THAT(chosen({}, false, "api.test", "http://u:se/cret@proxy:1"),
                ::testing::AllOf(HasSubstr("error: --proxy: http://u:***@proxy:1"),
                                 ::testing::Not(HasSubstr("cret"))));
    EXPECT_THAT(chosen({}, false, "api.test", "http://:80"), HasSubstr("names no host"));
}

}  // namespace
}  // namespace squadload::run
