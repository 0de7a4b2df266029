#include "target/providers/arrival_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace squadload::providers {
namespace {

class ArrivalFileTest : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = std::filesystem::path(testing::TempDir()) /
                  ("arrivals-" +
                   std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
                   std::to_string(::getpid()));
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::string path(const char* name) const { return (folder_ / name).string(); }
    static std::string content(const std::string& file) {
        std::ifstream in(file);
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }

    std::filesystem::path folder_;
};

TEST_F(ArrivalFileTest, HoldsEveryLineInOrder) {
    auto file = ArrivalFile::create(path("log.ndjson"));
    ASSERT_TRUE(file) << file.error().text();
    std::string expected;
    for (int i = 0; i < 50'000; ++i) {  // several blocks
        const std::string line = "{\"seq\":" + std::to_string(i) + "}\n";
        (*file)->add(line);
        expected += line;
    }
    EXPECT_EQ((*file)->counts().lines, 50'000u);
    (*file)->close("{\"log\":{}}\n");
    expected += "{\"log\":{}}\n";
    EXPECT_EQ(content(path("log.ndjson")), expected);
    EXPECT_EQ((*file)->counts().dropped, 0u);
}

TEST_F(ArrivalFileTest, IsNeverOverwritten) {
    std::ofstream(path("old.ndjson")) << "precious\n";
    const auto file = ArrivalFile::create(path("old.ndjson"));
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().message,
              path("old.ndjson") + " is there already: name another file or remove it");
    EXPECT_EQ(content(path("old.ndjson")), "precious\n");
    EXPECT_FALSE(ArrivalFile::create(path("no/such/folder/log.ndjson")));
}

TEST_F(ArrivalFileTest, WhatTheDiskRefusesIsCounted) {
    auto file = ArrivalFile::create(path("log.ndjson"));
    ASSERT_TRUE(file);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1'000, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 3; ++i) {
        (*file)->add(std::string(999, 'x') + '\n');
        (*file)->flush();
    }
    (*file)->close("");
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    static_cast<void>(std::signal(SIGXFSZ, handler));
    EXPECT_EQ((*file)->counts().lines, 3u);
    EXPECT_EQ((*file)->counts().dropped, 2u);
    EXPECT_EQ(std::filesystem::file_size(path("log.ndjson")), 1'000u);
}

}  // namespace
}  // namespace squadload::providers
