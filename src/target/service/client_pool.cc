#include "target/service/client_pool.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "target/service/client_channel.h"

namespace squadload::service {
namespace {

constexpr Nanos kShortestSweep = std::chrono::milliseconds(10);
constexpr Nanos kLongestSweep = std::chrono::seconds(2);

}  // namespace

Slot::Slot(std::shared_ptr<ClientCore> core, Pool* pool) : core_(std::move(core)), pool_(pool) {}

Slot::Slot(Slot&& other) noexcept
    : core_(std::move(other.core_)), pool_(std::exchange(other.pool_, nullptr)) {}

Slot& Slot::operator=(Slot&& other) noexcept {
    std::swap(core_, other.core_);
    std::swap(pool_, other.pool_);
    return *this;
}

Slot::~Slot() {
    if (pool_ != nullptr) core_->free_slot(*pool_);
}

Place::Place() = default;
Place::Place(Place&&) noexcept = default;
Place& Place::operator=(Place&&) noexcept = default;
Place::~Place() = default;

Waiter::Waiter(asio::io_context& io, Pool& waited_for) : timer(io), pool_(waited_for) {
    pool_.waiters.push_back(this);
}

Waiter::~Waiter() {
    std::erase(pool_.waiters, this);
}

void Waiter::give(Place given) {
    std::erase(pool_.waiters, this);
    place = std::move(given);
    timer.cancel();
}

ClientCore::ClientCore(asio::io_context& io_context, ClientOptions client_options,
                       std::unique_ptr<asio::ssl::context> tls_context)
    : io(io_context),
      options(std::move(client_options)),
      tls(std::move(tls_context)),
      names(std::make_shared<NameCache>(io_context, options.resolve_for)),
      sweep_timer_(io_context) {}

ClientCore::~ClientCore() = default;

Pool& ClientCore::pool_of(const Origin& origin) {
    auto& pool = pools_[origin];
    if (!pool) pool = std::make_unique<Pool>();
    return *pool;
}

Place ClientCore::take(Pool& pool) {
    Place place;
    while (!pool.idle.empty()) {
        auto channel = std::move(pool.idle.back());
        pool.idle.pop_back();
        --counters.idle_now;
        if (!channel->is_alive()) continue;
        place.channel = std::move(channel);
        return place;
    }
    if (pool.waiters.empty() && pool.open < options.max_connections_per_origin) {
        ++pool.open;
        place.slot = Slot(shared_from_this(), &pool);
    }
    return place;
}

asio::awaitable<Place> ClientCore::wait(std::shared_ptr<ClientCore> core, Pool* pool,
                                        MonoTime deadline) {
    Waiter waiter(core->io, *pool);
    ++core->counters.waiting_now;
    const std::shared_ptr<void> counted(nullptr, [core](void*) { --core->counters.waiting_now; });
    while (!waiter.place && mono_now() < deadline) {
        boost::system::error_code error;
        waiter.timer.expires_at(deadline);
        co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    auto& place = waiter.place;
    if (place.channel && !place.channel->is_alive()) {
        place.slot = place.channel->take_slot();
        place.channel.reset();
    }
    co_return std::move(place);
}

void ClientCore::give_back(Pool& pool, std::unique_ptr<Channel> channel) {
    if (closed_) return;
    if (!pool.waiters.empty()) {
        Place place;
        place.channel = std::move(channel);
        pool.waiters.front()->give(std::move(place));
        return;
    }
    if (options.max_idle_per_origin == 0) return;
    channel->rest(mono_now());
    pool.idle.push_back(std::move(channel));
    ++counters.idle_now;
    if (pool.idle.size() > options.max_idle_per_origin) {
        const auto oldest = std::move(pool.idle.front());
        pool.idle.erase(pool.idle.begin());
        --counters.idle_now;
    }
    if (!sweeping_) sweep_later();
}

void ClientCore::free_slot(Pool& pool) {
    if (pool.waiters.empty()) {
        --pool.open;
        return;
    }
    Place place;
    place.slot = Slot(shared_from_this(), &pool);
    pool.waiters.front()->give(std::move(place));
}

void ClientCore::close() {
    closed_ = true;
    sweep_timer_.cancel();
    for (const auto& [origin, pool] : pools_) {
        const auto idle = std::move(pool->idle);  // their slots come back to the pool meanwhile
        pool->idle.clear();
    }
    counters.idle_now = 0;
}

// Only while there is something idle.
void ClientCore::sweep_later() {
    sweeping_ = true;
    sweep_timer_.expires_after(std::clamp(options.idle_timeout / 4, kShortestSweep, kLongestSweep));
    sweep_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!self || error) return;
        self->sweeping_ = false;
        self->sweep();
        if (self->counters.idle_now > 0) self->sweep_later();
    });
}

// Also those that the peer closed, so that they do not lie about half-closed.
void ClientCore::sweep() {
    const auto oldest = mono_now() - options.idle_timeout;
    for (const auto& [origin, pool] : pools_) {
        const auto over =
            std::stable_partition(pool->idle.begin(), pool->idle.end(), [&](const auto& channel) {
                return channel->idle_since() > oldest && channel->is_alive();
            });
        std::vector<std::unique_ptr<Channel>> gone(std::make_move_iterator(over),
                                                   std::make_move_iterator(pool->idle.end()));
        pool->idle.erase(over, pool->idle.end());
        counters.idle_now -= gone.size();
    }
}

}  // namespace squadload::service
