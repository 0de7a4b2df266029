#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/server_process.h"
#include "target/squad_api/stores/loop_for_test.h"
#include "target/squad_api/stores/sqlite_audit.h"
#include "target/squad_api/stores/sqlite_database.h"
#include "target/squad_api/stores/sqlite_history.h"

namespace squadload::squad_api {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

Patience patience_of(Nanos duration = seconds(30)) {
    Patience patience;
    patience.deadline = mono_now() + duration;
    return patience;
}

class SqliteFile : public testing::Test {
  protected:
    std::int64_t number(const std::string& sql) {
        auto database = SqliteDatabase::open(path_, patience_of());
        EXPECT_TRUE(database) << database.error().message;
        auto statement = database->prepare(sql);
        EXPECT_TRUE(statement) << statement.error().message;
        const auto row = statement->step();
        EXPECT_TRUE(row && *row);
        return statement->integer(0);
    }
    // Turns of "u" and "a", as "role:text role:text".
    std::string conversation(History& history, std::size_t turns, const std::string& user = "u") {
        std::string text;
        for (const Turn& turn :
             result_of(io_, history.last(user, "a", turns, mono_now() + seconds(30)))) {
            text += (text.empty() ? "" : " ") + turn.role + ":" + turn.text;
        }
        return text;
    }

    asio::io_context io_;
    test_support::TemporaryFolder folder_;
    std::string path_ = (folder_.path() / "squad.db").string();
};

AuditRow full_row() {
    AuditRow row;
    row.at = WallTime{milliseconds(1'790'000'000'123)};
    row.request_id = "req-1";
    row.user_id = std::string("u\0\xff'", 4);
    row.agent = "travel_planner";
    row.endpoint = "/agents/chat";
    row.status = 200;
    row.outcome = "ok";
    row.provider = "cerebras";
    row.model = "m";
    row.attempts = 2;
    row.attempts_text = "groq=429, cerebras=ok";
    row.fallback = true;
    row.fallback_reason = "429";
    row.prompt_tokens = 12;
    row.completion_tokens = 34;
    row.latency = std::chrono::microseconds(1500);
    row.queued = milliseconds(7);
    return row;
}

TEST_F(SqliteFile, AnAuditRowHasAllItsColumns) {
    auto sink = open_sqlite_audit(path_);
    ASSERT_TRUE(sink) << sink.error().message;
    EXPECT_EQ((*sink)->health().status, StoreStatus::up);
    EXPECT_EQ((*sink)->health().kind, "sqlite");
    (*sink)->add(full_row());
    (*sink)->close(seconds(30));
    EXPECT_EQ((*sink)->counters().written, 1U);
    auto database = SqliteDatabase::open(path_, patience_of());
    ASSERT_TRUE(database);
    auto row = database->prepare(
        "SELECT at, status, attempts, fallback, prompt_tokens, latency_ms * 1000, queued_ms, "
        "prompt IS NULL, agent, attempts_text, length(CAST(user_id AS BLOB)), typeof(latency_ms) "
        "FROM audit");
    ASSERT_TRUE(row);
    ASSERT_TRUE(*row->step());
    EXPECT_EQ(row->text(0), "2026-09-21T14:13:20.123Z");
    EXPECT_EQ(row->integer(1), 200);
    EXPECT_EQ(row->integer(2), 2);
    EXPECT_EQ(row->integer(3), 1);
    EXPECT_EQ(row->integer(4), 12);
    EXPECT_EQ(row->integer(5), 1500);
    EXPECT_EQ(row->integer(6), 7);
    EXPECT_EQ(row->integer(7), 1);
    EXPECT_EQ(row->text(8), "travel_planner");
    EXPECT_EQ(row->text(9), "groq=429, cerebras=ok");
    EXPECT_EQ(row->integer(10), 4);
    EXPECT_EQ(row->text(11), "real");
}

TEST_F(SqliteFile, TheSameRequestIdTwiceIsTwoRows) {
    auto sink = open_sqlite_audit(path_);
    ASSERT_TRUE(sink);
    (*sink)->add(full_row());
    (*sink)->add(full_row());
    (*sink)->close(seconds(30));
    EXPECT_EQ(number("SELECT count(*) FROM audit"), 2);
}

TEST_F(SqliteFile, AnotherConnectionThatWritesIsWaitedFor) {
    AuditWriterOptions options;
    options.linger = milliseconds(1);
    auto sink = open_sqlite_audit(path_, options);
    ASSERT_TRUE(sink);
    auto other = SqliteDatabase::open(path_, patience_of());
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->begin(patience_of()));
    (*sink)->add(full_row());
    ASSERT_TRUE(
        turn_until(io_, [&, at = mono_now()] { return mono_now() > at + milliseconds(120); }));
    EXPECT_EQ((*sink)->counters().written, 0U);
    EXPECT_EQ((*sink)->counters().queued, 1U);
    ASSERT_TRUE(other->commit());
    (*sink)->close(seconds(30));
    EXPECT_EQ((*sink)->counters().written, 1U);
}

