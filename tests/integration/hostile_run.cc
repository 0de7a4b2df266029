#include "integration/hostile_run.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;
using measure::Outcome;
using test_support::Reply;
using test_support::Request;
using test_support::ServerOptions;
using test_support::TestServer;

#ifdef __SANITIZE_ADDRESS__
constexpr long kMaxGrowthKb = 512 * 1024;  // what is freed is kept for a while
#else
constexpr long kMaxGrowthKb = 24 * 1024;
#endif
constexpr std::uint64_t kMaxBody = 8'000'000;  // all of them held at once would be too much

// Peak memory since the last reset_peak(), in kB.
long peak_kb() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
    }
    return 0;
}

void reset_peak() {
    std::ofstream("/proc/self/clear_refs") << "5";
}

long open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

std::string account(const engine::Measurements& m) {
    std::string text;
    for (const auto& group : m.failures.groups())
        text +=
            fmt::format("{} × {}: {}; ", group.count, measure::name(group.outcome), group.message);
    return text;
}

bool matches(const std::string& message, const std::string& expected, std::uint16_t port) {
    static const std::regex kDay("\\d{4}-\\d\\d-\\d\\d");
    const std::string general = std::regex_replace(
        std::regex_replace(message, std::regex(fmt::format(":{}\\b", port)), ":PORT"), kDay, "DAY");
    return expected == "*" || general == expected;
}

std::uint64_t count_of(const engine::Measurements& m, const Expected& expected,
                       std::uint16_t port) {
    if (expected.outcome == Outcome::ok || expected.outcome == Outcome::rate_limited)
        return all(m).outcomes[expected.outcome];
    std::uint64_t count = 0;
    for (const auto& group : m.failures.groups()) {
        if (group.outcome == expected.outcome && matches(group.message, expected.message, port))
            count += group.count;
    }
    return count;
}

engine::Plan plan_against(const TestServer& server, const Misbehaviour& misbehaviour,
                          const test_support::Certificates* certificates) {
    engine::Plan plan = open_plan(server, 1000, 1s);
    plan.scenario.requests = kRequests;
    plan.scenario.classes[0].tasks[0].timeouts = {20s, 0s, 20s};
    plan.scenario.target.limits.body_bytes = kMaxBody;
    if (certificates != nullptr) {
        plan.origin.host = server.host();
        plan.origin.tls = true;
        plan.scenario.target.tls.ca_file = certificates->authority();
    }
    if (misbehaviour.change) misbehaviour.change(plan);
    return plan;
}

}  // namespace

void expect_withstood(const Misbehaviour& misbehaviour, const LoopKind& loop,
                      test_support::Certificates* certificates) {
    SCOPED_TRACE(misbehaviour.name);
    const long descriptors = open_descriptors();
    {
        ServerOptions options = misbehaviour.server;
        if (certificates != nullptr && !options.tls) options.tls.emplace();
        if (options.tls && options.tls->certificate.key.empty())
            options.tls->certificate = certificates->server();
        TestServer server(options);
        const engine::Plan plan = plan_against(server, misbehaviour, certificates);
        reset_peak();
        const long before = peak_kb();
        const auto m = run(plan, loop);
        EXPECT_LT(peak_kb() - before, kMaxGrowthKb);

        EXPECT_EQ(m.scheduled, kRequests);
        EXPECT_EQ(m.sent, kRequests);
        std::uint64_t expected = 0;
        for (const Expected& e : misbehaviour.expected) expected += count_of(m, e, server.port());
        const bool ok_too = std::any_of(misbehaviour.expected.begin(), misbehaviour.expected.end(),
                                        [](const Expected& e) { return e.outcome == Outcome::ok; });
        const bool timeouts =
            std::any_of(misbehaviour.expected.begin(), misbehaviour.expected.end(),
                        [](const Expected& e) { return e.outcome == Outcome::timeout; });
        const std::uint64_t ok = all(m).outcomes.ok();
        if (misbehaviour.for_all || ok_too) {
            EXPECT_EQ(expected, kRequests) << account(m);
        } else if (timeouts) {  // on a busy machine a good answer may be late, too
            EXPECT_GE(expected, kMisbehaved) << account(m);
            EXPECT_EQ(expected + ok, kRequests) << account(m);
        } else {
            EXPECT_EQ(expected, kMisbehaved) << account(m);
            EXPECT_EQ(ok, kRequests - kMisbehaved) << account(m);
        }
    }
    EXPECT_EQ(open_descriptors(), descriptors);
}

std::vector<Expected> fine() {
    return {{}};
}
std::vector<Expected> refused(const std::string& why) {
    return {{Outcome::protocol_error, why}};
}
std::vector<Expected> malformed(const std::string& why) {
    return refused("malformed response: " + why);
}

ServerOptions answering_all(Reply reply) {
    ServerOptions options;
    options.handler = [r = std::move(reply)](const Request&) { return r; };
    return options;
}

ServerOptions answering(Reply reply) {
    ServerOptions options;
    options.handler = [r = std::move(reply)](const Request& request) {
        return request.number < kMisbehaved ? r : test_support::ok();
    };
    return options;
}

ServerOptions unasked(Reply reply, std::size_t after_bytes) {
    ServerOptions options;
    options.unasked = {after_bytes, std::move(reply), kMisbehaved};
    return options;
}

void one_at_a_time(engine::Plan& plan) {
    plan.scenario.users = 1;
}

void short_total(engine::Plan& plan) {
    plan.scenario.classes[0].tasks[0].timeouts.total = 100ms;
}

void short_first_byte(engine::Plan& plan) {
    plan.scenario.classes[0].tasks[0].timeouts.first_byte = 100ms;
}

void short_connect(engine::Plan& plan) {
    plan.scenario.classes[0].tasks[0].timeouts.connect = 100ms;
}

std::function<void(engine::Plan&)> with_method(std::string method) {
    return [m = std::move(method)](engine::Plan& plan) {
        plan.scenario.classes[0].tasks[0].method = m;
    };
}

void with_large_body(engine::Plan& plan) {
    auto& task = plan.scenario.classes[0].tasks[0];
    task.method = "POST";
    task.has_body = true;
    task.body = scenario::Template::constant(std::string(2'000'000, 'b'));
}

void PlainOrTlsTest::SetUp() {
    if (const auto loop = std::get<0>(GetParam()).make(0); !loop)
        GTEST_SKIP() << loop.error().text();
}

void PlainOrTlsTest::withstand(const std::vector<Misbehaviour>& cases) {
    for (const Misbehaviour& c : cases)
        expect_withstood(c, std::get<0>(GetParam()), over_tls() ? &certificates_ : nullptr);
}

std::vector<std::tuple<LoopKind, bool>> plain_and_tls() {
    std::vector<std::tuple<LoopKind, bool>> all_of_them;
    for (const LoopKind& kind : loop_kinds()) {
        for (const bool tls : {false, true}) all_of_them.emplace_back(kind, tls);
    }
    return all_of_them;
}

std::string plain_or_tls_name(const ::testing::TestParamInfo<std::tuple<LoopKind, bool>>& both) {
    return std::get<0>(both.param).name + (std::get<1>(both.param) ? "_tls" : "_plain");
}

}  // namespace squadload::integration
