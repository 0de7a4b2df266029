// The audit log in an SQLite file: the default. One row per request in the table "audit".
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "target/squad_api/stores/audit_writer.h"

namespace squadload::squad_api {

// Opens the file at once, so that a mistake shows at start. Errors as SqliteDatabase::open.
[[nodiscard]] Result<std::unique_ptr<AuditSink>> open_sqlite_audit(
    const std::string& path, const AuditWriterOptions& options = {});

}  // namespace squadload::squad_api
