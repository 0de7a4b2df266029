// The stores that a gateway's configuration names, opened for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <string>

#include "base/error.h"
#include "target/squad_api/config.h"
#include "target/squad_api/stores.h"

namespace squadload::squad_api {

// Limits: in Redis, else in the gateway's process. Conversations: in Redis, else in the SQLite
// file. Audit log: in PostgreSQL, else in the SQLite file. Redis and PostgreSQL need not be there
// yet. `executor` is the gateway's. Errors of kind config: a URL that cannot be read, and those of
// SqliteDatabase::open.
[[nodiscard]] Result<Stores> open_stores(const asio::any_io_executor& executor,
                                         const Config& config);

// After the gateway has drained and its loop has ended: writes what is queued, for at most `within`
// each. A sentence when audit rows were dropped since the start; else "".
[[nodiscard]] std::string close_stores(const Stores& stores, Nanos within);

}  // namespace squadload::squad_api