TEST_F(SqliteFile, ALockThatStaysCountsAsDown) {
    AuditWriterOptions options;
    options.linger = milliseconds(1);
    options.write_timeout = milliseconds(1);
    options.backoff_max = milliseconds(10);
    auto sink = open_sqlite_audit(path_, options);
    ASSERT_TRUE(sink);
    auto other = SqliteDatabase::open(path_, patience_of());
    ASSERT_TRUE(other->begin(patience_of()));
    (*sink)->add(full_row());
    ASSERT_TRUE(turn_until(io_, [&] { return (*sink)->health().status == StoreStatus::down; }));
    EXPECT_NE((*sink)->health().detail.find("in use by another program"), std::string::npos);
    ASSERT_TRUE(other->commit());
    ASSERT_TRUE(turn_until(io_, [&] { return (*sink)->counters().written == 1; }));
    EXPECT_EQ((*sink)->health().status, StoreStatus::up);
    EXPECT_GE((*sink)->health().losses, 1U);
}

// In a process of its own, which may not write files beyond a size: what a full disk looks like.
TEST_F(SqliteFile, AFullDiskIsSaidAndCounted) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        AuditWriterOptions options;
        options.linger = milliseconds(1);
        options.backoff_max = milliseconds(5);
        auto sink = open_sqlite_audit(path_, options);
        if (!sink) _exit(1);
        const rlimit limit{400'000, 400'000};
        setrlimit(RLIMIT_FSIZE, &limit);
        for (int i = 0; i < 100; ++i) {
            AuditRow row = full_row();
            row.prompt = std::string(20'000, 'x');
            (*sink)->add(std::move(row));
        }
        if (!turn_until(io_, [&] { return (*sink)->health().status == StoreStatus::down; })) {
            _exit(2);
        }
        (*sink)->close(milliseconds(50));
        const AuditCounters counters = (*sink)->counters();
        const bool accounted = counters.written + counters.dropped == 100 && counters.dropped > 0;
        _exit(accounted && !(*sink)->health().detail.empty() ? 0 : 3);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_LT(number("SELECT count(*) FROM audit"), 100);
}

TEST_F(SqliteFile, MistakesShowAtStart) {
    const auto error = [](const std::string& path) {
        const auto sink = open_sqlite_audit(path);
        return sink ? std::string() : sink.error().message;
    };
    EXPECT_EQ(error("/nowhere/at/all/x.db"),
              "cannot create /nowhere/at/all/x.db: there is no folder /nowhere/at/all");
    const std::string folder = folder_.path().string();
    EXPECT_EQ(error(folder), folder + " is a folder, not a file");
    std::ofstream(path_) << std::string(5000, 'x');
    EXPECT_EQ(error(path_), path_ + " is not an SQLite database");
}

