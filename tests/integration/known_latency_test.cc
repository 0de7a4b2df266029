// Known latency: the server logs how long each answer really took; our percentiles must agree.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "integration/engine_run.h"

namespace squadload::integration {
namespace {

using namespace std::chrono_literals;

class KnownLatency : public LoopTest {};

Nanos nearest_rank(const std::vector<Nanos>& sorted, double q) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
    return sorted[std::max<std::size_t>(1, rank) - 1];
}

// What was measured beside what the server logged.
void expect_agreement(const measure::TaskStats& stats, test_support::TestServer& server,
                      std::uint64_t requests) {
    server.settle();
    ASSERT_EQ(stats.outcomes.ok(), requests);
    ASSERT_EQ(server.delays().size(), requests);
    std::vector<Nanos> truth;
    for (const auto& entry : server.delays()) truth.push_back(entry.delay);
    std::sort(truth.begin(), truth.end());
    for (const double q : {0.50, 0.75, 0.90, 0.95, 0.99, 0.999}) {
        const double expected = to_ms(nearest_rank(truth, q));
        const double tolerance = std::max(1.0, expected * 0.01);
        EXPECT_NEAR(to_ms(stats.service_time.percentile(q)), expected, tolerance)
            << "service time, q = " << q;
        EXPECT_NEAR(to_ms(stats.response_time.percentile(q)), expected, tolerance)
            << "response time, q = " << q;
    }
}

TEST_P(KnownLatency, PercentilesAgreeWithTheServersLog) {
    std::unique_ptr<test_support::TestServer> server;
    const auto m = run_undisturbed(
        [&] {
            test_support::ServerOptions options;
            options.delays = test_support::RandomDelays{42, 2ms, 12ms, 400ms};
            server = std::make_unique<test_support::TestServer>(options);
            return open_plan(*server, 2000, 6s);
        },
        GetParam());
    if (m) expect_agreement(all(*m), *server, 12'000);
}

// Few connections for many requests: their handshakes are part of their first requests' times, and
// must not reach the percentiles compared.
TEST_P(KnownLatency, PercentilesAgreeOverTlsToo) {
    std::unique_ptr<test_support::TestServer> server;
    const auto m = run_undisturbed(
        [&] {
            auto options = tls_server();
            options.delays = test_support::RandomDelays{42, 2ms, 12ms, 400ms};
            server = std::make_unique<test_support::TestServer>(options);
            return tls_plan(*server, 500, 12s);
        },
        GetParam());
    if (m) expect_agreement(all(*m), *server, 6'000);
}

INSTANTIATE_TEST_SUITE_P(Loops, KnownLatency, ::testing::ValuesIn(loop_kinds()), loop_name);

}  // namespace
}  // namespace squadload::integration
