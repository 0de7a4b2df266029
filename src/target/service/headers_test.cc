#include "target/service/headers.h"

#include <gtest/gtest.h>

namespace squadload::service {
namespace {

TEST(Headers, NamesCompareWithoutRegardToCase) {
    const Headers headers{{"Content-Type", "a"}, {"X-Two", "b"}};
    EXPECT_EQ(headers.get("content-type"), "a");
    EXPECT_EQ(headers.get("X-TWO"), "b");
    EXPECT_EQ(headers.find("x-tw"), std::nullopt);
    EXPECT_EQ(headers.get("x-two-more"), "");
    EXPECT_FALSE(equal_ignoring_case("a[", "a{")) << "only letters have a case";
    EXPECT_FALSE(equal_ignoring_case("a\x01", "a!"));
}

TEST(Headers, KeepTheirOrderAndRepetitions) {
    Headers headers;
    headers.add("a", "1");
    headers.add("b", "");
    headers.add("A", "2");
    std::string all;
    for (const auto& [name, value] : headers)
        all.append(name).append("=").append(value).append(";");
    EXPECT_EQ(all, "a=1;b=;A=2;");
    EXPECT_EQ(headers.count("a"), 2U);
    EXPECT_EQ(headers.get("a"), "1") << "the first";
    EXPECT_TRUE(headers.has("b"));
}

TEST(Headers, SetLeavesOneOfTheName) {
    Headers headers{{"a", "1"}, {"b", "2"}, {"A", "3"}};
    headers.set("a", "4");
    EXPECT_EQ(headers.count("a"), 1U);
    EXPECT_EQ(headers.get("a"), "4");
    EXPECT_EQ(headers.get("b"), "2");
    headers.remove("b");
    EXPECT_EQ(headers.size(), 1U);
    headers.clear();
    EXPECT_TRUE(headers.empty());
    headers.add("c", "5");
    EXPECT_EQ(headers.get("c"), "5");
}

TEST(Headers, AreValues) {
    Headers one{{"a", "1"}};
    const Headers copy = one;
    const Headers moved = std::move(one);
    EXPECT_EQ(copy.get("a"), "1");
    EXPECT_EQ(moved.get("a"), "1");
}

}  // namespace
}  // namespace squadload::service
