#include "report/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace squadload::report {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string content(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

class Files : public ::testing::Test {
  protected:
    Files()
        : root_(fs::path(::testing::TempDir()) / ("report_files_" + std::to_string(::getpid()))) {
        fs::remove_all(root_);
        fs::create_directories(root_);
    }
    ~Files() override { fs::remove_all(root_); }

    [[nodiscard]] std::string dir(const std::string& name) const { return (root_ / name).string(); }
    [[nodiscard]] static std::size_t entries(const std::string& dir) {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
    }

  private:
    fs::path root_;
};

result::RunResult named(const std::string& command) {
    result::RunResult run;
    run.command = command;
    return run;
}

TEST_F(Files, MetricsAreWrittenWholeAndNeverOverwritten) {
    const std::string out = dir("new/folder");
    const auto first = write_metrics(named("first"), out, "20261123_091500");
    const auto second = write_metrics(named("second"), out, "20261123_091500");
    const auto third = write_metrics(named("third"), out, "20261123_091500");
    ASSERT_TRUE(first && second && third);
    EXPECT_EQ(*first, out + "/load_test_metrics_20261123_091500.json");
    EXPECT_EQ(*second, out + "/load_test_metrics_20261123_091500_2.json");
    EXPECT_EQ(*third, out + "/load_test_metrics_20261123_091500_3.json");
    EXPECT_EQ(content(*first), result::to_json(named("first")));
    EXPECT_EQ(content(*third), result::to_json(named("third")));
    EXPECT_EQ(entries(out), 3U) << "no temporary file is left";
}

TEST_F(Files, ThePageStandsBesideItsMetricsFile) {
    const auto metrics = dir("out") + "/load_test_metrics_20261123_091500_2.json";
    const auto page = dir("out") + "/locust_report_20261123_091500_2";
    EXPECT_EQ(write_page(named("x"), metrics).value(), page + ".html");
    EXPECT_EQ(write_page(named("x"), metrics).value(), page + "_2.html");
}

TEST_F(Files, ADanglingLinkIsNotFollowed) {
    const std::string out = dir("links");
    fs::create_directories(out);
    fs::create_symlink(dir("elsewhere"), out + "/load_test_metrics_s.json");
    const auto path = write_metrics(named("x"), out, "s");
    ASSERT_TRUE(path);
    EXPECT_EQ(*path, out + "/load_test_metrics_s_2.json");
    EXPECT_FALSE(fs::exists(dir("elsewhere")));
}

TEST_F(Files, AFileInTheWayIsOneSentence) {
    std::ofstream(dir("taken")) << "x";
    for (const auto& bad : {dir("taken"), dir("taken/below")}) {
        const auto path = write_metrics(named("x"), bad, "s");
        ASSERT_FALSE(path);
        EXPECT_EQ(path.error().kind, ErrorKind::io);
        EXPECT_THAT(path.error().message, StartsWith("cannot make the folder " + bad + ": "));
        EXPECT_THAT(path.error().message, HasSubstr("choose another with --output-dir"));
        EXPECT_FALSE(SeriesLog::open(bad, "s"));
    }
}

TEST_F(Files, AFolderThatCannotBeWrittenIsOneSentence) {
    if (::geteuid() == 0) {
        // Root may write anywhere but here.
        const auto path = write_metrics(named("x"), "/proc/self", "s");
        ASSERT_FALSE(path);
        EXPECT_THAT(path.error().message,
                    StartsWith("cannot write /proc/self/load_test_metrics_s.json: "));
        return;
    }
    const std::string out = dir("locked");
    fs::create_directories(out);
    ::chmod(out.c_str(), 0555);
    const auto path = write_metrics(named("x"), out, "s");
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().message,
              "cannot write " + out +
                  "/load_test_metrics_s.json: Permission denied; choose another folder with "
                  "--output-dir");
    const auto log = SeriesLog::open(out, "s");
    ASSERT_FALSE(log);
    EXPECT_THAT(log.error().message, HasSubstr("load_test_series_s.ndjson: Permission denied"));
}

TEST_F(Files, TheSeriesIsThereWhileTheRunGoes) {
    const std::string out = dir("series");
    auto log = SeriesLog::open(out, "s");
    ASSERT_TRUE(log);
    EXPECT_EQ(log->path(), out + "/load_test_series_s.ndjson");
    measure::SeriesPoint point;
    point.second = 7;
    log->append("spike", point);
    EXPECT_EQ(content(log->path()), result::series_line("spike", point) + "\n")
        << "flushed before the end";
    log->append("spike", point);
    const SeriesLog moved = std::move(*log);
    EXPECT_TRUE(fs::exists(moved.path()));
    auto other = SeriesLog::open(out, "s");
    ASSERT_TRUE(other);
    EXPECT_EQ(other->path(), out + "/load_test_series_s_2.ndjson");
    other->finish();
    other->append("late", point);
    other->finish();
    EXPECT_FALSE(fs::exists(other->path()));
    EXPECT_EQ(entries(out), 1U);
}

}  // namespace
}  // namespace squadload::report
