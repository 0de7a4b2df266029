#include "target/squad_api/embedded_limiter.h"

namespace squadload::squad_api {

EmbeddedLimiter::EmbeddedLimiter(const std::vector<LimitScope>& scopes, MonoTime now) {
    quotas_.reserve(scopes.size());
    for (const LimitScope& scope : scopes) quotas_.emplace_back(scope.quota, now);
}

asio::awaitable<Decision> EmbeddedLimiter::acquire(std::size_t provider, std::int64_t tokens,
                                                   MonoTime now, MonoTime /*deadline*/) {
    const limits::Admission admission = quotas_[provider].admit(tokens, now);
    Decision decision;
    decision.admitted = admission.admitted;
    decision.refused_by = admission.refused_by;
    decision.wait = admission.wait;
    decision.lease.provider = provider;
    decision.lease.id = admission.ticket.id;
    decision.lease.tokens = tokens;
    co_return decision;
}

void EmbeddedLimiter::finish(const Lease& lease, std::optional<std::int64_t> used_tokens,
                             MonoTime now) {
    quotas_[lease.provider].finish(limits::Ticket{lease.id}, used_tokens, now);
}

void EmbeddedLimiter::cancel(const Lease& lease, MonoTime now) {
    quotas_[lease.provider].cancel(limits::Ticket{lease.id}, now);
}

void EmbeddedLimiter::set_factor(std::size_t provider, double factor, MonoTime now) {
    quotas_[provider].set_factor(factor, now);
}

Nanos EmbeddedLimiter::wait_for(std::size_t provider, std::int64_t tokens, MonoTime now) {
    const Nanos wait = quotas_[provider].wait_for(tokens, now);
    return wait == Nanos::max() ? Nanos::zero() : wait;
}

LimiterState EmbeddedLimiter::state(std::size_t provider, MonoTime now) {
    LimiterState state;
    state.quota = quotas_[provider].state(now);
    state.as_of = now;
    return state;
}

StoreHealth EmbeddedLimiter::health() const {
    StoreHealth health;
    health.kind = "memory";
    return health;
}

}  // namespace squadload::squad_api
