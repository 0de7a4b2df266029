#include "run/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>

#include "run/run_suite.h"
#include "run/test_support.h"

namespace squadload::run {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A network that answers as told and remembers what it was asked.
struct FakeNetwork {
    std::string resolved_host;
    std::uint16_t resolved_port = 0;
    std::int64_t timeout_ms = 0;
    bool resolves = true;
    bool accepts = true;
    std::vector<std::string> addresses{"127.0.0.1"};
    std::string foreign = {};  // an address that is not of this machine
    bool opens = true;
    std::optional<engine::Origin> opened;  // the way that was tried
    std::map<std::string, std::string> variables;

    Network network() {
        return {[this](const std::string& host,
                       std::uint16_t port) -> Result<std::vector<transport::Address>> {
                    resolved_host = host;
                    resolved_port = port;
                    if (!resolves) return fail(ErrorKind::unreachable, "cannot resolve " + host);
                    std::vector<transport::Address> found;
                    for (const auto& ip : addresses)
                        found.push_back(*transport::Address::parse(ip, port));
                    return found;
                },
                [this](const std::vector<transport::Address>& candidates,
                       std::int64_t timeout) -> Result<transport::Address> {
                    timeout_ms = timeout;
                    if (!accepts)
                        return fail(ErrorKind::unreachable,
                                    "nothing listens on " + candidates.front().text());
                    return candidates.front();
                },
                [this](const engine::Plan&, const engine::Origin& origin, Nanos) -> Result<void> {
                    opened = origin;
                    if (!opens) return fail(ErrorKind::unreachable, "the certificate expired");
                    return {};
                },
                [this](const std::string& name) -> std::optional<std::string> {
                    const auto found = variables.find(name);
                    return found == variables.end() ? std::nullopt : std::optional(found->second);
                },
                [this](const transport::Address& source) {
                    return source.ip() == foreign ? EADDRNOTAVAIL : 0;
                }};
    }
};

TEST(Preflight, PlanFromUrl) {
    FakeNetwork fake;
    auto s = closed(1);
    s.target.host = "http://api.test:8080/v1/";
    s.target.timeouts.connect = std::chrono::milliseconds{250};
    const auto plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(fake.resolved_host, "api.test");
    EXPECT_EQ(fake.resolved_port, 8080);
    EXPECT_EQ(fake.timeout_ms, 250);
    EXPECT_EQ(plan->origin.authority, "api.test:8080");
    EXPECT_EQ(plan->base_path, "/v1");
    EXPECT_EQ(plan->origin.address.text(), "127.0.0.1:8080");
}

TEST(Preflight, OriginsOfRedirectsAreResolvedToo) {
    FakeNetwork fake;
    auto s = closed(1);
    s.target.host = "http://api.test:8080";
    s.target.redirects = {5, {"https://login.test", "http://[::1]:81/"}};
    const auto plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_EQ(plan->redirect_origins.size(), 2U);
    const auto& login = plan->redirect_origins[0];
    EXPECT_TRUE(login.tls);
    EXPECT_EQ(login.host, "login.test");
    EXPECT_EQ(login.authority, "login.test");
    EXPECT_EQ(login.address.text(), "127.0.0.1:443");
    EXPECT_FALSE(plan->redirect_origins[1].tls);
    EXPECT_EQ(plan->redirect_origins[1].authority, "[::1]:81");
}

TEST(Preflight, AnotherServerNameIsTheTargetsAlone) {
    FakeNetwork fake;
    auto s = closed(1);
    s.target.host = "https://api.test";
    s.target.tls.server_name = "inner.test";
    s.target.redirects = {5, {"https://login.test"}};
    const auto plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(plan->origin.tls_name, "inner.test");
    EXPECT_EQ(plan->redirect_origins.at(0).tls_name, "");
}

TEST(Preflight, OriginsOfRedirectsThatAreNone) {
    FakeNetwork fake;
    auto s = closed(1);
    s.target.host = "http://api.test";
    const auto error = [&](const std::string& origin) {
        s.target.redirects.hosts = {origin};
        const auto url = target_url(s.target);
        EXPECT_FALSE(url);
        return url ? "" : url.error().message;
    };
    EXPECT_EQ(error("http://login.test/oauth"),
              "target.redirects.hosts: \"http://login.test/oauth\" has a path; a whole origin is "
              "allowed, such as https://login.example.com");
    EXPECT_THAT(error("http://"), HasSubstr("target.redirects.hosts: "));

    s.target.redirects.hosts = {"http://gone.test"};
    auto network = fake.network();
    network.resolve = [](const std::string& host,
                         std::uint16_t port) -> Result<std::vector<transport::Address>> {
        if (host == "gone.test") return fail(ErrorKind::unreachable, "cannot resolve " + host);
        return std::vector{*transport::Address::parse("127.0.0.1", port)};
    };
    const auto plan = preflight(s, limits_of(1000), network);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().kind, ErrorKind::unreachable);
    EXPECT_EQ(plan.error().message, "target.redirects.hosts: cannot resolve gone.test");
}

