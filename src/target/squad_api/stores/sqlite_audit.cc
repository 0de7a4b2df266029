#include "target/squad_api/stores/sqlite_audit.h"

#include <optional>
#include <utility>

#include "target/squad_api/stores/audit_columns.h"
#include "target/squad_api/stores/sqlite_database.h"

namespace squadload::squad_api {
namespace {

class SqliteAudit final : public AuditBackend {
  public:
    explicit SqliteAudit(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] std::string kind() const override { return "sqlite"; }
    [[nodiscard]] std::string where() const override { return path_; }
    [[nodiscard]] Result<void> open(const Patience& patience) override;
    [[nodiscard]] Result<std::size_t> write(std::span<const StoredRow> rows,
                                            const Patience& patience) override;
    void close() override {
        insert_.reset();
        database_.reset();
    }

  private:
    [[nodiscard]] Result<void> insert(const StoredRow& row);

    std::string path_;
    std::optional<SqliteDatabase> database_;
    std::optional<SqliteStatement> insert_;
};

Result<void> SqliteAudit::open(const Patience& patience) {
    Result<SqliteDatabase> opened = SqliteDatabase::open(path_, patience);
    if (!opened) return tl::unexpected(opened.error());
    std::string places = "?";
    for (std::size_t i = 1; i < kAuditColumns.size(); ++i) places += ", ?";
    Result<SqliteStatement> insert =
        opened->prepare("INSERT INTO audit (" + audit_column_list() + ") VALUES (" + places +
                        ") ON CONFLICT (row_id) DO NOTHING");
    if (!insert) return tl::unexpected(insert.error());
    database_ = std::move(*opened);
    insert_ = std::move(*insert);
    return {};
}

Result<std::size_t> SqliteAudit::write(std::span<const StoredRow> rows, const Patience& patience) {
    if (auto begun = database_->begin(patience); !begun) return tl::unexpected(begun.error());
    std::size_t rejected = 0;
    for (const StoredRow& row : rows) {
        const Result<void> stored = insert(row);
        if (stored) continue;
        if (!insert_->row_refused()) {
            database_->rollback();
            return tl::unexpected(stored.error());
        }
        ++rejected;
    }
    if (auto done = database_->commit(); !done) return tl::unexpected(done.error());
    return rejected;
}

// Numbers come as text; the columns' affinity makes numbers of them again.
Result<void> SqliteAudit::insert(const StoredRow& row) {
    const AuditValues values = audit_values(row);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const int parameter = static_cast<int>(i) + 1;
        if (values[i]) {
            insert_->bind(parameter, *values[i]);
        } else {
            insert_->bind_null(parameter);
        }
    }
    return insert_->run();
}

}  // namespace

Result<std::unique_ptr<AuditSink>> open_sqlite_audit(const std::string& path,
                                                     const AuditWriterOptions& options) {
    auto backend = std::make_unique<SqliteAudit>(path);
    Patience patience;
    patience.deadline = mono_now() + options.open_timeout;
    if (auto opened = backend->open(patience); !opened) {
        return tl::unexpected(Error{ErrorKind::config, opened.error().message, std::nullopt});
    }
    return std::make_unique<AuditWriter>(std::move(backend), options, true);
}

}  // namespace squadload::squad_api
