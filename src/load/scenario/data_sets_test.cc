#include "load/scenario/data_sets.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace squadload::scenario {
namespace {

using Values = std::vector<std::string>;

std::string csv_error(std::string_view text) {
    DataSets data;
    const auto added = data.add_csv("d", text, "d.csv");
    return added ? "none" : added.error().text();
}

std::string jsonl_error(std::string_view text) {
    DataSets data;
    const auto added = data.add_json_lines("d", text, "d.jsonl");
    return added ? "none" : added.error().text();
}

TEST(DataSetsTest, CsvReadsQuotesLineEndsAndBom) {
    DataSets data;
    ASSERT_TRUE(data.add_csv(
        "d",
        "\xEF\xBB\xBFname,\"the text\"\r\nann,\"a, \"\"b\"\"\"\r\n\r\nbob,\"two\nlines\"\ncat,",
        "d.csv"));
    const DataSet& set = *data.find("d");
    EXPECT_EQ(set.columns, (Values{"name", "the text"}));
    EXPECT_EQ(*set.column("name"), (Values{"ann", "bob", "cat"}));
    EXPECT_EQ(*set.column("the text"), (Values{"a, \"b\"", "two\nlines", ""}));
    EXPECT_EQ(set.column("x"), nullptr);
    EXPECT_EQ(set.rows(), 3U);
    EXPECT_FALSE(set.is_list());
}

TEST(DataSetsTest, CsvKeepsAQuotedEmptyFieldOfASingleColumn) {
    DataSets data;
    ASSERT_TRUE(data.add_csv("d", "a\n\"\"\n\nb\n", "d.csv"));
    EXPECT_EQ(*data.find("d")->column("a"), (Values{"", "b"}));
}

TEST(DataSetsTest, CsvMistakesNameTheLine) {
    EXPECT_EQ(csv_error("a,b\n1,2\n\n1\n"), "d.csv:4:1: 1 field(s), but the header has 2");
    EXPECT_EQ(csv_error("a,b\n\"x\ny\",2\n1,2,3\n"), "d.csv:4:1: 3 field(s), but the header has 2");
    EXPECT_EQ(csv_error("a,b\n1,\"2\n3\n"), "d.csv:2:1: a quoted field is not closed");
    EXPECT_EQ(csv_error("a\n\"x\"y\n"), "d.csv:2:1: text after the closing quote of a field");
    EXPECT_NE(csv_error("a\nx\"y\n").find("d.csv:2:1: a quote inside a field"), std::string::npos);
    EXPECT_NE(csv_error("").find("expected a header line"), std::string::npos);
    EXPECT_NE(csv_error("a,b\n").find("at least one row"), std::string::npos);
    EXPECT_EQ(csv_error("a,,c\n1,2,3\n"), "d.csv:1:1: column 2 has no name");
    EXPECT_EQ(csv_error("a,a\n1,2\n"), "d.csv:1:1: column 'a' is there twice");
}

TEST(DataSetsTest, JsonLinesReadsEveryKindOfValue) {
    DataSets data;
    ASSERT_TRUE(data.add_json_lines(
        "d", "{\"b\":\"x\\ny\",\"a\":1.5}\r\n\n{\"a\":{\"k\":[1, true]},\"b\":null}", "d.jsonl"));
    const DataSet& set = *data.find("d");
    EXPECT_EQ(set.columns, (Values{"b", "a"}));
    EXPECT_EQ(*set.column("a"), (Values{"1.5", "{\"k\":[1,true]}"}));
    EXPECT_EQ(*set.column("b"), (Values{"x\ny", "null"}));
}

TEST(DataSetsTest, JsonLinesMistakesNameTheLine) {
    EXPECT_EQ(jsonl_error("{\"a\":1}\n{\"a\":}\n"), "d.jsonl:2:1: not valid JSON");
    EXPECT_EQ(jsonl_error("{\"a\":1}\n\n[1]\n"),
              "d.jsonl:3:1: expected a JSON object with at least one key");
    EXPECT_EQ(jsonl_error("{\"a\":1}\n{\"b\":1}\n"),
              "d.jsonl:2:1: key 'a' is missing; the first line has it");
    EXPECT_EQ(jsonl_error("{\"a\":1}\n{\"a\":1,\"b\":1}\n"),
              "d.jsonl:2:1: has a key that the first line does not have");
    EXPECT_EQ(jsonl_error("\n\n"), "d.jsonl:1:1: expected at least one JSON object");
    EXPECT_EQ(jsonl_error("{\"a\":" + std::string(100'000, '[') + "\n"),
              "d.jsonl:1:1: nested deeper than 100 levels");
}

TEST(DataSetsTest, FilesThatCannotServeAreErrorsAtTheMark) {
    const SourceMark mark{"c.yaml", 2, 9};
    const std::string dir = ::testing::TempDir();
    const std::string odd = dir + "/squadload_data.txt";
    std::ofstream(odd) << "x";
    DataSets data;
    EXPECT_EQ(data.add_file("d", dir + "/missing.csv", mark).error().text(),
              "c.yaml:2:9: cannot read the data file '" + dir + "/missing.csv'");
    EXPECT_NE(data.add_file("d", dir, mark).error().text().find("is a directory"),
              std::string::npos);
    EXPECT_NE(data.add_file("d", odd, mark).error().text().find("ends in none of"),
              std::string::npos);
    EXPECT_EQ(data.add_list("d", {}, mark).error().text(), "c.yaml:2:9: data set 'd' is empty");
    std::filesystem::remove(odd);
    EXPECT_TRUE(data.all().empty());
}

}  // namespace
}  // namespace squadload::scenario
