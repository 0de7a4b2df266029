#include "report/comparison.h"

#include <gmock/gmock.h>

#include "report/samples_for_tests.h"

namespace squadload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

result::RunResult run(const engine::Measurements& m) {
    return samples::run_of(samples::concluded(m));
}
std::string text(const result::RunResult& a, const result::RunResult& b) {
    return comparison(compare::compare(a, b, {}), "a.json", "b.json", {false, true, 140});
}

TEST(Comparison, TheSameRunTwice) {
    const auto a = run(samples::good());
    const auto out = text(a, a);
    EXPECT_THAT(out, StartsWith("NO REGRESSION  "));
    EXPECT_THAT(out, HasSubstr("none beyond noise\n A  a.json\n B  b.json\n"));
    EXPECT_THAT(out, HasSubstr("+0.00 ms (+0.0 %)"));
    EXPECT_THAT(out, HasSubstr("tolerance"));
}
TEST(Comparison, AWorseRunIsToldByItsFigures) {
    const auto out = text(run(samples::good()), run(samples::bad()));
    EXPECT_THAT(out, StartsWith("REGRESSION  "));
    EXPECT_THAT(out, HasSubstr(" ✘  all"));
    EXPECT_THAT(out, HasSubstr("worse beyond noise and tolerance"));
}
TEST(Comparison, AVoidRunIsNoTable) {
    auto b = run(samples::good());
    b.verdict = result::Verdict::void_run;
    const auto out = text(run(samples::good()), b);
    EXPECT_THAT(out, StartsWith("VOID  run B is VOID"));
    EXPECT_THAT(out, Not(HasSubstr("p95")));
}
TEST(Comparison, ThePageHasBothRunsAndTheirDifferences) {
    const auto a = run(samples::good()), b = run(samples::bad());
    const auto page = comparison_html(compare::compare(a, b, {}), a, b, "</script>", "b.json");
    for (const char* id : {"metrics", "other", "comparison"})
        EXPECT_THAT(page, HasSubstr(std::string("<script type=\"application/json\" id=\"") + id));
    EXPECT_THAT(page, HasSubstr("\"verdict\":\"REGRESSION\""));
    EXPECT_THAT(page, HasSubstr("\"a\":\"\\u003c/script>\""));
}

}  // namespace
}  // namespace squadload::report
