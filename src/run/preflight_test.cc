#include "run/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

    Network network() {
        return {[this](const std::string& host,
                       std::uint16_t port) -> Result<std::vector<transport::Address>> {
                    resolved_host = host;
                    resolved_port = port;
                    if (!resolves) return fail(ErrorKind::unreachable, "cannot resolve " + host);
                    return std::vector{*transport::Address::parse("127.0.0.1", port)};
                },
                [this](const std::vector<transport::Address>& addresses,
                       std::int64_t timeout) -> Result<transport::Address> {
                    timeout_ms = timeout;
                    if (!accepts)
                        return fail(ErrorKind::unreachable,
                                    "nothing listens on " + addresses.front().text());
                    return addresses.front();
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
    for (const auto& c :
         {Case{"", "--host"},
          Case{"https://api.test", "https:// targets are not supported yet; use http://"},
          Case{"ftp://api.test", "ftp"}, Case{"http://api.test/?x=1", "query"}}) {
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
    s.target.host = "https://api.test";
    s.target.host_mark = {"my.yaml", 3, 9};
    EXPECT_THAT(target_url(s.target).error().text(), HasSubstr("my.yaml:3:9: "));
    s.target.host_mark = {"--host", 0, 0};
    EXPECT_THAT(target_url(s.target).error().text(), HasSubstr("--host: "));
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
