#include "target/squad_api/walk.h"

#include <algorithm>

#include "base/check.h"

namespace squadload::squad_api {

Walk::Walk(std::span<const std::size_t> chain, const WalkBounds& bounds, CallBudget& budget,
           Random random, MonoTime started)
    : chain_(chain),
      bounds_(bounds),
      share_(budget),
      random_(random),
      deadline_(started + bounds.total_time),
      last_(chain.size()),
      queue_left_(bounds.queue_wait) {
    SQUADLOAD_CHECK(!chain.empty());
    attempts_.reserve(chain.size());
}

Walk::~Walk() {
    if (paid_) share_.unspend();
}

Step Walk::finish() {
    over_ = true;
    return Step{Step::Kind::done, 0, {}};
}

// The first call is free, the others are paid for before they are prepared.
bool Walk::may_call() {
    if (calls_ >= bounds_.attempts) return false;
    if (calls_ > 0 && !paid_) paid_ = share_.spend();
    return calls_ == 0 || paid_;
}

Step Walk::next(MonoTime now, Doors& doors) {
    if (over_ || now >= deadline_ || !may_call()) return finish();
    for (; position_ < chain_.size(); ++position_) {
        const std::size_t provider = chain_[position_];
        if (last_[position_].never) continue;
        const auto closed = doors.closed(provider, now);
        if (!closed) return Step{Step::Kind::acquire, provider, {}};
        skip(position_, closed->reason, closed->wait, now);
    }
    return end_of_round(now);
}

void Walk::skip(std::size_t position, Reason reason, Nanos wait, MonoTime now) {
    Last& last = last_[position];
    last.reason = reason;
    last.never = wait == Nanos::max();
    last.until = wait > Nanos::zero() && !last.never ? now + wait : MonoTime::min();
    attempts_.push_back(
        Attempt{chain_[position], Attempt::Outcome::skipped, reason, 0, Nanos::zero()});
}

void Walk::refused(Reason reason, Nanos wait, MonoTime now) {
    skip(position_, reason, wait, now);
    ++position_;
}

// When the first provider may be open again; none when no provider ever is. Not known counts as
// now.
std::optional<MonoTime> Walk::soonest(MonoTime now) const {
    std::optional<MonoTime> first;
    for (const Last& last : last_) {
        if (last.never) continue;
        const MonoTime until = std::max(now, last.until);
        first = first ? std::min(*first, until) : until;
    }
    return first;
}

Nanos Walk::backoff() {
    Nanos length = bounds_.backoff_base;
    for (int i = 0; i < rounds_ && length < bounds_.backoff_max; ++i) length *= 2;
    length = std::min(length, bounds_.backoff_max);
    return length - from_seconds(to_seconds(length) / 2 * random_.unit());
}

Step Walk::end_of_round(MonoTime now) {
    const auto first = soonest(now);
    if (!first) return finish();
    if (called_) {
        // With jitter also where a hint decides: not all who were told the same come at once.
        const Nanos pause = backoff();
        const MonoTime until =
            *first > now ? *first + std::min(pause, bounds_.backoff_base) : now + pause;
        if (until >= deadline_) return finish();
        ++rounds_;
        called_ = false;
        position_ = 0;
        return Step{Step::Kind::pause, 0, until};
    }
    // Waiting for breakers alone would only pile requests up.
    const bool waits_for_room = std::any_of(last_.begin(), last_.end(), [](const Last& last) {
        return !last.never && last.reason != Reason::breaker;
    });
    const MonoTime until = std::min(now + queue_left_, deadline_);
    if (!waits_for_room || queue_left_ <= Nanos::zero() || *first > until) return finish();
    queue_since_ = now;
    return Step{Step::Kind::queue, 0, until};
}

void Walk::granted(std::size_t provider, MonoTime now) {
    queue_over(now);
    over_ = false;
    const auto found = std::find(chain_.begin(), chain_.end(), provider);
    SQUADLOAD_CHECK(found != chain_.end());
    position_ = static_cast<std::size_t>(found - chain_.begin());
}

void Walk::never_fits(std::size_t provider) {
    for (std::size_t i = 0; i < chain_.size(); ++i) {
        if (chain_[i] != provider) continue;
        last_[i].never = true;
        last_[i].reason = Reason::quota;
    }
}

void Walk::queue_over(MonoTime now) {
    const Nanos waited = std::max(Nanos::zero(), now - queue_since_);
    queued_ += waited;
    queue_left_ -= waited;
    over_ = true;
}

void Walk::ended(const CallEnd& end, Nanos time, MonoTime now) {
    const std::size_t provider = chain_[position_];
    const bool ok = end.reason == Reason::none;
    attempts_.push_back(Attempt{provider, ok ? Attempt::Outcome::ok : Attempt::Outcome::failed,
                                end.reason, end.status, time});
    ++calls_;
    called_ = true;
    paid_ = false;
    Last& last = last_[position_];
    last.reason = end.reason;
    last.until = end.retry_after ? now + *end.retry_after : MonoTime::min();
    if (ok) served_ = position_;
    if (!ok && !may_fall_back(end.reason)) rejected_ = position_;
    over_ = served_.has_value() || rejected_.has_value();
    ++position_;
}

Verdict Walk::verdict(MonoTime now) const {
    Verdict verdict;
    if (served_) {
        verdict.kind = Verdict::Kind::served;
        verdict.provider = chain_[*served_];
        verdict.fallback = *served_ != 0;
        if (verdict.fallback) verdict.fallback_reason = last_[0].reason;
        return verdict;
    }
    if (rejected_) {
        verdict.kind = Verdict::Kind::rejected;
        verdict.provider = chain_[*rejected_];
        return verdict;
    }
    bool capacity = false;
    bool breaker = false;
    bool timeout = false;
    bool failure = false;
    bool all_never = true;
    for (const Last& last : last_) {
        all_never = all_never && last.never;
        const Reason r = last.reason;
        capacity =
            capacity || r == Reason::quota || r == Reason::throttle || r == Reason::rate_limited;
        breaker = breaker || r == Reason::breaker;
        timeout = timeout || r == Reason::timeout;
        failure =
            failure || r == Reason::server_error || r == Reason::connect || r == Reason::invalid;
    }
    using Kind = Verdict::Kind;
    if (failure)
        verdict.kind = Kind::failed;
    else if (timeout)
        verdict.kind = Kind::timed_out;
    else if (all_never)
        verdict.kind = Kind::too_large;
    else if (capacity)
        verdict.kind = Kind::rate_limited;
    else
        verdict.kind = breaker ? Kind::unavailable : Kind::timed_out;
    if (verdict.kind == Kind::rate_limited || verdict.kind == Kind::unavailable) {
        if (const auto first = soonest(now)) verdict.retry_after = *first - now;
    }
    return verdict;
}

}  // namespace squadload::squad_api
