#include "report/html.h"

#include <gmock/gmock.h>

#include "report/samples_for_tests.h"

namespace squadload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What stands in the script element `id`, its escapes undone.
std::string data(const std::string& page, const std::string& id) {
    const std::string open = "<script type=\"application/json\" id=\"" + id + "\">";
    const auto at = page.find(open) + open.size();
    std::string text = page.substr(at, page.find("</script>", at) - at);
    for (auto i = text.find("\\u003c"); i != std::string::npos; i = text.find("\\u003c"))
        text.replace(i, 6, "<");
    return text;
}

TEST(Html, ThePageIsOneFileOfLessThan300KB) {
    EXPECT_THAT(std::string(empty_page()), HasSubstr("<!--squadload-data-->"));
    EXPECT_LT(empty_page().size(), 300U * 1024);
    EXPECT_GT(empty_page().size(), 10'000U);
    EXPECT_THAT(std::string(empty_page()), Not(HasSubstr("src=")));  // nothing is fetched
}
TEST(Html, CarriesTheMetricsFile) {
    const auto run = samples::run_of(samples::concluded(samples::good()));
    const auto page = html(run);
    EXPECT_EQ(data(page, "metrics"), result::to_json(run));
    EXPECT_THAT(page, Not(HasSubstr("<!--squadload-data-->")));
    EXPECT_TRUE(page.starts_with("<!doctype html>"));
}
TEST(Html, NamesAreDataNeverMarkup) {
    auto run = samples::run_of(samples::concluded(samples::good()));
    const std::string name = "</script><script>alert(1)</script><!--";
    run.scenarios[0].name = name;
    run.scenarios[0].verdict_reason = name;
    run.scenarios[0].verdict = result::Verdict::void_run;
    const auto page = html(run);
    EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
    EXPECT_THAT(data(page, "metrics"), HasSubstr(name));
    EXPECT_THAT(data(page, "words"), HasSubstr(name));
}

}  // namespace
}  // namespace squadload::report
