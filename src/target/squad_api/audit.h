// One row per chat request that showed a valid key and was within the server's bounds, whatever
// became of it: rows written + dropped + queued = such requests. Those beyond the bounds (431, 413,
// 408, 503 overloaded) are counted in squad_refused_total.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "target/squad_api/store_health.h"

namespace squadload::squad_api {

struct AuditRow {
    WallTime at;             // when the request arrived
    std::string request_id;  // at most 128 characters of [A-Za-z0-9._:-]
    std::string user_id;     // "" when not given
    std::string agent;       // "" when the request named none, or an unknown one
    std::string endpoint;    // "/agents/chat", "/v1/agents", "/v1/chat/completions"
    int status = 0;          // of the answer; 0 when the client hung up before it
    // ok, rate_limited, rejected (a provider's 4xx), too_large, unavailable, timeout,
    // provider_error, bad_request, not_found, hangup
    std::string outcome;
    std::string provider;         // that served; "" when none did
    std::string model;            // likewise
    std::uint32_t attempts = 0;   // calls made to providers
    std::string attempts_text;    // as in x-squad-attempts: "groq=429, cerebras=ok"
    bool fallback = false;        // served by another than the chain's first
    std::string fallback_reason;  // why the first did not: quota, throttle, breaker, 429, 5xx, …
    std::int64_t prompt_tokens = 0;
    std::int64_t completion_tokens = 0;
    Nanos latency{};     // from arrival to the answer
    Nanos queued{};      // of it, in the wait queue
    std::string prompt;  // only with log_prompts; else ""
};

// Totals since the start, but for `queued`. added = written + dropped + queued.
struct AuditCounters {
    std::uint64_t added = 0;
    std::uint64_t written = 0;  // the store confirmed it
    std::uint64_t dropped = 0;  // the queue was full, or the end came before the store was back
    std::uint64_t queued = 0;   // not written yet, a batch under way included
};

// Where rows go. add() is called on the gateway's thread; the others from any thread.
class AuditSink {
  public:
    virtual ~AuditSink() = default;
    // Never waits: a bounded queue in memory; what does not fit is dropped and counted.
    virtual void add(AuditRow row) = 0;
    [[nodiscard]] virtual AuditCounters counters() const = 0;
    [[nodiscard]] virtual StoreHealth health() const = 0;
    // Takes no more rows, and writes what is queued for at most `within`; the rest is dropped and
    // counted. Blocks; called once, after the gateway has drained, not on its thread's loop.
    virtual void close(Nanos within) = 0;
};

}  // namespace squadload::squad_api
