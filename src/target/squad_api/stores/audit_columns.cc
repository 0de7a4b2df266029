#include "target/squad_api/stores/audit_columns.h"

#include <fmt/core.h>

namespace squadload::squad_api {

std::string audit_column_list() {
    std::string list;
    for (const std::string_view column : kAuditColumns) {
        if (!list.empty()) list += ", ";
        list += column;
    }
    return list;
}

AuditValues audit_values(const StoredRow& stored) {
    const AuditRow& row = stored.row;
    const auto number = [](auto value) { return fmt::format("{}", value); };
    const auto ms = [](Nanos duration) { return fmt::format("{:.3f}", to_ms(duration)); };
    return {stored.row_id,
            utc_iso8601(row.at),
            row.request_id,
            row.user_id,
            row.agent,
            row.endpoint,
            number(row.status),
            row.outcome,
            row.provider,
            row.model,
            number(row.attempts),
            row.attempts_text,
            row.fallback ? "1" : "0",
            row.fallback_reason,
            number(row.prompt_tokens),
            number(row.completion_tokens),
            ms(row.latency),
            ms(row.queued),
            row.prompt.empty() ? std::optional<std::string>{} : row.prompt};
}

}  // namespace squadload::squad_api
