#include "cli/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::cli {
namespace {

TEST(Variables, AMistypedOneIsNamedWithTheNearest) {
    EXPECT_THAT(unknown_variables({"PATH", "SQUADLOAD_USRES", "SQUADLOAD_P95_LATENCY_MAX"}),
                ::testing::ElementsAre(
                    "SQUADLOAD_P95_LATENCY_MAX sets nothing: squadload knows no such variable; did "
                    "you mean SQUADLOAD_P95_LATENCY_MAX_MS?",
                    "SQUADLOAD_USRES sets nothing: squadload knows no such variable; did you mean "
                    "SQUADLOAD_USERS?"));
}

TEST(Variables, EveryOneOfTheGuideIsKnown) {
    EXPECT_THAT(unknown_variables({"SQUADLOAD_HOST", "SQUADLOAD_RUN_TIME", "SQUADLOAD_LAG_BUDGET",
                                   "SQUADLOAD_EXPRESSIONS", "SQUADLOAD_SPIKE_P99_LATENCY_MAX_MS",
                                   "SQUADLOAD_FAIL_FAST_MIN_SAMPLES",
                                   "SQUADLOAD_FAIL_FAST_P95_LATENCY_MAX_MS",
                                   "SQUADLOAD_FAIL_FAST_EXPRESSIONS"}),
                ::testing::IsEmpty());
}

}  // namespace
}  // namespace squadload::cli
