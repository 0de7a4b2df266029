#include "report/markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/samples_for_tests.h"

namespace squadload::report {
namespace {

using namespace samples;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Markdown, VerdictThenCriteriaThenTasks) {
    const auto text = markdown(run_of(concluded(good())));
    EXPECT_THAT(text,
                StartsWith("## ✅ PASS — squadload\n\n### ✅ PASS — spike\n\n7,200 requests"));
    EXPECT_THAT(text, HasSubstr("| ✔ | rate limited \\(429\\) | &lt; 1 % | 0.17 % |  |\n"));
    EXPECT_THAT(text, HasSubstr("| chat | 5,760 | 5,745 | 12 | 3 |"));
    EXPECT_THAT(text, HasSubstr("| **all** | 7,200 |"));
    EXPECT_THAT(text, HasSubstr("| 3 | chat | timeout | no complete response within 2.73s |"));
    EXPECT_THAT(text, HasSubstr("`squadload run 'spike'`"));
}

TEST(Markdown, BrokenCriteriaComeFirst) {
    const auto text = markdown(run_of(concluded(bad())));
    EXPECT_THAT(text, StartsWith("## ❌ FAIL"));
    EXPECT_LT(text.rfind("| ✘ |"), text.find("| ✔ |"));
}

TEST(Markdown, NothingInANameIsMarkup) {
    auto s = concluded(good());
    s.tasks[0].name = "<img src=x>|[a](b)`@all\n# x";
    const auto text = markdown(run_of(std::move(s)));
    EXPECT_THAT(text, HasSubstr("| &lt;img src=x&gt;\\|\\[a\\]\\(b\\)\\`&#64;all \\# x |"));
}

TEST(Markdown, LongTextIsCut) {
    auto s = concluded(good());
    s.failures[0].message = std::string(10'000, 'x');
    const auto text = markdown(run_of(std::move(s)));
    EXPECT_THAT(text, HasSubstr("xx… |"));
    EXPECT_LT(text.size(), 3000U);
}

TEST(Markdown, ADownTargetHasNoTables) {
    auto m = nothing_measured();
    add(m, 0, Outcome::connect_error, 300, milliseconds{1}, milliseconds{1});
    m.failures.add(0, Outcome::connect_error, "connection refused", seconds{1});
    EXPECT_THAT(markdown(run_of(concluded(m))), Not(HasSubstr("| ✔ |")));
}

}  // namespace
}  // namespace squadload::report
