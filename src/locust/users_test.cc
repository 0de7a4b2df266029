#include "locust/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::locust {
namespace {

using ::testing::ElementsAre;

TEST(Users, NamesBecomePythons) {
    EXPECT_EQ(python_class_name("SquadApiUser"), "SquadApiUser");
    EXPECT_EQ(python_class_name("api-user 2"), "api_user_2");
    EXPECT_EQ(python_class_name("2nd"), "_2nd");
    EXPECT_EQ(python_class_name("class"), "class_");
    EXPECT_EQ(python_class_name("User"), "User_");
    EXPECT_EQ(python_class_name("é"), "__");
    EXPECT_EQ(python_class_name(""), "_");
    EXPECT_THAT(python_class_names({{"a-b", 1}, {"a_b", 1}, {"a b", 1}}),
                ElementsAre("a_b", "a_b_2", "a_b_3"));
}

TEST(Users, KnownClassesKeepTheirCounts) {
    const UserMap map({{"api-user", 3}, {"Other", 1}});
    EXPECT_THAT(map.of_scenario({{"api_user", 5}, {"Other", 2}}), ElementsAre(5, 2));
    EXPECT_THAT(map.of_scenario({{"api-user", 5}}), ElementsAre(5, 0));
    EXPECT_THAT(map.of_scenario({}), ElementsAre(0, 0));
    EXPECT_TRUE(map.strangers({{"api_user", 5}, {"Other", 2}}).empty());
}

TEST(Users, StrangersAreSpreadByWeight) {
    const UserMap map({{"A", 3}, {"Off", 0}, {"B", 1}});
    EXPECT_THAT(map.of_scenario({{"Dummy", 8}}), ElementsAre(6, 0, 2));
    EXPECT_THAT(map.of_scenario({{"Dummy", 4}, {"Another", 4}}), ElementsAre(6, 0, 2));
    EXPECT_THAT(map.of_scenario({{"Dummy", 4}, {"B", 10}}), ElementsAre(3, 0, 11));
    EXPECT_THAT(map.strangers({{"Dummy", 1}, {"A", 1}}), ElementsAre("Dummy"));
}

TEST(Users, OneMoreChangesOneClassByOne) {
    const UserMap map({{"A", 5}, {"B", 3}, {"C", 1}});
    auto before = map.of_scenario({{"Dummy", 0}});
    for (std::int64_t n = 1; n <= 200; ++n) {
        const auto now = map.of_scenario({{"Dummy", n}});
        std::uint32_t more = 0;
        for (std::size_t c = 0; c < now.size(); ++c) {
            ASSERT_GE(now[c], before[c]) << n;
            more += now[c] - before[c];
        }
        ASSERT_EQ(more, 1U) << n;
        before = now;
    }
    EXPECT_NEAR(before[0], 200 * 5 / 9.0, 1);
}

}  // namespace
}  // namespace squadload::locust
