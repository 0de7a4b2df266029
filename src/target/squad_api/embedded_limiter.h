// The limits of one gateway alone, in this process: limits::Quota for each provider.
#pragma once

#include <vector>

#include "target/limits/quota.h"
#include "target/squad_api/limiter.h"

namespace squadload::squad_api {

class EmbeddedLimiter final : public Limiter {
  public:
    EmbeddedLimiter(const std::vector<LimitScope>& scopes, MonoTime now);

    // Decides at once; the deadline does not matter.
    [[nodiscard]] asio::awaitable<Decision> acquire(std::size_t provider, std::int64_t tokens,
                                                    MonoTime now, MonoTime deadline) override;
    void finish(const Lease& lease, std::optional<std::int64_t> used_tokens, MonoTime now) override;
    void cancel(const Lease& lease, MonoTime now) override;
    void set_factor(std::size_t provider, double factor, MonoTime now) override;
    [[nodiscard]] Nanos wait_for(std::size_t provider, std::int64_t tokens, MonoTime now) override;
    [[nodiscard]] LimiterState state(std::size_t provider, MonoTime now) override;
    [[nodiscard]] StoreHealth health() const override;

  private:
    std::vector<limits::Quota> quotas_;
};

}  // namespace squadload::squad_api
