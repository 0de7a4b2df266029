// The audit log in PostgreSQL, table squad_audit. The schema is made and brought up to date at
// every connect, under an advisory lock, so that several gateways may start together.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "target/squad_api/stores/audit_writer.h"

namespace squadload::squad_api {

// Does not wait for the server: it is connected to on the sink's thread, and health() tells. Error
// of kind config: the URL cannot be read.
[[nodiscard]] Result<std::unique_ptr<AuditSink>> open_postgres_audit(
    const std::string& url, const AuditWriterOptions& options = {});

// `text` as PostgreSQL can store it: bytes that are no UTF-8, and NUL, become U+FFFD.
[[nodiscard]] std::string storable_text(std::string text);

}  // namespace squadload::squad_api
