// The gateway's leave to call a provider: all limits of one provider, key and model decided in one
// step, all or nothing. Embedded (embedded_limiter.h) over limits::Quota in this process, or shared
// by several gateways in one Redis (stores/), where one Lua script decides by the server's clock.
//
// Which limits are shared: requests per window, burst and tokens per window. Concurrency and the
// throttle's factor are each gateway's own, because a gateway that dies must not take slots with
// it; a Redis limiter keeps those two with a limits::Quota of its own, asked before the script and
// cancelled when the script refuses.
//
// Owner: the gateway or who embeds it; used on the io_context's thread alone; outlives all
// coroutines it gave out.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "target/limits/quota.h"
#include "target/squad_api/store_health.h"

namespace squadload::squad_api {

namespace asio = boost::asio;

// Whose quota it is. A limiter is made for a list of these and knows each by its place in it.
struct LimitScope {
    std::string provider;  // "groq"
    // The same in every gateway that shares the quota, and no secret: "groq:1f2e3d4c5b6a:llama-3",
    // provider, first 12 hex digits of the key's SHA-256 ("" without a key) and model.
    std::string scope;
    // requests, window, burst (0: none beside the log), tokens (reserve), concurrency, guard.
    // Always sliding_log; requests_day is not used.
    limits::QuotaSettings quota;
};

// What was admitted. Given back exactly once, by finish() or cancel(); a copy is the same lease.
struct Lease {
    std::size_t provider = 0;
    std::uint64_t id = 0;      // of the limiter's; 0: none
    std::uint64_t shared = 0;  // a second number for the limiter, such as the id in the script
    std::int64_t tokens = 0;   // as reserved
    bool local = false;        // decided without the shared store, because that was away
};

struct Decision {
    bool admitted = false;
    // Of the limit that takes longest. throttle: the factor's pace or lowered concurrency.
    limits::Limit refused_by = limits::Limit::none;
    // Until it could be admitted when nobody else is before. Nanos::max(): never (too_large). 0
    // when refused by concurrency alone: ask again when a call has finished.
    Nanos wait{};
    Lease lease{};
};

// Of one provider, for /health, /providers and /metrics: the last that is known, without I/O.
struct LimiterState {
    limits::QuotaState quota;
    MonoTime as_of;       // when it was learnt
    bool shared = false;  // counts every gateway's calls
};

class Limiter {
  public:
    virtual ~Limiter() = default;

    // provider: place in the list of scopes. tokens: prompt plus max_tokens, >= 0. now: when it is
    // asked; who decides by another clock ignores it. Ends by `deadline` at the latest: a store
    // that does not answer by then counts as away, and what then holds (a local decision) is the
    // implementation's, said in its header. Never throws but when the coroutine is cancelled; what
    // had been admitted by then is cancelled again.
    [[nodiscard]] virtual asio::awaitable<Decision> acquire(std::size_t provider,
                                                            std::int64_t tokens, MonoTime now,
                                                            MonoTime deadline) = 0;
    // The call has ended: frees its slot and settles its tokens (none: usage unknown; with tokens
    // kept by reservation there is nothing to settle). Does not wait: what goes to a store is sent
    // behind the caller's back.
    virtual void finish(const Lease& lease, std::optional<std::int64_t> used_tokens,
                        MonoTime now) = 0;
    // The call was never sent: everything comes back.
    virtual void cancel(const Lease& lease, MonoTime now) = 0;

    // Throttling, in (0, 1]: as Quota::set_factor, this gateway alone.
    virtual void set_factor(std::size_t provider, double factor, MonoTime now) = 0;

    // Until it could be admitted when nobody else is before, as far as is known without I/O; 0:
    // now, or not known.
    [[nodiscard]] virtual Nanos wait_for(std::size_t provider, std::int64_t tokens,
                                         MonoTime now) = 0;
    [[nodiscard]] virtual LimiterState state(std::size_t provider, MonoTime now) = 0;
    // kind "memory" and off for the embedded one.
    [[nodiscard]] virtual StoreHealth health() const = 0;
};

}  // namespace squadload::squad_api
