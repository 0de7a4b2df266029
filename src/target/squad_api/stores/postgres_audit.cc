#include "target/squad_api/stores/postgres_audit.h"

#include <fmt/core.h>

#include <array>
#include <map>
#include <utility>

#include "base/utf8.h"
#include "target/squad_api/stores/audit_columns.h"
#include "target/squad_api/stores/postgres_connection.h"

namespace squadload::squad_api {
namespace {

// Of the advisory lock; "squadapi" in ASCII. Other programs' locks have other numbers.
constexpr const char* kLock = "8318559047886401641";

// Step k makes version k + 1 of version k. Steps are never changed once released, only added.
constexpr std::array<const char*, 1> kSteps = {R"sql(
CREATE TABLE squad_audit (
    row_id text PRIMARY KEY,
    at timestamptz NOT NULL,
    request_id text NOT NULL,
    user_id text NOT NULL,
    agent text NOT NULL,
    endpoint text NOT NULL,
    status integer NOT NULL,
    outcome text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    attempts integer NOT NULL,
    attempts_text text NOT NULL,
    fallback boolean NOT NULL,
    fallback_reason text NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    latency_ms double precision NOT NULL,
    queued_ms double precision NOT NULL,
    prompt text
);
CREATE INDEX squad_audit_at ON squad_audit (at);
CREATE INDEX squad_audit_request_id ON squad_audit (request_id);
)sql"};
constexpr int kNewest = static_cast<int>(kSteps.size());

// Errors that lie in a row: data exceptions, integrity constraints, limits of the program.
bool of_the_row(const std::string& sqlstate) {
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("54");
}

// Bytes of the character at `i` that PostgreSQL stores; 0 when there is none.
std::size_t storable_length(std::string_view text, std::size_t i) {
    return text[i] == '\0' ? 0 : utf8_length(text.substr(i));
}

class PostgresAudit final : public AuditBackend {
  public:
    PostgresAudit(std::string url, std::string place)
        : url_(std::move(url)), place_(std::move(place)) {}

    [[nodiscard]] std::string kind() const override { return "postgres"; }
    [[nodiscard]] std::string where() const override { return place_; }
    [[nodiscard]] Result<void> open(const Patience& patience) override;
    [[nodiscard]] Result<std::size_t> write(std::span<const StoredRow> rows,
                                            const Patience& patience) override;
    void close() override { connection_.close(); }
    [[nodiscard]] int descriptor() const override { return connection_.descriptor(); }
    [[nodiscard]] Result<void> look() override { return connection_.look(); }

  private:
    [[nodiscard]] Result<int> version(const Patience& patience);
    [[nodiscard]] Result<void> migrate(const Patience& patience);
    [[nodiscard]] Result<void> run(const std::string& sql, const Patience& patience);
    [[nodiscard]] Result<void> insert(std::span<const StoredRow> rows, const Patience& patience);
    [[nodiscard]] const std::string& insert_sql(std::size_t rows);

