// The limiter of several gateways that share quotas in one Redis: requests, burst and tokens are
// decided there in one script by the server's clock (quota_script.h); concurrency and the
// throttle's pace are this gateway's own (gateway_gate.h).
//
// When Redis is away (its connection is lost and a first attempt to connect again has failed, or an
// answer took longer than answer_timeout), `on_loss` says what holds until it is back, without a
// restart:
//   local   each gateway goes on alone with limit / gateways; the limits hold in every window, also
//           over the loss and the return (quota_mirror.h states and proves what exactly)
//   closed  nothing is admitted
//   open    everything is admitted; it is counted and told to Redis afterwards
// While it connects for the first time, connects again at once after a loss, or joins an epoch,
// calls of acquire() wait for the outcome: at most connect_timeout + answer_timeout.
//
// A deadline that comes before Redis's answer refuses, with a short wait; were the call admitted
// after all, that is taken back.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "target/squad_api/limiter.h"
#include "target/squad_api/stores/redis_client.h"

namespace squadload::squad_api {

enum class OnLoss { local, closed, open };

struct RedisLimiterOptions {
    RedisOptions redis;         // greeting and scripts are the limiter's
    std::int64_t gateways = 1;  // that share the quotas; the declared number, >= 1
    OnLoss on_loss = OnLoss::local;
    std::string prefix = "squadload";  // of all keys
    Nanos look =
        std::chrono::milliseconds(100);  // how often a quota nobody asks about is looked at
};

// Lives no longer than its executor's context. Lease::id and ::shared are its own.
class RedisLimiter final : public Limiter {
  public:
    RedisLimiter(const asio::any_io_executor& executor, RedisLimiterOptions options,
                 std::vector<LimitScope> scopes);
    ~RedisLimiter() override;
    RedisLimiter(const RedisLimiter&) = delete;
    RedisLimiter& operator=(const RedisLimiter&) = delete;

    [[nodiscard]] asio::awaitable<Decision> acquire(std::size_t provider, std::int64_t tokens,
                                                    MonoTime now, MonoTime deadline) override;
    void finish(const Lease& lease, std::optional<std::int64_t> used_tokens, MonoTime now) override;
    void cancel(const Lease& lease, MonoTime now) override;
    void set_factor(std::size_t provider, double factor, MonoTime now) override;
    // An estimate from what Redis told last: tokens come back evenly.
    [[nodiscard]] Nanos wait_for(std::size_t provider, std::int64_t tokens, MonoTime now) override;
    [[nodiscard]] LimiterState state(std::size_t provider, MonoTime now) override;
    [[nodiscard]] StoreHealth health() const override;

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace squadload::squad_api
