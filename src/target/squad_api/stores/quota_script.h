// The quota of one scope as it is kept in Redis, shared by all gateways: what the Lua scripts are
// given and what they answer. No I/O here.
//
// All of a scope lies in one hash, PREFIX:{SCOPE}:quota, so that it is there as a whole or not at
// all, whatever evicts, flushes or restarts. Its parts: the log of admissions (field "seq" → time,
// requests, tokens) with what it adds up to, the bucket's level, and who shares it.
//
// Time is the server's, in whole microseconds; where its clock goes back, the quota's time stands
// still instead. (A clock set forward is believed: keep the server's clock slewed, not stepped.)
// Each script decides and writes in one step: a refused call has changed nothing but what had left
// the window. Beyond 8,192 entries an admission within 1/8,192 of the window of the newest entry's
// first joins it, as limits::SlidingLog does.
//
// Sharing. A gateway takes part once it has *joined* the current epoch. A new epoch begins when the
// hash was not there (Redis restarted empty, FLUSHALL, eviction, expiry), when Redis's run id is
// another one (it may have come back with an old snapshot), and when a gateway that had lost its
// connection comes back. In a new epoch everyone has to join again, bringing along what it admitted
// without Redis, and what it knows of a state that was lost. Until all `gateways` have joined, or a
// whole window has passed, the share of each one missing (limit / gateways: what it may be using on
// its own) is kept free. quota_mirror.h has the other half: what a gateway may do alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "target/limits/quota.h"
#include "target/squad_api/stores/recent_counts.h"
#include "target/squad_api/stores/redis_codec.h"

namespace squadload::squad_api {

// The limits of a scope, guard applied. 0: no such limit.
struct SharedLimits {
    std::int64_t requests = 0;  // per window
    std::int64_t tokens = 0;    // per window
    Nanos window{};             // guard included
    std::int64_t depth = 0;     // of the bucket beside the log
    limits::Rate rate;          // of the bucket
    std::int64_t gateways = 1;  // among which they are shared, >= 1
    bool alone = true;          // whether a gateway without Redis uses its share

    [[nodiscard]] std::int64_t share_of(std::int64_t limit) const {
        return alone ? limit / gateways : 0;
    }
};
[[nodiscard]] SharedLimits shared_limits(const limits::QuotaSettings& quota, std::int64_t gateways,
                                         bool alone);

// Places of the scripts in the list below.
enum class QuotaScript : std::size_t { acquire, cancel, look, join };
[[nodiscard]] std::vector<std::string_view> quota_scripts();

[[nodiscard]] std::string quota_key(std::string_view prefix, std::string_view scope);

// What every answer tells about the shared quota.
struct SharedCounts {
    std::int64_t admitted = 0;       // requests since the epoch's state was founded
    std::int64_t tokens = 0;         // likewise
    std::int64_t largest = 0;        // most tokens of one admission, likewise
    std::int64_t joined = 1;         // gateways that count as taking part
    std::int64_t level = 0;          // whole tokens in the bucket
    std::int64_t used_requests = 0;  // in the window
    std::int64_t used_tokens = 0;    // likewise
};

struct QuotaAnswer {
    bool join = false;  // this gateway has to join first; nothing else is told
    bool admitted = false;
    limits::Limit refused_by = limits::Limit::none;
    Nanos wait{};
    std::uint64_t entry = 0;  // admitted: for cancel()
    SharedCounts counts;
};

struct JoinAnswer {
    std::string epoch;
    SharedCounts counts;
    std::vector<RecentCounts::Slot> recent;  // all in the window, oldest first
};

struct JoinRequest {
    std::string epoch;       // the last one this gateway knew; "" none
    std::string run;         // Redis's run id
    std::string gateway;     // who joins
    bool renew = false;      // begin a new epoch
    std::int64_t level = 0;  // whole tokens in the bucket it used alone
    bool fresh = false;      // nobody can have used the quota lately: the bucket may be full
    // How many admissions of that epoch's state it knows of, -1: it never joined. `known` are those
    // in the window; they count where that state was lost, unless they have been told already.
    std::int64_t knows = -1;
    std::vector<RecentCounts::Slot> known;
    std::vector<RecentCounts::Slot> alone;  // what it admitted without Redis
};

// Arguments of each script. `clock`: microseconds to be taken for the server's time; none outside
// tests.
class QuotaCalls {
  public:
    explicit QuotaCalls(const SharedLimits& limits);
    using Clock = std::optional<std::int64_t>;

    [[nodiscard]] std::vector<std::string> acquire(const std::string& epoch, std::int64_t tokens,
                                                   Clock clock = std::nullopt) const;
    [[nodiscard]] std::vector<std::string> cancel(const std::string& epoch, std::uint64_t entry,
                                                  std::int64_t tokens,
                                                  Clock clock = std::nullopt) const;
    [[nodiscard]] std::vector<std::string> look(const std::string& epoch,
                                                Clock clock = std::nullopt) const;
    [[nodiscard]] std::vector<std::string> join(const JoinRequest& request,
                                                Clock clock = std::nullopt) const;

  private:
    [[nodiscard]] std::vector<std::string> common(const std::string& epoch, Clock clock) const;
    std::vector<std::string> limits_;
};

// Nothing when the reply is not what the scripts answer.
[[nodiscard]] std::optional<QuotaAnswer> read_quota_answer(const RedisReply& reply);
[[nodiscard]] std::optional<JoinAnswer> read_join_answer(const RedisReply& reply);
// "run_id:…" in the answer of INFO server; "" when it is not there.
[[nodiscard]] std::string run_id_of(const RedisReply& info);

}  // namespace squadload::squad_api
