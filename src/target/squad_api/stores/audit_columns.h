// The columns of an audit row, in the order of both stores' tables.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "target/squad_api/stores/audit_writer.h"

namespace squadload::squad_api {

inline constexpr std::array<std::string_view, 19> kAuditColumns = {
    "row_id",        "at",
    "request_id",    "user_id",
    "agent",         "endpoint",
    "status",        "outcome",
    "provider",      "model",
    "attempts",      "attempts_text",
    "fallback",      "fallback_reason",
    "prompt_tokens", "completion_tokens",
    "latency_ms",    "queued_ms",
    "prompt"};

// "row_id, at, …"
[[nodiscard]] std::string audit_column_list();
// As text; none: NULL.
using AuditValues = std::array<std::optional<std::string>, kAuditColumns.size()>;
[[nodiscard]] AuditValues audit_values(const StoredRow& row);

}  // namespace squadload::squad_api
