#include "target/squad_api/stores/sqlite_database.h"

#include <fmt/core.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <utility>

namespace squadload::squad_api {
namespace {

// How long SQLite itself waits for a lock before we look whether to go on waiting.
constexpr int kBusySliceMs = 50;

// "SQld"; tells our files from other programs'.
constexpr std::int64_t kApplicationId = 0x53516c64;

// Step k makes version k + 1 of version k. Steps are never changed once released, only added.
constexpr std::array<const char*, 1> kSteps = {R"sql(
CREATE TABLE audit (
    row_id TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    request_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    status INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    attempts_text TEXT NOT NULL,
    fallback INTEGER NOT NULL,
    fallback_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    latency_ms REAL NOT NULL,
    queued_ms REAL NOT NULL,
    prompt TEXT
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_request_id ON audit (request_id);
CREATE TABLE turns (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX turns_conversation ON turns (user_id, agent, id);
CREATE INDEX turns_at ON turns (at_ms);
)sql"};

bool busy(int code) {
    const int primary = code & 0xff;
    return primary == SQLITE_BUSY || primary == SQLITE_LOCKED;
}

std::string why_not_opened(const std::string& path) {
    std::error_code ignored;
    const auto folder = std::filesystem::absolute(path, ignored).parent_path();
    if (std::filesystem::is_directory(path, ignored)) {
        return fmt::format("{} is a folder, not a file", path);
    }
    if (!std::filesystem::is_directory(folder, ignored)) {
        return fmt::format("cannot create {}: there is no folder {}", path, folder.string());
    }
    if (access(folder.c_str(), W_OK) != 0) {
        return fmt::format("cannot write {}: the folder {} is read-only", path, folder.string());
    }
    return fmt::format("cannot open {}", path);
}

std::string sentence(const std::string& path, int code, const char* words) {
    switch (code & 0xff) {
        case SQLITE_CANTOPEN:
            return why_not_opened(path);
        case SQLITE_READONLY:
            return fmt::format("cannot write {}: the file or its folder is read-only", path);
        case SQLITE_NOTADB:
            return fmt::format("{} is not an SQLite database", path);
        case SQLITE_CORRUPT:
            return fmt::format("{} is damaged ({})", path, words);
        case SQLITE_FULL:
            return fmt::format("cannot write {}: the disk is full", path);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return fmt::format("{} is in use by another program", path);
        default:
            return fmt::format("{}: {}", path, words);
    }
}

Error error_of(const std::string& path, sqlite3* database, int code) {
    const char* const words = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
    return Error{ErrorKind::io, sentence(path, code, words), std::nullopt};
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

void SqliteDatabase::Close::operator()(sqlite3* database) const {
    sqlite3_close_v2(database);
}

void SqliteStatement::bind(int parameter, std::string_view text) {
    // An empty view may hold no pointer, which would mean NULL.
    sqlite3_bind_text(statement_.get(), parameter, text.empty() ? "" : text.data(),
                      static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

void SqliteStatement::bind(int parameter, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), parameter, value);
}

void SqliteStatement::bind(int parameter, double value) {
    sqlite3_bind_double(statement_.get(), parameter, value);
}

void SqliteStatement::bind_null(int parameter) {
    sqlite3_bind_null(statement_.get(), parameter);
}

Result<bool> SqliteStatement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        reset();
        return false;
    }
    const int primary = code & 0xff;
    row_refused_ = primary == SQLITE_CONSTRAINT || primary == SQLITE_TOOBIG ||
                   primary == SQLITE_MISMATCH || primary == SQLITE_RANGE;
    Error error = error_of(path_, sqlite3_db_handle(statement_.get()), code);
    reset();
    return tl::unexpected(std::move(error));
}

Result<void> SqliteStatement::run() {
    while (true) {
        const Result<bool> row = step();
        if (!row) return tl::unexpected(row.error());
        if (!*row) return {};
    }
}

void SqliteStatement::reset() {
    sqlite3_reset(statement_.get());
}

std::string SqliteStatement::text(int column) const {
    const auto* const bytes = sqlite3_column_text(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    if (bytes == nullptr) return "";
    return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::int64_t SqliteStatement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

Result<SqliteDatabase> SqliteDatabase::open(const std::string& path, const Patience& patience) {
    SqliteDatabase opened;
    opened.path_ = path;
    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &raw,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    opened.database_.reset(raw);
    if (code != SQLITE_OK) return tl::unexpected(error_of(path, raw, code));
    sqlite3_extended_result_codes(raw, 1);
    sqlite3_busy_timeout(raw, kBusySliceMs);
    if (auto migrated = opened.migrate(patience); !migrated) {
        return tl::unexpected(migrated.error());
    }
    return opened;
}

Result<void> SqliteDatabase::execute(const std::string& sql) {
    const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return tl::unexpected(error_of(path_, database_.get(), code));
    return {};
}

Result<SqliteStatement> SqliteDatabase::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return tl::unexpected(error_of(path_, database_.get(), code));
    SqliteStatement statement;
    statement.statement_.reset(raw);
    statement.path_ = path_;
    return statement;
}

Result<void> SqliteDatabase::begin(const Patience& patience) {
    while (true) {
        const int code =
            sqlite3_exec(database_.get(), "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
        if (code == SQLITE_OK) return {};
        // SQLite has waited for kBusySliceMs.
        if (!busy(code) || mono_now() >= patience.until()) {
            return tl::unexpected(error_of(path_, database_.get(), code));
        }
    }
}

Result<void> SqliteDatabase::commit() {
    const Result<void> done = execute("COMMIT");
    if (!done) rollback();
    return done;
}

void SqliteDatabase::rollback() {
    if (sqlite3_get_autocommit(database_.get()) == 0) static_cast<void>(execute("ROLLBACK"));
}

Result<std::int64_t> SqliteDatabase::number(std::string_view sql) {
    Result<SqliteStatement> statement = prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    const Result<bool> row = statement->step();
    if (!row) return tl::unexpected(row.error());
    return *row ? statement->integer(0) : 0;
}

// One transaction, so that two processes may start together. The mode first: it cannot be changed
// inside one.
Result<void> SqliteDatabase::migrate(const Patience& patience) {
    const Result<std::int64_t> tables = number("SELECT count(*) FROM sqlite_master");
    const Result<std::int64_t> application = number("PRAGMA application_id");
    if (!tables) return tl::unexpected(tables.error());
    if (!application) return tl::unexpected(application.error());
    if (*tables > 0 && *application != kApplicationId) {
        return fail(ErrorKind::io, path_ + " is a database of another program");
    }
    while (true) {
        const Result<void> wal = execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
        if (wal) break;
        if (!busy(sqlite3_errcode(database_.get())) || mono_now() >= patience.until()) return wal;
    }
    if (auto begun = begin(patience); !begun) return begun;
    const Result<std::int64_t> version = number("PRAGMA user_version");
    if (!version) return tl::unexpected(version.error());
    constexpr auto kNewest = static_cast<std::int64_t>(kSteps.size());
    if (*version > kNewest) {
        rollback();
        return fail(
            ErrorKind::io,
            fmt::format("{} was written by a newer squad-api (schema {}, this one knows {})", path_,
                        *version, kNewest));
    }
    for (std::int64_t step = *version; step < kNewest; ++step) {
        const std::string sql =
            fmt::format("{}; PRAGMA user_version = {}; PRAGMA application_id = {}",
                        kSteps[static_cast<std::size_t>(step)], step + 1, kApplicationId);
        if (auto done = execute(sql); !done) {
            rollback();
            return done;
        }
    }
    return commit();
}

}  // namespace squadload::squad_api
