#include "load/scenario/ip_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::scenario {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(IpBlock, NamesItsAddresses) {
    EXPECT_THAT(*ip_block("127.0.0.2"), ElementsAre("127.0.0.2"));
    EXPECT_THAT(*ip_block("10.0.0.7/32"), ElementsAre("10.0.0.7"));
    EXPECT_THAT(*ip_block("10.0.0.6/31"), ElementsAre("10.0.0.6", "10.0.0.7"));
    EXPECT_THAT(*ip_block("127.0.0.0/30"), ElementsAre("127.0.0.1", "127.0.0.2"));
    EXPECT_THAT(*ip_block("0:0::1"), ElementsAre("::1"));
    EXPECT_THAT(*ip_block("fd00::8/127"), ElementsAre("fd00::8", "fd00::9"));
    EXPECT_THAT(*ip_block("fd00::fffc/126"), ElementsAre("fd00::fffd", "fd00::fffe", "fd00::ffff"));
    const auto large = ip_block("10.1.0.0/16");
    ASSERT_EQ(large->size(), 65'534U);
    EXPECT_EQ(large->at(254), "10.1.0.255");
    EXPECT_EQ(large->at(255), "10.1.1.0");
    EXPECT_EQ(large->back(), "10.1.255.254");
}

TEST(IpBlock, SaysWhatIsWrong) {
    const struct {
        const char* text;
        const char* why;
    } cases[] = {
        {"", "is not an IP address"},
        {"localhost", "is not an IP address"},
        {"127.1", "is not an IP address"},
        {"127.0.0.1:80", "is not an IP address"},
        {"127.0.0.0/", "number up to 32"},
        {"127.0.0.0/33", "number up to 32"},
        {"127.0.0.0/-1", "number up to 32"},
        {"127.0.0.0/24x", "number up to 32"},
        {"::/129", "number up to 128"},
        {"127.0.0.1/28", "bits are set behind its prefix"},
        {"fd00::1/64", "bits are set behind its prefix"},
        {"10.0.0.0/8", "more than 65536 addresses"},
        {"fd00::/64", "more than 65536 addresses"},
    };
    for (const auto& c : cases) {
        const auto block = ip_block(c.text);
        ASSERT_FALSE(block) << c.text;
        EXPECT_EQ(block.error().kind, ErrorKind::config);
        EXPECT_THAT(block.error().message, HasSubstr(c.why));
        EXPECT_THAT(block.error().message, HasSubstr("'" + std::string(c.text) + "'"));
    }
}

}  // namespace
}  // namespace squadload::scenario
