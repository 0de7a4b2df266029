#include "run/outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace squadload::run {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Outputs only(std::string Outputs::* which, const std::string& path) {
    Outputs outputs;
    outputs.*which = path;
    return outputs;
}

class OutputsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        dir_ = ::testing::TempDir() + "/outputs_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::remove_all(dir_);
        std::filesystem::create_directories(dir_);
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }
    [[nodiscard]] std::string path(const std::string& name) const { return dir_ + "/" + name; }
    [[nodiscard]] static std::string content(const std::string& path) {
        std::ifstream in(path);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    std::string dir_;
};

TEST_F(OutputsTest, WritesWhatWasNamedIntoNewFoldersAndReplacesIt) {
    Outputs outputs;
    outputs.html = path("page.html");
    outputs.junit = path("a/b/junit.xml");
    outputs.markdown = path("s.md");
    for (int i = 0; i < 2; ++i) {
        std::vector<Error> errors;
        ASSERT_TRUE(check_outputs(outputs));
        EXPECT_THAT(write_outputs({}, outputs, errors),
                    ElementsAre(outputs.html, outputs.junit, outputs.markdown));
        EXPECT_THAT(errors, IsEmpty());
    }
    EXPECT_THAT(content(outputs.html), StartsWith("<!doctype html>"));
    EXPECT_THAT(content(outputs.junit), StartsWith("<?xml"));
    EXPECT_THAT(content(outputs.junit), EndsWith("</testsuites>\n"));
    EXPECT_THAT(content(outputs.markdown), StartsWith("## "));
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_))
        if (entry.is_regular_file()) ++files;
    EXPECT_EQ(files, 3U);  // nothing temporary stays
}

TEST_F(OutputsTest, CsvFilesOfSeveralScenariosCarryTheirNames) {
    result::RunResult run;
    run.scenarios.resize(2);
    run.scenarios[0].name = "a/b";
    run.scenarios[1].name = "spike";
    std::vector<Error> errors;
    const auto paths = write_outputs(run, only(&Outputs::csv, path("out")), errors);
    EXPECT_EQ(paths.size(), 8U);
    EXPECT_EQ(paths.front(), path("out_a_b_stats.csv"));
    EXPECT_EQ(paths.back(), path("out_spike_exceptions.csv"));
    EXPECT_EQ(content(paths.back()), "Count,Message,Traceback,Nodes\r\n");
}

TEST_F(OutputsTest, TheStepSummaryIsAddedTo) {
    std::ofstream(path("summary")) << "before\n";
    std::vector<Error> errors;
    EXPECT_THAT(write_outputs({}, only(&Outputs::step_summary, path("summary")), errors),
                IsEmpty());
    EXPECT_THAT(content(path("summary")), StartsWith("before\n## "));
}

TEST_F(OutputsTest, AFolderOrAFileInTheWayIsFoundBeforeTheRun) {
    EXPECT_THAT(check_outputs(only(&Outputs::junit, dir_)).error().message,
                HasSubstr("it is a folder"));
    std::ofstream(path("file")) << "x";
    EXPECT_THAT(check_outputs(only(&Outputs::markdown, path("file/x.md"))).error().message,
                HasSubstr("is a file, not a folder"));
}

TEST_F(OutputsTest, OneThatCannotBeWrittenDoesNotKeepTheOthersBack) {
    std::vector<Error> errors;
    Outputs outputs;
    outputs.junit = outputs.step_summary = dir_;
    outputs.markdown = path("s.md");
    EXPECT_THAT(write_outputs({}, outputs, errors), ElementsAre(path("s.md")));
    ASSERT_EQ(errors.size(), 2U);
    EXPECT_THAT(errors[0].message, StartsWith("cannot write "));
}

}  // namespace
}  // namespace squadload::run
