#include "target/squad_api/stores/open_stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "support/server_process.h"

namespace squadload::squad_api {
namespace {

using testing::HasSubstr;
using testing::Not;

class OpenStoresTest : public testing::Test {
  protected:
    asio::io_context io{1};
    test_support::TemporaryFolder folder;
    std::filesystem::path file = folder.path() / "audit.db";
    Config config;
};

TEST_F(OpenStoresTest, NothingNamedIsNothingOpened) {
    const auto stores = open_stores(io.get_executor(), config);
    ASSERT_TRUE(stores);
    EXPECT_FALSE(stores->limiter);
    EXPECT_FALSE(stores->audit);
    EXPECT_FALSE(stores->history);
    EXPECT_EQ(close_stores(*stores, Nanos::zero()), "");
}

TEST_F(OpenStoresTest, SqliteKeepsTheAuditLogAndConversations) {
    config.stores.sqlite = file.string();
    const auto stores = open_stores(io.get_executor(), config);
    ASSERT_TRUE(stores) << stores.error().message;
    EXPECT_FALSE(stores->limiter);
    EXPECT_EQ(stores->audit->health().kind, "sqlite");
    EXPECT_EQ(stores->history->health().kind, "sqlite");
    stores->audit->add({});
    EXPECT_EQ(close_stores(*stores, std::chrono::seconds(10)), "");
    EXPECT_EQ(stores->audit->counters().written, 1U);
}

TEST_F(OpenStoresTest, ServersTakeTheirPartsFromSqlite) {
    config.stores.redis_url = "redis://127.0.0.1:1";
    config.stores.postgres_url = "postgresql://squad@127.0.0.1:1/squad?connect_timeout=2";
    config.stores.sqlite = file.string();
    const auto stores = open_stores(io.get_executor(), config);
    ASSERT_TRUE(stores) << stores.error().message;
    EXPECT_EQ(stores->limiter->health().kind, "redis");
    EXPECT_EQ(stores->history->health().kind, "redis");
    EXPECT_EQ(stores->audit->health().kind, "postgres");
    EXPECT_FALSE(std::filesystem::exists(file));  // nothing is left for it
    stores->audit->add({});
    EXPECT_EQ(close_stores(*stores, Nanos::zero()), "1 of 1 audit rows were dropped");
}

TEST_F(OpenStoresTest, ConversationsThatAreNotUsedAreNotKept) {
    config.history_turns = 0;
    config.stores.sqlite = file.string();
    const auto stores = open_stores(io.get_executor(), config);
    ASSERT_TRUE(stores);
    EXPECT_FALSE(stores->history);
    static_cast<void>(close_stores(*stores, Nanos::zero()));
}

TEST_F(OpenStoresTest, MistakesNameTheirKeyAndNoSecret) {
    config.stores.redis_url = "rediss://user:hunter2@127.0.0.1";
    auto stores = open_stores(io.get_executor(), config);
    ASSERT_FALSE(stores);
    EXPECT_EQ(stores.error().kind, ErrorKind::config);
    config.stores.redis_mark = SourceMark{"squad.yaml", 7, 3};
    EXPECT_EQ(open_stores(io.get_executor(), config).error().text().find("squad.yaml:7:3: "), 0U);
    EXPECT_THAT(stores.error().message, HasSubstr("stores.redis_url: "));
    EXPECT_THAT(stores.error().message, Not(HasSubstr("hunter2")));

    config.stores = {};
    config.stores.postgres_url = "postgresql://squad:hunter2@[::1/squad";
    stores = open_stores(io.get_executor(), config);
    ASSERT_FALSE(stores);
    EXPECT_THAT(stores.error().message, HasSubstr("stores.postgres_url: "));
    EXPECT_THAT(stores.error().message, Not(HasSubstr("hunter2")));

    config.stores = {};
    config.stores.sqlite = "/nowhere/at/all.db";
    stores = open_stores(io.get_executor(), config);
    ASSERT_FALSE(stores);
    EXPECT_THAT(stores.error().message, HasSubstr("stores.sqlite: "));
}

}  // namespace
}  // namespace squadload::squad_api
