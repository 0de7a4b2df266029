// Conversations in Redis, where several gateways find them: one capped list per conversation, which
// expires. Key PREFIX:history:LENGTH:USER:AGENT, length in bytes of the user's name, so that no two
// conversations share one. Each element is a role, a newline and the text.
//
// Redis away: a read gives nothing, an append is dropped; both are counted, and answers go out all
// the same.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "target/squad_api/history.h"
#include "target/squad_api/stores/redis_client.h"

namespace squadload::squad_api {

struct RedisHistoryOptions {
    RedisOptions redis;  // greeting and scripts are the history's
    std::string prefix = "squadload";
    std::size_t max_turns = 100;                   // kept of each conversation
    Nanos keep_for = std::chrono::hours(24 * 30);  // after its last turn
};

// Lives no longer than its executor's context.
[[nodiscard]] std::unique_ptr<History> make_redis_history(const asio::any_io_executor& executor,
                                                          RedisHistoryOptions options);

}  // namespace squadload::squad_api