TEST(Preflight, NoConnectTimeoutStillBoundsTheProbe) {
    FakeNetwork fake;
    auto s = closed(1);
    s.target.host = "http://api.test";
    s.target.timeouts.connect = Nanos{};
    ASSERT_TRUE(preflight(s, limits_of(1000), fake.network()));
    EXPECT_EQ(fake.timeout_ms, 5000);
}

TEST(Preflight, BadTargets) {
    struct Case {
        const char* host;
        const char* says;
    };
    for (const auto& c : {Case{"", "--host"}, Case{"ftp://api.test", "ftp"},
                          Case{"http://api.test/?x=1", "query"}}) {
        FakeNetwork fake;
        auto s = closed(1);
        s.target.host = c.host;
        const auto plan = preflight(s, limits_of(1000), fake.network());
        ASSERT_FALSE(plan) << c.host;
        EXPECT_EQ(plan.error().kind, ErrorKind::config) << c.host;
        EXPECT_EQ(exit_code(plan.error()), 2) << c.host;
        EXPECT_THAT(plan.error().text(), HasSubstr(c.says));
        EXPECT_THAT(fake.resolved_host, IsEmpty()) << "nothing is asked of the network";
    }
}

TEST(Preflight, ErrorNamesWhereTheHostWasGiven) {
    auto s = closed(1);
    s.target.host = "ftp://api.test";
    s.target.host_mark = {"my.yaml", 3, 9};
    EXPECT_THAT(target_url(s.target).error().text(), HasSubstr("my.yaml:3:9: "));
    s.target.host_mark = {"--host", 0, 0};
    EXPECT_THAT(target_url(s.target).error().text(), HasSubstr("--host: "));
}