// As somebody else than root, who may write everywhere.
TEST_F(SqliteFile, AReadOnlyFolderIsSaid) {
    const auto user = test_support::user_instead_of_root();
    if (user) {
        ASSERT_EQ(chown(folder_.path().c_str(), user->uid, user->gid), 0);
    }
    ASSERT_EQ(chmod(folder_.path().c_str(), 0500), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (user && setuid(user->uid) != 0) _exit(2);
        const auto sink = open_sqlite_audit(path_);
        _exit(!sink && sink.error().message.ends_with("is read-only") ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(chmod(folder_.path().c_str(), 0700), 0);
    EXPECT_EQ(status, 0);
}

TEST_F(SqliteFile, ADamagedFileIsSaid) {
    {
        auto sink = open_sqlite_audit(path_);
        ASSERT_TRUE(sink);
        for (int i = 0; i < 200; ++i) (*sink)->add(full_row());
        (*sink)->close(seconds(30));
    }
    ASSERT_TRUE(
        SqliteDatabase::open(path_, patience_of())->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file << std::string(8000, 'x');
    file.close();
    const auto sink = open_sqlite_audit(path_);
    ASSERT_FALSE(sink);
    EXPECT_NE(sink.error().message.find("is damaged"), std::string::npos) << sink.error().message;
}

TEST_F(SqliteFile, AnotherProgramsDatabaseAndANewerOneAreLeftAlone) {
    {
        auto mine = SqliteDatabase::open(path_, patience_of());
        ASSERT_TRUE(mine);
        ASSERT_TRUE(mine->execute("PRAGMA user_version = 99"));
    }
    const auto newer = open_sqlite_audit(path_);
    ASSERT_FALSE(newer);
    EXPECT_NE(newer.error().message.find("newer squad-api (schema 99"), std::string::npos);
    ASSERT_FALSE(SqliteDatabase::open(path_, patience_of()));
    std::filesystem::remove(path_);
    {
        auto mine = SqliteDatabase::open(path_, patience_of());
        ASSERT_TRUE(mine->execute("PRAGMA application_id = 1"));
    }
    const auto other = open_sqlite_audit(path_);
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("another program"), std::string::npos);
}

TEST_F(SqliteFile, TwoProcessesMayStartTogether) {
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        children.push_back(fork());
        if (children.back() != 0) continue;
        auto sink = open_sqlite_audit(path_);
        if (!sink) _exit(1);
        for (int k = 0; k < 50; ++k) (*sink)->add(full_row());
        (*sink)->close(seconds(30));
        _exit((*sink)->counters().written == 50 ? 0 : 2);
    }
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(number("SELECT count(*) FROM audit"), 200);
    EXPECT_EQ(number("PRAGMA user_version"), 1);
}

// --- history

TEST_F(SqliteFile, AConversationIsKeptInOrderAndApart) {
    auto history = open_sqlite_history(path_);
    ASSERT_TRUE(history) << history.error().message;
    EXPECT_EQ(conversation(**history, 10), "");
    (*history)->append("u", "a", {{"user", "1"}, {"assistant", "2"}}, wall_now());
    (*history)->append("v", "a", {{"user", "other"}}, wall_now());
    (*history)->append("u", "a", {{"user", "3"}, {"assistant", "4"}}, wall_now());
    ASSERT_TRUE(turn_until(io_, [&] {
        return conversation(**history, 10) == "user:1 assistant:2 user:3 assistant:4";
    }));
    EXPECT_EQ(conversation(**history, 2), "user:3 assistant:4");
    EXPECT_EQ(conversation(**history, 0), "");
    (*history)->close(seconds(30));
    EXPECT_EQ((*history)->counters().appended, 5U);
    EXPECT_EQ((*history)->counters().dropped, 0U);
    EXPECT_EQ((*history)->counters().failed_reads, 0U);
    EXPECT_EQ(conversation(**history, 10), "");  // closed
    EXPECT_EQ((*history)->counters().failed_reads, 1U);
    auto again = open_sqlite_history(path_);
    ASSERT_TRUE(again);
    EXPECT_EQ(conversation(**again, 3), "assistant:2 user:3 assistant:4");
}

TEST_F(SqliteFile, OldTurnsGo) {
    SqliteHistoryOptions options;
    options.max_turns = 3;
    auto history = open_sqlite_history(path_, options);
    ASSERT_TRUE(history);
    for (int i = 0; i < 10; ++i) {
        (*history)->append("u", "a", {{"user", std::to_string(i)}}, wall_now());
    }
    (*history)->append("v", "a", {{"user", "ancient"}}, wall_now() - hours(24 * 31));
    (*history)->close(seconds(30));
    EXPECT_EQ(number("SELECT count(*) FROM turns WHERE user_id = 'u'"), 3);
    // A purge comes soon after the start.
    auto again = open_sqlite_history(path_, options);
    EXPECT_EQ(conversation(**again, 10), "user:7 user:8 user:9");
    (*again)->close(seconds(30));
    EXPECT_EQ(number("SELECT count(*) FROM turns"), 3);
}

TEST_F(SqliteFile, HistoryThatCannotBeWrittenIsDroppedAndReadingGoesOn) {
    SqliteHistoryOptions options;
    options.busy_timeout = milliseconds(10);
    auto history = open_sqlite_history(path_, options);
    ASSERT_TRUE(history);
    (*history)->append("u", "a", {{"user", "1"}}, wall_now());
    ASSERT_TRUE(turn_until(io_, [&] { return conversation(**history, 10) == "user:1"; }));
    auto other = SqliteDatabase::open(path_, patience_of());
    ASSERT_TRUE(other->begin(patience_of()));
    (*history)->append("u", "a", {{"user", "2"}, {"assistant", "3"}}, wall_now());
    ASSERT_TRUE(turn_until(io_, [&] { return (*history)->counters().dropped == 2; }));
    EXPECT_EQ((*history)->health().status, StoreStatus::down);
    ASSERT_TRUE(other->commit());
    EXPECT_EQ(conversation(**history, 10), "user:1");
    EXPECT_EQ((*history)->health().status, StoreStatus::up);
    EXPECT_EQ((*history)->health().losses, 1U);
}

TEST_F(SqliteFile, AReadEndsAtItsDeadline) {
    auto history = open_sqlite_history(path_);
    ASSERT_TRUE(history);
    EXPECT_TRUE(result_of(io_, (*history)->last("u", "a", 5, mono_now())).empty());
    EXPECT_EQ((*history)->counters().failed_reads, 1U);
}

}  // namespace
}  // namespace squadload::squad_api
