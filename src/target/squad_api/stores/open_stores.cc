#include "target/squad_api/stores/open_stores.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "target/squad_api/stores/postgres_audit.h"
#include "target/squad_api/stores/redis_history.h"
#include "target/squad_api/stores/redis_limiter.h"
#include "target/squad_api/stores/sqlite_audit.h"
#include "target/squad_api/stores/sqlite_history.h"

namespace squadload::squad_api {
namespace {

OnLoss on_loss_of(const std::string& name) {
    return name == "open" ? OnLoss::open : name == "closed" ? OnLoss::closed : OnLoss::local;
}

tl::unexpected<Error> at_key(const char* key, Error error,
                             std::optional<SourceMark> mark = std::nullopt) {
    error.mark = std::move(mark);
    error.message = fmt::format("{}: {}", key, error.message);
    return tl::unexpected(std::move(error));
}

Result<void> open_redis(const asio::any_io_executor& executor, const Config& config,
                        Stores& stores) {
    auto address = parse_redis_url(config.stores.redis_url);
    if (!address) return at_key("stores.redis_url", address.error(), config.stores.redis_mark);
    RedisLimiterOptions limiter;
    limiter.redis.address = *address;
    limiter.gateways = config.stores.gateways;
    limiter.on_loss = on_loss_of(config.stores.on_loss);
    stores.limiter =
        std::make_shared<RedisLimiter>(executor, std::move(limiter), limit_scopes(config));
    if (config.history_turns == 0) return {};
    RedisHistoryOptions history;
    history.redis.address = *std::move(address);
    stores.history = make_redis_history(executor, std::move(history));
    return {};
}

Result<void> open_sqlite(const Config& config, Stores& stores) {
    const std::string& path = config.stores.sqlite;
    if (!stores.audit) {
        auto audit = open_sqlite_audit(path);
        if (!audit) return at_key("stores.sqlite", audit.error());
        stores.audit = *std::move(audit);
    }
    if (stores.history || config.history_turns == 0) return {};
    auto history = open_sqlite_history(path);
    if (!history) return at_key("stores.sqlite", history.error());
    stores.history = *std::move(history);
    return {};
}

}  // namespace

Result<Stores> open_stores(const asio::any_io_executor& executor, const Config& config) {
    Stores stores;
    if (!config.stores.redis_url.empty()) {
        if (auto done = open_redis(executor, config, stores); !done)
            return tl::unexpected(done.error());
    }
    if (!config.stores.postgres_url.empty()) {
        auto audit = open_postgres_audit(config.stores.postgres_url);
        if (!audit)
            return at_key("stores.postgres_url", audit.error(), config.stores.postgres_mark);
        stores.audit = *std::move(audit);
    }
    if (!config.stores.sqlite.empty()) {
        if (auto done = open_sqlite(config, stores); !done) return tl::unexpected(done.error());
    }
    return stores;
}

std::string close_stores(const Stores& stores, Nanos within) {
    if (stores.history) stores.history->close(within);
    if (!stores.audit) return {};
    stores.audit->close(within);
    const AuditCounters counters = stores.audit->counters();
    if (counters.dropped == 0) return {};
    return fmt::format("{} of {} audit rows were dropped", counters.dropped, counters.added);
}

}  // namespace squadload::squad_api
