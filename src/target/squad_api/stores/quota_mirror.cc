#include "target/squad_api/stores/quota_mirror.h"

#include <algorithm>

namespace squadload::squad_api {
namespace {

using limits::Limit;
using limits::Rate;
using limits::SlidingLog;
using limits::TokenBucket;

// A gateway's part of the bucket.
Rate share_of_rate(const SharedLimits& limits) {
    return limits::rate_of(limits.rate.amount,
                           limits::Wide{limits.rate.per.count()} * limits.gateways);
}

std::int64_t times(std::int64_t a, std::int64_t b) {
    return a > limits::kMaxAmount / std::max<std::int64_t>(b, 1) ? limits::kMaxAmount : a * b;
}

}  // namespace

QuotaMirror::QuotaMirror(const SharedLimits& limits, MonoTime now)
    : limits_(limits),
      requests_(limits.requests, limits.window),
      tokens_(limits.tokens, limits.window),
      bucket_(share_of_rate(limits), std::max<std::int64_t>(1, limits.share_of(limits.depth)), now),
      early_requests_(0, limits.window),
      early_tokens_(0, limits.window),
      shared_(limits.window),
      alone_(limits.window),
      as_of_(now) {}

JoinRequest QuotaMirror::join_request(MonoTime now) {
    JoinRequest request;
    request.epoch = epoch_;
    request.fresh = joins_ == 0 && alone_.empty(now);
    // Alone it used a bucket of its own, from which the shared one goes on; with one gateway they
    // are the same. Else what the shared one held is not ours to bring.
    const bool own_bucket = limits_.gateways == 1 || (!with_redis_ && joins_ > 0);
    if (limits_.depth > 0 && own_bucket) request.level = bucket_.tokens(now);
    request.known = shared_.slots(now);
    std::int64_t unseen_now = unseen_;
    if (with_redis_) {
        const RecentCounts::Slot slot = unseen(now, now);
        unseen_now = slot.requests;
        if (slot.requests > 0) request.known.push_back(slot);
    }
    if (joins_ > 0) request.knows = last_.admitted + unseen_now;
    request.alone = alone_.slots(now);
    return request;
}

void QuotaMirror::joined(const JoinAnswer& answer, MonoTime sent, MonoTime now) {
    epoch_ = answer.epoch;
    ++joins_;
    with_redis_ = true;
    requests_ = SlidingLog(limits_.requests, limits_.window);
    tokens_ = SlidingLog(limits_.tokens, limits_.window);
    early_requests_ = SlidingLog(0, limits_.window);
    early_tokens_ = SlidingLog(0, limits_.window);
    shared_.clear();
    alone_.clear();
    for (const RecentCounts::Slot& slot : answer.recent) {
        const Nanos age = std::min(slot.age, limits_.window);
        count_shared(slot.requests, slot.tokens, sent - age - limits_.window / 64, now - age);
    }
    last_ = answer.counts;
    largest_ = std::max(largest_, last_.largest);
    if (limits_.depth > 0) {
        bucket_.change(limits_.rate, limits_.depth, now);
        bucket_.set_level(answer.counts.level, now);
    }
    as_of_ = now;
    last_sent_ = sent;
}

void QuotaMirror::observe(const SharedCounts& counts, MonoTime sent, MonoTime now) {
    if (!with_redis_) return;
    count_shared(std::max<std::int64_t>(0, counts.admitted - last_.admitted),
                 std::max<std::int64_t>(0, counts.tokens - last_.tokens), last_sent_, now);
    // Answers may overtake one another when a script had to be sent again.
    if (counts.admitted >= last_.admitted) last_ = counts;
    largest_ = std::max(largest_, counts.largest);
    if (limits_.depth > 0) bucket_.set_level(counts.level, now);
    as_of_ = now;
    last_sent_ = std::max(last_sent_, sent);
}

void QuotaMirror::count_shared(std::int64_t requests, std::int64_t tokens, MonoTime from,
                               MonoTime to) {
    if (requests > 0) requests_.add(requests, to);
    if (tokens > 0) tokens_.add(tokens, to);
    if (requests > 0) early_requests_.add(requests, from);
    if (tokens > 0) early_tokens_.add(tokens, from);
    shared_.add(requests, tokens, to);
}

RecentCounts::Slot QuotaMirror::unseen(MonoTime since, MonoTime now) {
    RecentCounts::Slot slot;
    if (limits_.gateways == 1 || joins_ == 0) return slot;
    const std::int64_t left =
        std::max<std::int64_t>(0, limits_.requests - early_requests_.used(now));
    slot.requests = left;
    if (limits_.depth > 0) {
        const limits::Wide come = limits::Wide{limits_.rate.amount} *
                                  std::max((since - last_sent_).count(), std::int64_t{0});
        const limits::Wide most = limits_.depth + come / limits_.rate.per.count() + 1;
        if (most < left) slot.requests = static_cast<std::int64_t>(most);
    }
    const std::int64_t left_tokens =
        std::max<std::int64_t>(0, limits_.tokens - early_tokens_.used(now));
    // Without a limit of requests nothing says how many there were.
    const bool countable = limits_.requests > 0 && largest_ > 0;
    slot.tokens = countable ? std::min(left_tokens, times(slot.requests, largest_)) : left_tokens;
    return slot;
}

void QuotaMirror::lost(MonoTime since, MonoTime now) {
    if (!with_redis_) return;
    const RecentCounts::Slot slot = unseen(since, now);
    count_shared(slot.requests, slot.tokens, now, now);
    unseen_ = slot.requests;
    with_redis_ = false;
    // Gateways that had not joined may have been using their shares.
    const std::int64_t missing = std::max<std::int64_t>(0, limits_.gateways - last_.joined);
    if (const std::int64_t n = missing * limits_.share_of(limits_.requests); n > 0) {
        requests_.add(n, now);
    }
    if (const std::int64_t t = times(limits_.share_of(limits_.tokens), missing); t > 0) {
        tokens_.add(t, now);
    }
    if (limits_.gateways > 1 && limits_.depth > 0) {
        bucket_.change(share_of_rate(limits_),
                       std::max<std::int64_t>(1, limits_.share_of(limits_.depth)), now);
        bucket_.set_level(0, now);
    }
}

QuotaMirror::Alone QuotaMirror::admit_alone(std::int64_t tokens, MonoTime now) {
    Alone alone;
    const auto consider = [&](Limit limit, Nanos wait) {
        if (wait <= alone.wait) return;
        alone.refused_by = limit;
        // What is more than the share has to wait for Redis; nobody knows how long.
        alone.wait = wait == Nanos::max() ? limits_.window : wait;
    };
    const std::int64_t k = limits_.gateways;
    if (limits_.requests > 0) consider(Limit::requests, requests_.wait_for(k, now));
    if (limits_.depth > 0) {
        consider(Limit::burst, limits_.depth < k ? Nanos::max() : bucket_.wait_for(1, now));
    }
    if (limits_.tokens > 0) consider(Limit::tokens, tokens_.wait_for(times(tokens, k), now));
    if (alone.refused_by != Limit::none) return alone;
    alone.admitted = true;
    if (limits_.requests > 0) alone.requests = requests_.add(k, now);
    if (limits_.tokens > 0) alone.tokens = tokens_.add(times(tokens, k), now);
    if (limits_.depth > 0) static_cast<void>(bucket_.take(1, now));
    alone_.add(1, limits_.tokens > 0 ? tokens : 0, now);
    return alone;
}

void QuotaMirror::count_alone(std::int64_t tokens, MonoTime now) {
    requests_.add(limits_.gateways, now);
    tokens_.add(times(tokens, limits_.gateways), now);
    if (limits_.depth > 0) static_cast<void>(bucket_.take(1, now));
    alone_.add(1, limits_.tokens > 0 ? tokens : 0, now);
}

void QuotaMirror::cancel_alone(const Alone& admission, std::int64_t tokens, MonoTime now) {
    // It stays in what is told to Redis: too much rather than too little.
    if (with_redis_) return;
    if (admission.requests != 0) requests_.undo(admission.requests, limits_.gateways, now);
    if (admission.tokens != 0) {
        tokens_.undo(admission.tokens, times(tokens, limits_.gateways), now);
    }
}

limits::QuotaState QuotaMirror::state(MonoTime now) {
    limits::QuotaState state;
    if (limits_.requests > 0) state.requests = requests_.report(now);
    if (limits_.depth > 0) state.burst = bucket_.report(now);
    if (limits_.tokens > 0) state.tokens = tokens_.report(now);
    return state;
}

}  // namespace squadload::squad_api
