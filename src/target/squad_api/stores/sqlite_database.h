// A thin owner of one SQLite connection. Errors are sentences with the file's name and, where it
// is known, what to do. Used on one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "target/squad_api/stores/patience.h"

struct sqlite3;
struct sqlite3_stmt;

namespace squadload::squad_api {

// A prepared statement. Parameters count from 1, columns from 0.
class SqliteStatement {
  public:
    SqliteStatement() = default;
    void bind(int parameter, std::string_view text);
    void bind(int parameter, std::int64_t value);
    void bind(int parameter, double value);
    void bind_null(int parameter);
    // True: there is a row. False: done; reset for the next use.
    [[nodiscard]] Result<bool> step();
    // For a statement without rows.
    [[nodiscard]] Result<void> run();
    void reset();
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    // Why step() or run() failed last: the row, not the database.
    [[nodiscard]] bool row_refused() const { return row_refused_; }

  private:
    friend class SqliteDatabase;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    std::string path_;
    bool row_refused_ = false;
};

class SqliteDatabase {
  public:
    // Opens or creates the file, in WAL mode, with the schema of this version of squad-api; waits
    // for other processes that use it. Errors: the folder is missing or read-only, the file is no
    // database, another program's, damaged, or from a newer version, the disk is full.
    [[nodiscard]] static Result<SqliteDatabase> open(const std::string& path,
                                                     const Patience& patience);

    [[nodiscard]] Result<SqliteStatement> prepare(std::string_view sql);
    [[nodiscard]] Result<void> execute(const std::string& sql);
    // BEGIN IMMEDIATE, again while another connection writes.
    [[nodiscard]] Result<void> begin(const Patience& patience);
    [[nodiscard]] Result<void> commit();
    void rollback();

  private:
    [[nodiscard]] Result<void> migrate(const Patience& patience);
    [[nodiscard]] Result<std::int64_t> number(std::string_view sql);

    struct Close {
        void operator()(sqlite3* database) const;
    };
    std::unique_ptr<sqlite3, Close> database_;
    std::string path_;
};

}  // namespace squadload::squad_api
