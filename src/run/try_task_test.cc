#include "run/try_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run/test_support.h"

namespace squadload::run {
namespace {

using ::testing::HasSubstr;

scenario::Scenario with_tasks() {
    auto s = closed(1);
    scenario::UserClass first;
    first.name = "Reader";
    first.tasks.resize(2);
    first.tasks[0].name = "off";
    first.tasks[0].weight = 0;
    first.tasks[1].name = "chat";
    scenario::UserClass second;
    second.name = "Writer";
    second.tasks.resize(1);
    second.tasks[0].name = "chat";
    s.classes = {first, second};
    return s;
}

TEST(TryTask, FindsTasksByName) {
    const auto s = with_tasks();
    EXPECT_EQ(*find_task(s, ""), 2) << "the first with a weight";
    EXPECT_EQ(*find_task(s, "off"), 1) << "a task switched off can still be tried";
    EXPECT_EQ(*find_task(s, "chat"), 2);
    EXPECT_EQ(*find_task(s, "Writer.chat"), 5);
    const auto unknown = find_task(s, "chta");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
    EXPECT_THAT(unknown.error().message, HasSubstr("did you mean chat?"));
}

TEST(TryTask, HeadsEndWhereTheBodyStarts) {
    const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    EXPECT_EQ(end_of_heads(head + "body\r\n\r\nmore"), head.size());
    EXPECT_EQ(end_of_heads(interim + head + "body"), interim.size() + head.size());
    EXPECT_EQ(end_of_heads("GET / HTTP/1.1\r\n\r\n"), 18U);
    EXPECT_EQ(end_of_heads("HTTP/1.1 200 OK\r\nA:"), 19U) << "an unfinished head is all there is";
    EXPECT_EQ(end_of_heads(""), 0U);
}

TEST(TryTask, ControlCharactersCannotSteerATerminal) {
    EXPECT_EQ(harmless("a\tb\nc\x1b[2J\x7f\r"), "a\tb\nc.[2J..");
    EXPECT_EQ(harmless("olá – ✔"), "olá – ✔");
    EXPECT_EQ(harmless("\xc2\x9b"
                       "2J"),
              "..2J")
        << "the one-character form of ESC [";
}

}  // namespace
}  // namespace squadload::run
