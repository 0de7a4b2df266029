#include "report/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squadload::report {
namespace {

using ::testing::ElementsAre;

TEST(Width, CountsColumnsNotBytes) {
    EXPECT_EQ(display_width(""), 0);
    EXPECT_EQ(display_width("abc"), 3);
    EXPECT_EQ(display_width("café ✔ █"), 8);
    EXPECT_EQ(display_width("e\u0301"), 1) << "a combining accent";
    EXPECT_EQ(display_width("日本"), 4);
    EXPECT_EQ(display_width("🚀"), 2);
    EXPECT_EQ(display_width("\xff\xfe"), 2) << "no UTF-8";
    EXPECT_EQ(display_width("\xe2\x9c"), 2) << "cut in the middle";
}

TEST(Width, CuttingKeepsWholeCharacters) {
    EXPECT_EQ(cut("abcdef", 6), "abcdef");
    EXPECT_EQ(cut("abcdef", 5), "abcd…");
    EXPECT_EQ(cut("日本語", 5), "日本…");
    EXPECT_EQ(cut("日本語", 4), "日…");
    EXPECT_EQ(cut("abc", 1), "…");
    EXPECT_EQ(cut("a\tb\x1b[0m", 20), "a.b.[0m");
    EXPECT_EQ(cut("a\xff", 20), "a\uFFFD");
    EXPECT_EQ(padded_left("✔", 3), "  ✔");
    EXPECT_EQ(padded_right("日", 3), "日 ");
    EXPECT_EQ(padded_right("long", 3), "long");
}

TEST(Width, WrapsAtSpaces) {
    EXPECT_THAT(wrapped("one two  three", 8), ElementsAre("one two", "three"));
    EXPECT_THAT(wrapped("abcdefghij k", 5), ElementsAre("abcde", "fghij", "k"));
    EXPECT_THAT(wrapped("ab 日本語", 5), ElementsAre("ab", "日本", "語"));
    EXPECT_TRUE(wrapped("", 5).empty());
}

TEST(Ascii, FormsOfWhatWePrint) {
    const Style ascii{.colour = false, .unicode = false, .width = 80};
    EXPECT_EQ(printable("≤ 0.7 % — 1 … 2 × ✔ é", ascii), "<= 0.7 % - 1 ... 2 x ok ?");
    EXPECT_EQ(bar(0.5, 4, ascii), "##  ");
    EXPECT_EQ(sparkline({1, 2}, 2, ascii), "");
}

TEST(Bar, FillsByEighths) {
    const Style style;
    EXPECT_EQ(bar(0, 4, style), "    ");
    EXPECT_EQ(bar(0.5, 4, style), "██  ");
    EXPECT_EQ(bar(0.53125, 4, style), "██▏ ");
    EXPECT_EQ(bar(1, 4, style), "████");
    EXPECT_EQ(bar(7, 2, style), "██");
    EXPECT_EQ(bar(-1, 2, style), "  ");
    EXPECT_EQ(sparkline({0, 1, 2}, 2, style), "▁▅█");
    EXPECT_EQ(sparkline({5}, 0, style), "▁");
}

TEST(Alignment, OfUnitsAndPoints) {
    std::vector<std::string> units{"> 99 %", "< 3,000 ms", "= 0", "no samples"};
    align_units(units);
    EXPECT_THAT(units, ElementsAre("> 99 % ", "< 3,000 ms", "= 0   ", "no samples"));
    std::vector<std::string> points{"744", "5.04", "12.3", "–"};
    align_points(points);
    EXPECT_THAT(points, ElementsAre("744   ", "5.04", "12.3 ", "–"));
}

TEST(Tables, DropColumnsInOrderThenCut) {
    const auto table = [] {
        Table t({{"name", false}, {"first", true, 1}, {"second", true, 2}, {"text", false}});
        t.add({{"alpha"}, {"1"}, {"22"}, {"a text that goes on"}});
        return t;
    };
    Style style{.colour = false, .unicode = true, .width = 80};
    EXPECT_TRUE(table().fits(style));
    EXPECT_THAT(table().lines(style), ElementsAre(" name   first  second  text",
                                                  " alpha      1      22  a text that goes on"));
    style.width = 42;
    EXPECT_THAT(table().lines(style)[1], " alpha      1      22  a text that goes on");
    style.width = 41;
    EXPECT_FALSE(table().fits(style));
    EXPECT_THAT(table().lines(style)[1], " alpha      1  a text that goes on");

    Table text({{"n"}, {"message", false}});
    text.add({{"7"}, {std::string(60, 'x')}});
    style.width = 40;
    EXPECT_EQ(display_width(text.lines(style)[1]), 40);
    EXPECT_TRUE(text.lines(style)[1].ends_with("x…"));
}

TEST(Message, IsWrappedOnATerminalAlone) {
    Style narrow;
    narrow.width = 40;
    const std::string text = "squadload 0.1.0 · spike · open 60/s constant · epoll";
    EXPECT_EQ(message(text, narrow, false), text);
    EXPECT_EQ(message(text, narrow, true),
              "squadload 0.1.0 · spike · open 60/s\n  constant · epoll");
    narrow.unicode = false;
    EXPECT_EQ(message("a · b", narrow, true), "a - b");
}

}  // namespace
}  // namespace squadload::report
