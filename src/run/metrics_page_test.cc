#include "run/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::run {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(MetricsPage, APortThatIsTakenIsASentence) {
    const auto first = MetricsPage::open(0);
    ASSERT_TRUE(first);
    EXPECT_THAT((*first)->url(), StartsWith("http://127.0.0.1:"));
    const auto at = (*first)->url().rfind(':') + 1;
    const auto port = static_cast<std::uint16_t>(std::stoi((*first)->url().substr(at)));
    const auto second = MetricsPage::open(port);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::resources);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(port)));
}

}  // namespace
}  // namespace squadload::run
