#include "cli/audit.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "arrivals/arrival.h"

namespace squadload::cli {
namespace {

using ::testing::HasSubstr;

class Audit : public ::testing::Test {
  protected:
    Audit() { std::filesystem::create_directories(folder_); }
    ~Audit() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name, const std::string& text) const {
        const auto path = folder_ / name;
        std::ofstream(path) << text;
        return path.string();
    }
    std::string log(int calls) const {
        std::string text;
        for (int i = 1; i <= calls; ++i) {
            arrivals::Arrival a;
            a.seq = static_cast<std::uint64_t>(i);
            a.at = std::chrono::milliseconds{i};
            a.provider = "groq";
            a.status = 200;
            a.done = a.at + std::chrono::milliseconds{5};
            arrivals::to_line(a, text);
        }
        return text;
    }
    Result<int> run(const std::string& log, const std::string& declared = "") const {
        const int null = ::open("/dev/null", O_WRONLY);
        const run::Terminal terminal(
            null, null, [](const std::string&) { return std::optional<std::string>(); });
        auto code = audit(log, declared, terminal);
        ::close(null);
        return code;
    }

    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() /
        ("audit_test_" + std::to_string(::getpid()) +
         ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

constexpr const char* kFive =
    R"({"providers":[{"name":"groq","limits":{"requests":5,"window_s":60}}]})";

TEST_F(Audit, AKeptLimitIsZeroABrokenOneOne) {
    const auto declared = file("d.json", kFive);
    EXPECT_EQ(run(file("five", log(5)), declared), 0);
    EXPECT_EQ(run(file("six", log(6)), declared), 1);
    EXPECT_EQ(run(file("six", log(6))), 0) << "nothing is declared, nothing is broken";
}

TEST_F(Audit, WhatCannotBeReadIsSaid) {
    const std::string good = log(3);
    const std::pair<std::string, const char*> cases[] = {
        {"/nowhere/at/all", "No such file"},
        {folder_.string(), "is a folder"},
        {file("empty", ""), "holds no arrival"},
        {file("cut", good.substr(0, good.size() - 40)), "cut:3:1: the last line is cut off"},
        {file("other", "{\"a\":1}\n"), "other:1:1"},
        {file("twice", good + good), "twice:4:1: seq 1 comes after seq 3"},
    };
    for (const auto& [path, sentence] : cases) {
        const auto code = run(path);
        ASSERT_FALSE(code) << path;
        EXPECT_THAT(code.error().text(), HasSubstr(sentence));
    }
    const auto declared = run(file("log", good), file("wrong.json", "[]"));
    ASSERT_FALSE(declared);
    EXPECT_THAT(declared.error().text(), HasSubstr("wrong.json"));
}

}  // namespace
}  // namespace squadload::cli
