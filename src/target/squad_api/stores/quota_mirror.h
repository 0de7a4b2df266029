// What one gateway knows about a quota that is kept in Redis, and what it may do alone while Redis
// is away. Pure: the time is an argument, the scripts' answers are fed in; one thread.
//
// With Redis, every answer tells how much has been admitted by all gateways since the last one, so
// this keeps a log of the whole quota at hand: never less than there is, each entry as young as the
// answer that told of it.
//
// Without Redis (lost()): let S be what was admitted with Redis and is still in the window, L the
// limit, k the declared number of gateways. A gateway admits alone as long as
//     k × (what it admitted alone, in the window) + S' <= L
// where S' >= S is the log above plus what others may have been admitted between its last answer
// and the loss: nothing when k = 1; else what the limit had left by then (from a second log, each
// entry as old as it can be), and no more than the bucket lets through in that time. If no gateway
// is admitted by Redis any more, the sum over at most k gateways is S + sum of shares <= S + (L -
// S) = L, in every window. The bucket likewise: each has 1/k of depth and rate, empty at the loss.
// For tokens, what others may have been admitted is taken as so many calls of the largest size seen
// so far: the one place where the bound is not proven. Back with Redis it joins a new epoch and
// tells what it did (quota_script.h).
//
// So, for Redis crashing, freezing, restarting empty or with old data, the limits hold in every
// window over all gateways, provided that each of them is back at Redis within a window of the
// first one that is. What remains: a gateway that alone cannot reach a Redis that goes on serving
// the others adds up to its share, L / k, until it is back; and a gateway that is started while
// Redis is away or empty knows nothing of what its former life or others did, until they join.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "target/limits/quota.h"
#include "target/limits/sliding_log.h"
#include "target/limits/token_bucket.h"
#include "target/squad_api/stores/quota_script.h"
#include "target/squad_api/stores/recent_counts.h"

namespace squadload::squad_api {

class QuotaMirror {
  public:
    QuotaMirror(const SharedLimits& limits, MonoTime now);

    // --- with Redis
    // What join() is to be asked with; the caller fills in run, gateway and renew.
    [[nodiscard]] JoinRequest join_request(MonoTime now);
    void joined(const JoinAnswer& answer, MonoTime sent, MonoTime now);
    // Any answer that told counts; `sent`: when its command was.
    void observe(const SharedCounts& counts, MonoTime sent, MonoTime now);

    // --- without
    // Redis is lost since `since`. No effect when it was not there.
    void lost(MonoTime since, MonoTime now);
    struct Alone {
        bool admitted = false;
        limits::Limit refused_by = limits::Limit::none;
        Nanos wait{};
        limits::Mark requests = 0;  // for cancel()
        limits::Mark tokens = 0;
    };
    [[nodiscard]] Alone admit_alone(std::int64_t tokens, MonoTime now);
    // Counts a call that was admitted without asking.
    void count_alone(std::int64_t tokens, MonoTime now);
    // It was never sent. Only while nothing was joined since.
    void cancel_alone(const Alone& admission, std::int64_t tokens, MonoTime now);

    // requests, burst and tokens.
    [[nodiscard]] limits::QuotaState state(MonoTime now);
    [[nodiscard]] const std::string& epoch() const { return epoch_; }
    [[nodiscard]] const SharedLimits& limits() const { return limits_; }
    [[nodiscard]] MonoTime as_of() const { return as_of_; }
    [[nodiscard]] std::uint64_t joins() const { return joins_; }

  private:
    // Admitted with Redis some time between the two.
    void count_shared(std::int64_t requests, std::int64_t tokens, MonoTime from, MonoTime to);
    // What others may have been admitted since the last answer.
    [[nodiscard]] RecentCounts::Slot unseen(MonoTime since, MonoTime now);

    SharedLimits limits_;
    limits::SlidingLog requests_;  // weight 1 with Redis, `gateways` alone
    limits::SlidingLog tokens_;
    limits::TokenBucket bucket_;
    // Admitted with Redis, each entry as old as it can be: never more than there is.
    limits::SlidingLog early_requests_;
    limits::SlidingLog early_tokens_;
    RecentCounts shared_;  // admitted with Redis
    RecentCounts alone_;   // and without
    SharedCounts last_;
    std::int64_t unseen_ = 0;   // taken as admitted between the last answer and the loss
    std::int64_t largest_ = 0;  // most tokens of one call, ever seen
    std::string epoch_;
    bool with_redis_ = false;
    std::uint64_t joins_ = 0;
    MonoTime as_of_;
    MonoTime last_sent_{};
};

}  // namespace squadload::squad_api
