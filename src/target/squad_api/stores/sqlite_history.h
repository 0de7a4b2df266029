// Conversations in an SQLite file, the same as the audit log's or another. A thread of its own; the
// gateway's thread never waits for the file.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/error.h"
#include "target/squad_api/history.h"

namespace squadload::squad_api {

struct SqliteHistoryOptions {
    std::size_t max_turns = 100;                   // kept of each conversation; older ones go
    Nanos keep_for = std::chrono::hours(24 * 30);  // turns older than that go
    std::size_t max_queued = 20'000;               // turns waiting to be written, and reads
    std::size_t max_bytes = std::size_t{64} * 1024 * 1024;  // of those turns
    Nanos busy_timeout = std::chrono::seconds(5);           // then a batch is dropped
};

// Errors as SqliteDatabase::open, kind config. close() or destroy it before the io_context whose
// coroutines use it.
[[nodiscard]] Result<std::unique_ptr<History>> open_sqlite_history(
    const std::string& path, const SqliteHistoryOptions& options = {});

}  // namespace squadload::squad_api
