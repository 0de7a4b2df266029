#include "report/junit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/samples_for_tests.h"

namespace squadload::report {
namespace {

using namespace samples;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Junit, APassHasACasePerCriterionAndNoFailure) {
    const auto run = run_of(concluded(good()));
    const auto xml = junit_xml(run);
    EXPECT_THAT(xml, HasSubstr("<testsuites name=\"squadload\" tests=\"9\" failures=\"0\" "
                               "errors=\"0\" skipped=\"0\""));
    EXPECT_THAT(xml, HasSubstr("<testcase name=\"p95 response &lt; 3,000 ms\" "
                               "classname=\"squadload.spike\""));
    EXPECT_THAT(xml, HasSubstr("load delivered and judged"));
    EXPECT_THAT(xml, Not(HasSubstr("<failure")));
}

TEST(Junit, ABrokenCriterionIsAFailureWithBoundActualAndTime) {
    auto s = concluded(bad());
    for (auto& t : s.thresholds)
        if (!t.pass) t.first_broken_at_s = 41;
    const auto xml = junit_xml(run_of(std::move(s)));
    EXPECT_THAT(xml, HasSubstr("<failure message=\"success rate was "));
    EXPECT_THAT(xml, HasSubstr(", the bound is &gt; 99 %, first broken at 00:41\"/>"));
}

TEST(Junit, AVoidRunIsAnErrorAndBreaksNoBound) {
    auto s = concluded(bad());
    s.verdict = result::Verdict::void_run;
    s.verdict_reason = "generator lag p99 38 ms";
    const auto xml = junit_xml(run_of(std::move(s)));
    EXPECT_THAT(xml, HasSubstr("<error message=\"VOID: generator lag p99 38 ms\"/>"));
    EXPECT_THAT(xml, HasSubstr("failures=\"0\" errors=\"1\""));
    EXPECT_THAT(xml, HasSubstr("<skipped message="));
}

TEST(Junit, AFailureWithoutABrokenBoundIsStillOne) {
    auto s = concluded(good());
    s.verdict = result::Verdict::fail;
    s.verdict_reason = "1 check broken: utilisation of groq";
    EXPECT_THAT(junit_xml(run_of(std::move(s))),
                HasSubstr("<failure message=\"1 check broken: utilisation of groq\"/>"));
}

TEST(Junit, AnExitCodeOfAnyOtherCauseIsAnError) {
    auto run = run_of(concluded(good()));
    run.verdict = result::Verdict::fail;
    run.exit_code = 3;
    EXPECT_THAT(junit_xml(run), HasSubstr("<error message=\"FAIL, exit code 3\"/>"));
}

TEST(Junit, CriteriaOfASuite) {
    auto run = run_of(concluded(good()));
    run.criteria = {
        {"AC-4", "max", "spike", "< 5 s", "2.7 s", result::CriterionAnswer::met, ""},
        {"AC-6", "throttle", "", "yes", "", result::CriterionAnswer::not_exercised, "no 429 came"},
        {"AC-3", "ok", "", "> 99 %", "98 %", result::CriterionAnswer::not_met, ""}};
    const auto xml = junit_xml(run);
    EXPECT_THAT(xml, HasSubstr("name=\"AC-4 max (spike)\""));
    EXPECT_THAT(xml, HasSubstr("<skipped message=\"not exercised: no 429 came (bound yes)\"/>"));
    EXPECT_THAT(xml, HasSubstr("<failure message=\"not met: 98 % (bound &gt; 99 %)\"/>"));
}

TEST(Junit, NamesAndMessagesCannotBreakTheDocument) {
    auto s = concluded(good());
    s.name = "a<b>&\"c\x01\xff";
    const auto xml = junit_xml(run_of(std::move(s)));
    EXPECT_THAT(xml, HasSubstr("name=\"a&lt;b&gt;&amp;&quot;c.\xef\xbf\xbd\""));
}

}  // namespace
}  // namespace squadload::report
