// Conversations: what a user and an agent said to each other, for requests that do not bring their
// own conversation_history.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "target/squad_api/store_health.h"

namespace squadload::squad_api {

namespace asio = boost::asio;

struct Turn {
    std::string role;  // "user" or "assistant"
    std::string text;
};

struct HistoryCounters {
    std::uint64_t appended = 0;      // turns handed over
    std::uint64_t dropped = 0;       // turns lost: queue full, store away
    std::uint64_t failed_reads = 0;  // reads answered with nothing because the store was away
};

// Used on the gateway's thread; outlives all coroutines it gave out. A store that is away costs a
// request its history, never its answer.
class History {
  public:
    virtual ~History() = default;
    // The last `turns` turns of that conversation, oldest first; empty when there are none, when
    // the store is away, and at the deadline. Turns appended just before may be missing.
    [[nodiscard]] virtual asio::awaitable<std::vector<Turn>> last(std::string user_id,
                                                                  std::string agent,
                                                                  std::size_t turns,
                                                                  MonoTime deadline) = 0;
    // Does not wait. Implementations keep a bound of turns per conversation and say which.
    virtual void append(std::string user_id, std::string agent, std::vector<Turn> turns,
                        WallTime at) = 0;
    [[nodiscard]] virtual HistoryCounters counters() const = 0;
    [[nodiscard]] virtual StoreHealth health() const = 0;
    virtual void close(Nanos within) = 0;  // as AuditSink::close
};

}  // namespace squadload::squad_api
