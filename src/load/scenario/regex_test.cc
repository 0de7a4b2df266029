#include "load/scenario/regex.h"

#include <gtest/gtest.h>

#include <string>

namespace squadload::scenario {
namespace {

std::optional<std::string_view> find_in(std::string_view expression, std::string_view text) {
    const auto regex = Regex::compile(expression);
    EXPECT_TRUE(regex) << expression;
    return regex ? regex->find(text) : std::nullopt;
}

TEST(Regex, TheFirstGroupOrTheWholeMatch) {
    EXPECT_EQ(find_in(R"re(value="([^"]+)")re", R"(<i value="a1"><i>)"), "a1");
    EXPECT_EQ(find_in("id-[0-9]+", "x id-12 id-34"), "id-12");
    EXPECT_EQ(find_in("(a)(b)", "xab"), "a");
    EXPECT_EQ(find_in("(?:a)(b)", "xab"), "b");
    EXPECT_EQ(find_in("a", "xyz"), std::nullopt);
    EXPECT_EQ(find_in("", "x"), "");
    EXPECT_EQ(find_in("^$", ""), "");
    EXPECT_EQ(find_in("^()$", ""), "");
}

TEST(Regex, AGroupThatTookNoPartIsNoMatch) {
    EXPECT_EQ(find_in("(a)|b", "b"), std::nullopt);
    EXPECT_EQ(find_in("x(a*)", "x"), "");  // took part, with nothing in it
}

TEST(Regex, PointsIntoTheText) {
    const std::string text = "token=abc;";
    const auto found = find_in("token=(\\w+)", text);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->data(), text.data() + 6);
}

TEST(Regex, AnyBytesMayBeSearched) {
    const std::string text("\xff\0\xc3(a\n", 6);
    EXPECT_EQ(find_in("a", text), "a");
    EXPECT_EQ(find_in("^.", text), std::nullopt);  // 0xff is not UTF-8
    EXPECT_EQ(find_in("(?s)a(.)", text), "\n");
}

TEST(Regex, ErrorsSayWhatIsWrong) {
    const auto message = [](std::string_view expression) {
        const auto regex = Regex::compile(expression);
        EXPECT_FALSE(regex) << expression;
        return regex ? "" : regex.error().message;
    };
    EXPECT_EQ(message("a(b"), "regular expression \"a(b\": missing ): a(b");
    EXPECT_EQ(message("*"), "regular expression \"*\": no argument for repetition operator: *");
    EXPECT_EQ(message("(?=a)"), "regular expression \"(?=a)\": invalid perl operator: (?=");
    EXPECT_EQ(message("((a{100}){100}){100}"),
              "regular expression \"((a{100}){100}){100}\": invalid repetition size: {100}");
    EXPECT_EQ(message("(\\pL{500}){2}"),
              "regular expression \"(\\pL{500}){2}\": pattern too large - compile failed");
}

TEST(Regex, ErrorsAreNotEndless) {
    const auto regex = Regex::compile(std::string(100'000, 'a') + "(");
    ASSERT_FALSE(regex);
    EXPECT_TRUE(regex.error().message.starts_with("regular expression \"aaa"));
    EXPECT_NE(regex.error().message.find("aaa...\": missing )"), std::string::npos);
    EXPECT_LT(regex.error().message.size(), 500U);
}

// A backtracking matcher takes 2^n steps for this.
TEST(Regex, HostileTextTakesLinearTime) {
    const auto regex = Regex::compile("(a+)+$");
    ASSERT_TRUE(regex);
    EXPECT_EQ(regex->find(std::string(200'000, 'a') + "b"), std::nullopt);
}

}  // namespace
}  // namespace squadload::scenario
