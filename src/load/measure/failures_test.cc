#include "load/measure/failures.h"

#include <gtest/gtest.h>

#include <string>

namespace squadload::measure {
namespace {

using namespace std::chrono_literals;

std::uint64_t total_count(const FailureTable& table) {
    std::uint64_t sum = 0;
    for (const FailureGroup& g : table.groups()) sum += g.count;
    return sum;
}

TEST(FailureTableTest, GroupsByTaskOutcomeAndMessage) {
    FailureTable table;
    table.add(0, Outcome::server_error, "status 500", 3s, 500, "first body");
    table.add(0, Outcome::server_error, "status 500", 5s, 500, "second body");
    table.add(0, Outcome::server_error, "status 500", 2s, 500, "third body");
    table.add(1, Outcome::server_error, "status 500", 4s, 500);
    table.add(0, Outcome::server_error, "status 502", 4s, 502);
    table.add(0, Outcome::connect_error, "status 500", 4s);
    ASSERT_EQ(table.groups().size(), 4U);
    const FailureGroup& g = table.groups()[0];
    EXPECT_EQ(g.count, 3U);
    EXPECT_EQ(g.first, 2s);
    EXPECT_EQ(g.last, 5s);
    EXPECT_EQ(g.status, 500);
    EXPECT_EQ(g.example, "first body");
    table.clear();
    EXPECT_TRUE(table.groups().empty());
}

TEST(FailureTableTest, ExamplesAreBoundedAndPrintable) {
    struct Case {
        std::string body, shown;
    };
    const Case cases[] = {
        {"plain {\"a\": 1}", "plain {\"a\": 1}"},
        {"line\r\n\x1b[31mred\x7f", "line...[31mred."},
        {std::string("a\0b", 3), "a.b"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc2\x9b[31m \xc2\xa0", ".[31m \xc2\xa0"},  // C1 CSI; no-break space
        {"\xff\xfe \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80", ".. .. ... ...."},  // never valid
        {"cut \xe2\x82", "cut .."},
        {std::string(600, 'x'), std::string(512, 'x')},
        {std::string(511, 'x') + "\xc3\xa9", std::string(511, 'x')},  // not half a character
        {std::string(510, 'x') + "\xc3\xa9", std::string(510, 'x') + "\xc3\xa9"},
    };
    for (const Case& c : cases) {
        FailureTable table;
        table.add(0, Outcome::check_failed, "m", 1s, 200, c.body);
        EXPECT_EQ(table.groups()[0].example, c.shown);
    }
}

TEST(FailureTableTest, PastItsBoundNewGroupsCountTogether) {
    FailureTable table;
    for (std::size_t i = 0; i < FailureTable::kMaxGroups; ++i) {
        table.add(0, Outcome::check_failed, "message " + std::to_string(i), 1s);
    }
    for (int i = 0; i < 1000; ++i) {
        table.add(0, Outcome::check_failed, "more " + std::to_string(i), 2s);
        table.add(1, Outcome::check_failed, "more " + std::to_string(i), 3s);
        table.add(0, Outcome::timeout, "more " + std::to_string(i), 3s);
    }
    table.add(0, Outcome::check_failed, "message 7", 4s);
    EXPECT_EQ(table.groups().size(), FailureTable::kMaxGroups + 3);
    EXPECT_EQ(table.groups()[7].count, 2U);
    const FailureGroup& others = table.groups()[FailureTable::kMaxGroups];
    EXPECT_EQ(others.message, "other failures");
    EXPECT_EQ(others.count, 1000U);
    EXPECT_EQ(total_count(table), 3201U);
}

TEST(FailureTableTest, MergingAddsAndKeepsTheEarliestExample) {
    FailureTable a;
    a.add(0, Outcome::timeout, "timed out", 5s, 0, "later");
    a.add(0, Outcome::server_error, "status 500", 5s, 500);
    FailureTable b;
    b.add(0, Outcome::timeout, "timed out", 4s, 200, "earlier");
    b.add(0, Outcome::timeout, "timed out", 9s);
    b.add(2, Outcome::timeout, "timed out", 1s, 0, "other task");
    a.merge(b);
    ASSERT_EQ(a.groups().size(), 3U);
    EXPECT_EQ(a.groups()[0].count, 3U);
    EXPECT_EQ(a.groups()[0].first, 4s);
    EXPECT_EQ(a.groups()[0].last, 9s);
    EXPECT_EQ(a.groups()[0].status, 200);
    EXPECT_EQ(a.groups()[0].example, "earlier");
    EXPECT_EQ(a.groups()[2].task, 2);
    EXPECT_EQ(a.groups()[2].first, 1s);
    EXPECT_EQ(a.groups()[2].last, 1s);
    EXPECT_EQ(a.groups()[2].example, "other task");
    a.merge(a);
    EXPECT_EQ(total_count(a), 10U);
}

TEST(FailureTableTest, MergingStaysBoundedAndLosesNoCount) {
    FailureTable total;
    for (int worker = 0; worker < 4; ++worker) {
        FailureTable part;
        for (int i = 0; i < 150; ++i) {
            part.add(0, Outcome::check_failed, std::to_string(worker * 1000 + i), 1s);
        }
        total.merge(part);
    }
    EXPECT_EQ(total.groups().size(), FailureTable::kMaxGroups + 1);
    EXPECT_EQ(total_count(total), 600U);
}

}  // namespace
}  // namespace squadload::measure
