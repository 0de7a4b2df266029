#include "report/open_metrics.h"

#include <gmock/gmock.h>

namespace squadload::report {
namespace {

using measure::Outcome;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

measure::RequestRecord request(Outcome outcome, Nanos time, Nanos lag = Nanos{}) {
    measure::RequestRecord r;
    r.outcome = outcome;
    r.response_time = time;
    r.generator_lag = lag;
    return r;
}

TEST(OpenMetrics, CountsFromTheStartByTaskAndOutcome) {
    measure::Interval totals(2);
    totals.scheduled = 4;
    totals.started = 3;
    totals.tasks[0].record(
        request(Outcome::ok, std::chrono::milliseconds{120}, std::chrono::microseconds{80}));
    totals.tasks[0].record(request(Outcome::rate_limited, std::chrono::milliseconds{3}));
    totals.tasks[1].record_unsent();
    measure::Claim claim;
    claim.provider = "gr\"oq";
    claim.fallback = measure::Claim::Fallback::yes;
    totals.providers.record(claim, std::chrono::milliseconds{120});
    measure::SeriesPoint point;
    point.in_flight = 7;
    const engine::Progress progress{point, totals, totals, std::chrono::milliseconds{1500}};
    const auto text = open_metrics("a\\b\n", {"chat", "health"}, progress);
    const std::string scenario = "scenario=\"a\\\\b\\n\"";
    const std::vector<std::string> lines{
        "squadload_requests_total{" + scenario + ",task=\"chat\",outcome=\"ok\"} 1\n",
        "squadload_requests_total{" + scenario + ",task=\"chat\",outcome=\"rate_limited\"} 1\n",
        "squadload_requests_total{" + scenario + ",task=\"health\",outcome=\"unsent\"} 1\n",
        "squadload_response_time_seconds_bucket{" + scenario + ",task=\"chat\",le=\"0.1\"} 1\n",
        "squadload_response_time_seconds_bucket{" + scenario + ",task=\"chat\",le=\"0.25\"} 2\n",
        "squadload_response_time_seconds_bucket{" + scenario + ",task=\"chat\",le=\"+Inf\"} 2\n",
        "squadload_response_time_seconds_sum{" + scenario + ",task=\"chat\"} 0.123\n",
        "squadload_generator_lag_seconds_bucket{" + scenario + ",le=\"5e-05\"} 1\n",
        "squadload_generator_lag_seconds_bucket{" + scenario + ",le=\"0.0001\"} 2\n",
        "squadload_scheduled_total{" + scenario + "} 4\n",
        "squadload_in_flight{" + scenario + "} 7\n",
        "squadload_elapsed_seconds{" + scenario + "} 1.5\n",
        "squadload_provider_fallbacks_total{" + scenario + ",provider=\"gr\\\"oq\"} 1\n",
    };
    for (const auto& line : lines) EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(text, EndsWith("\n# EOF\n"));
}
TEST(OpenMetrics, WithoutProvidersTheyAreLeftOut) {
    const measure::Interval totals(1);
    const engine::Progress progress{{}, totals, totals, {}};
    EXPECT_THAT(open_metrics("s", {"get"}, progress), Not(HasSubstr("provider")));
    EXPECT_EQ(no_open_metrics(), "# EOF\n");
}

}  // namespace
}  // namespace squadload::report