    std::string url_;  // secret
    std::string place_;
    PostgresConnection connection_;
    std::map<std::size_t, std::string> inserts_;  // by number of rows
};

Result<void> PostgresAudit::run(const std::string& sql, const Patience& patience) {
    const auto done = connection_.query(sql, patience);
    if (!done) return tl::unexpected(done.error());
    return {};
}

Result<void> PostgresAudit::open(const Patience& patience) {
    if (auto connected = connection_.connect(url_, patience); !connected) return connected;
    // The server gives up, too, should we have gone.
    if (auto set = run("SET statement_timeout = '30s'", patience); !set) return set;
    // A table that is up to date needs no right to create one.
    const Result<int> now = version(patience);
    if (!now) return tl::unexpected(now.error());
    if (*now == kNewest) return {};
    return migrate(patience);
}

// 0: there is no schema of ours.
Result<int> PostgresAudit::version(const Patience& patience) {
    const auto there =
        connection_.query("SELECT to_regclass('squad_schema_version') IS NOT NULL", patience);
    if (!there) return tl::unexpected(there.error());
    if (there->empty() || there->front().front() != "t") return 0;
    const auto rows =
        connection_.query("SELECT coalesce(max(version), 0) FROM squad_schema_version", patience);
    if (!rows) return tl::unexpected(rows.error());
    const int found = rows->empty() ? 0 : std::stoi(rows->front().front());
    if (found > kNewest) {
        return fail(ErrorKind::io,
                    fmt::format("{} has the schema {} of a newer squad-api, this one knows {}",
                                place_, found, kNewest));
    }
    return found;
}

Result<void> PostgresAudit::migrate(const Patience& patience) {
    // The lock goes with the transaction, however that ends. Who waited for it finds the work done.
    const std::string begin = fmt::format("BEGIN; SELECT pg_advisory_xact_lock({})", kLock);
    if (auto begun = run(begin, patience); !begun) return begun;
    const Result<int> found = version(patience);
    if (!found) return tl::unexpected(found.error());
    std::string sql =
        "CREATE TABLE IF NOT EXISTS squad_schema_version (version integer NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now());";
    for (int step = *found; step < kNewest; ++step) {
        sql += kSteps[static_cast<std::size_t>(step)];
        sql += fmt::format("INSERT INTO squad_schema_version (version) VALUES ({});", step + 1);
    }
    if (auto made = run(sql + "COMMIT", patience); !made) return made;
    return {};
}

Result<std::size_t> PostgresAudit::write(std::span<const StoredRow> rows,
                                         const Patience& patience) {
    const Result<void> all = insert(rows, patience);
    if (all) return std::size_t{0};
    if (!of_the_row(connection_.sqlstate())) return tl::unexpected(all.error());
    // One of them cannot be stored: each alone, then.
    std::size_t rejected = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Result<void> one = insert(rows.subspan(i, 1), patience);
        if (one) continue;
        if (!of_the_row(connection_.sqlstate())) return tl::unexpected(one.error());
        ++rejected;
    }
    return rejected;
}

Result<void> PostgresAudit::insert(std::span<const StoredRow> rows, const Patience& patience) {
    std::vector<PostgresConnection::Parameter> parameters;
    parameters.reserve(rows.size() * kAuditColumns.size());
    for (const StoredRow& row : rows) {
        for (std::optional<std::string>& value : audit_values(row)) {
            if (value) value = storable_text(std::move(*value));
            parameters.push_back(std::move(value));
        }
    }
    const auto done = connection_.query(insert_sql(rows.size()), parameters, patience);
    if (!done) return tl::unexpected(done.error());
    return {};
}

const std::string& PostgresAudit::insert_sql(std::size_t rows) {
    std::string& sql = inserts_[rows];
    if (!sql.empty()) return sql;
    sql = "INSERT INTO squad_audit (" + audit_column_list() + ") VALUES ";
    std::size_t parameter = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        sql += row == 0 ? "(" : ", (";
        for (std::size_t column = 0; column < kAuditColumns.size(); ++column) {
            sql += fmt::format("{}${}", column == 0 ? "" : ", ", ++parameter);
        }
        sql += ")";
    }
    sql += " ON CONFLICT (row_id) DO NOTHING";
    return sql;
}

}  // namespace

std::string storable_text(std::string text) {
    std::size_t good = 0;
    while (good < text.size()) {
        const std::size_t length = storable_length(text, good);
        if (length == 0) break;
        good += length;
    }
    if (good == text.size()) return text;
    std::string clean = text.substr(0, good);
    for (std::size_t i = good; i < text.size();) {
        const std::size_t length = storable_length(text, i);
        if (length == 0) {
            clean += "\xEF\xBF\xBD";
            ++i;
        } else {
            clean.append(text, i, length);
            i += length;
        }
    }
    return clean;
}

Result<std::unique_ptr<AuditSink>> open_postgres_audit(const std::string& url,
                                                       const AuditWriterOptions& options) {
    Result<std::string> place = postgres_place(url);
    if (!place) return tl::unexpected(place.error());
    auto backend = std::make_unique<PostgresAudit>(url, std::move(*place));
    return std::make_unique<AuditWriter>(std::move(backend), options, false);
}

}  // namespace squadload::squad_api
