#include "report/locust_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/samples_for_tests.h"

namespace squadload::report {
namespace {

using namespace samples;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Figures against a stock Locust's: tests/integration/test_locust_csv.py.

TEST(LocustCsv, FloatsAreWrittenAsPythonWritesThem) {
    EXPECT_EQ(python_float(38), "38.0");
    EXPECT_EQ(python_float(0), "0.0");
    EXPECT_EQ(python_float(11.03312806268022), "11.03312806268022");
    EXPECT_EQ(python_float(1e-5), "1e-05");
    EXPECT_EQ(python_float(1e16), "1e+16");
    EXPECT_EQ(python_float(0.1 + 0.2), "0.30000000000000004");
}

TEST(LocustCsv, TasksOfOneMethodAndNameAreOneRow) {
    auto s = concluded(good());
    s.tasks[0].method = s.tasks[1].method = "GET";
    s.tasks[0].entry_name = s.tasks[1].entry_name = "/x,\"y\"";
    const auto csv = locust_csv(s);
    EXPECT_THAT(csv.stats, HasSubstr("\r\nGET,\"/x,\"\"y\"\"\",7200,15,"));
    EXPECT_THAT(csv.stats, HasSubstr("\r\n,Aggregated,7200,15,"));
    EXPECT_EQ(std::count(csv.stats.begin(), csv.stats.end(), '\n'), 3);
}

TEST(LocustCsv, FailuresAndRateLimitedAddUpToTheFailureCount) {
    auto s = concluded(good());
    s.started_at = "2026-11-23T09:15:00.123Z";
    s.tasks[0].method = "POST";
    const auto csv = locust_csv(s);
    EXPECT_THAT(csv.failures, HasSubstr("POST,/agents/chat,no complete response within 2.73s,3,"
                                        "2026-11-23T09:15:41Z,2026-11-23T09:16:12Z\r\n"));
    EXPECT_THAT(csv.failures, HasSubstr("POST,/agents/chat,status 429,12,,\r\n"));
}

TEST(LocustCsv, NothingMeasuredHasNoFigures) {
    const auto csv = locust_csv(concluded(nothing_measured()));
    EXPECT_THAT(csv.stats, EndsWith(",Aggregated,0,0,0,0,0,0,0,0.0,0.0,N/A,N/A,N/A,N/A,N/A,N/A,N/A,"
                                    "N/A,N/A,N/A,N/A\r\n"));
    EXPECT_EQ(std::count(csv.history.begin(), csv.history.end(), '\n'), 1);
    EXPECT_THAT(csv.exceptions, StartsWith("Count,Message,Traceback,Nodes"));
}

}  // namespace
}  // namespace squadload::report