TEST(Preflight, SourceAddressesAreExpandedAndOfTheTargetsFamily) {
    FakeNetwork fake;
    fake.addresses = {"::1", "127.0.0.1"};
    auto s = closed(1);
    s.target.host = "http://api.test";
    s.target.source_addresses = {"127.0.0.0/30", "127.0.0.2", "127.0.0.9"};
    const auto plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_TRUE(plan) << plan.error().text();
    std::vector<std::string> sources;
    for (const auto& source : plan->sources) sources.push_back(source.text());
    EXPECT_THAT(sources, testing::ElementsAre("127.0.0.1:0", "127.0.0.2:0", "127.0.0.9:0"));
    EXPECT_EQ(plan->origin.address.ip(), "127.0.0.1");

    auto many = closed(30'000);
    many.target = s.target;
    EXPECT_TRUE(preflight(many, limits_of(1'000'000), fake.network())) << "three times the ports";
}

TEST(Preflight, BadSourceAddresses) {
    struct Case {
        std::vector<std::string> sources;
        const char* says;
    };
    for (const Case& c : {Case{{"127.0.0.1", "127.0.0.7"},
                               "cannot connect from 127.0.0.7: it is not an address of"},
                          Case{{"127.0.0.1", "::1"}, "127.0.0.1 and ::1 are of different families"},
                          Case{{"::1"}, "::1 is an IPv6 address, but the target's is 127.0.0.1"},
                          Case{{"10.0.0.1/8"}, "'10.0.0.1/8' is not a block"}}) {
        FakeNetwork fake;
        fake.foreign = "127.0.0.7";
        auto s = closed(1);
        s.target.host = "http://api.test";
        s.target.source_addresses = c.sources;
        const auto plan = preflight(s, limits_of(1000), fake.network());
        ASSERT_FALSE(plan) << c.says;
        EXPECT_EQ(plan.error().kind, ErrorKind::config);
        EXPECT_THAT(plan.error().text(), HasSubstr("target.source_addresses: "));
        EXPECT_THAT(plan.error().text(), HasSubstr(c.says));
    }
}

TEST(Preflight, HttpsIsOpenedOnce) {
    FakeNetwork fake;
    auto s = closed(1);
    s.target.host = "https://api.test/v1";
    const auto plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(fake.resolved_port, 443);
    EXPECT_TRUE(plan->origin.tls);
    EXPECT_EQ(plan->origin.host, "api.test");
    EXPECT_EQ(plan->origin.authority, "api.test") << "the default port is not named";
    ASSERT_TRUE(fake.opened);
    EXPECT_EQ(fake.opened->address.text(), "127.0.0.1:443");

    fake.opens = false;
    const auto refused = preflight(s, limits_of(1000), fake.network());
    ASSERT_FALSE(refused);
    EXPECT_EQ(exit_code(refused.error()), 3);

    FakeNetwork plain;
    s.target.host = "http://api.test";
    ASSERT_TRUE(preflight(s, limits_of(1000), plain.network()));
    EXPECT_FALSE(plain.opened) << "to connect says all there is";
}

TEST(Preflight, TlsFilesAreReadBeforeTheNetworkIsAsked) {
    FakeNetwork fake;
    auto s = closed(1);
    s.target.host = "https://api.test";
    s.target.tls.ca_file = "/nowhere/ca.pem";
    s.target.tls.ca_mark = {"my.yaml", 4, 5};
    const auto plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_FALSE(plan);
    EXPECT_EQ(exit_code(plan.error()), 2);
    EXPECT_THAT(plan.error().text(), HasSubstr("my.yaml:4:5: cannot read /nowhere/ca.pem"));
    EXPECT_THAT(fake.resolved_host, IsEmpty());
    s.target.host = "http://api.test";
    EXPECT_TRUE(preflight(s, limits_of(1000), fake.network())) << "what is not used is not read";
}

TEST(Preflight, AProxyIsAskedInTheTargetsPlace) {
    FakeNetwork fake;
    fake.variables = {{"http_proxy", "http://me:secret@proxy.test:3128"}};
    auto s = closed(1);
    s.target.host = "http://api.test:8080";
    auto plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(fake.resolved_host, "proxy.test");
    EXPECT_EQ(plan->origin.address.text(), "127.0.0.1:3128");
    EXPECT_EQ(plan->origin.authority, "api.test:8080");
    EXPECT_EQ(plan->origin.absolute_form, "http://api.test:8080");
    EXPECT_EQ(plan->origin.proxy_authorization, "Basic bWU6c2VjcmV0");
    EXPECT_EQ(plan->origin.proxy, "http://me:***@proxy.test:3128");
    EXPECT_EQ(plan->origin.tunnel, "");
    ASSERT_FALSE(plan->scenario.notes.empty());
    EXPECT_EQ(plan->scenario.notes.back(),
              "requests go through the proxy http://me:***@proxy.test:3128");

    s.target.host = "https://[fd00::1]";
    s.target.proxy = "proxy.test";
    s.target.proxy_mark = {"--proxy", 0, 0};
    plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(plan->origin.tunnel, "CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: [fd00::1]:443\r\n\r\n");
    EXPECT_EQ(plan->origin.absolute_form, "");
    EXPECT_TRUE(fake.opened);

    fake.accepts = false;
    plan = preflight(s, limits_of(1000), fake.network());
    ASSERT_FALSE(plan);
    EXPECT_THAT(plan.error().text(), HasSubstr("the proxy http://proxy.test: nothing listens"));
}

TEST(Preflight, UnreachableIsExitCode3) {
    FakeNetwork unknown;
    unknown.resolves = false;
    FakeNetwork refusing;
    refusing.accepts = false;
    for (auto* fake : {&unknown, &refusing}) {
        auto s = closed(1);
        s.target.host = "http://api.test";
        const auto plan = preflight(s, limits_of(1000), fake->network());
        ASSERT_FALSE(plan);
        EXPECT_EQ(exit_code(plan.error()), 3);
    }
}

TEST(ExitCodes, ByKindOfError) {
    const std::map<ErrorKind, int> expected{{ErrorKind::usage, 2},       {ErrorKind::config, 2},
                                            {ErrorKind::unreachable, 3}, {ErrorKind::resources, 2},
                                            {ErrorKind::io, 2},          {ErrorKind::internal, 70}};
    for (const auto& [kind, code] : expected)
        EXPECT_EQ(exit_code(Error{kind, "x", std::nullopt}), code);
}

}  // namespace
}  // namespace squadload::run
