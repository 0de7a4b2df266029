// The inside of a Client: connections per origin, and who waits for one.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "target/service/client.h"
#include "target/service/name_cache.h"
#include "target/service/tls_client.h"
#include "target/service/watchdog.h"

namespace squadload::service {

class Channel;
class Waiter;

struct Pool {
    std::size_t open = 0;                        // slots taken: connections and those being made
    std::vector<std::unique_ptr<Channel>> idle;  // the last used at the end
    std::deque<Waiter*> waiters;                 // the first come at the front
};

// The right to one connection of a pool; given back at its end. Move-only.
class Slot {
  public:
    Slot() = default;
    Slot(std::shared_ptr<ClientCore> core, Pool* pool);  // the pool has counted it
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&& other) noexcept;
    ~Slot();

    explicit operator bool() const { return pool_ != nullptr; }

  private:
    std::shared_ptr<ClientCore> core_;
    Pool* pool_ = nullptr;
};

// What a request gets: a kept connection, a slot to make one, or neither in time.
struct Place {
    Place();
    Place(Place&&) noexcept;
    Place& operator=(Place&&) noexcept;
    ~Place();

    explicit operator bool() const { return channel != nullptr || slot; }

    std::unique_ptr<Channel> channel;
    Slot slot;
};

// In a pool's queue as long as it lives, unless it was given a place.
class Waiter {
  public:
    Waiter(asio::io_context& io, Pool& waited_for);
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    void give(Place given);  // it leaves the queue

    Timer timer;
    Place place;

  private:
    Pool& pool_;
};

class ClientCore : public std::enable_shared_from_this<ClientCore> {
  public:
    ClientCore(asio::io_context& io_context, ClientOptions client_options,
               std::unique_ptr<asio::ssl::context> tls_context);
    ~ClientCore();

    [[nodiscard]] static asio::awaitable<Answer> send(std::shared_ptr<ClientCore> core,
                                                      ClientRequest request, MonoTime deadline);
    void close();

    [[nodiscard]] Pool& pool_of(const Origin& origin);
    // A live kept connection or a free slot; neither when the bound is reached or others wait.
    [[nodiscard]] Place take(Pool& pool);
    [[nodiscard]] static asio::awaitable<Place> wait(std::shared_ptr<ClientCore> core, Pool* pool,
                                                     MonoTime deadline);
    // A connection whose answer is complete and which the peer keeps.
    void give_back(Pool& pool, std::unique_ptr<Channel> channel);
    void free_slot(Pool& pool);

    asio::io_context& io;
    const ClientOptions options;
    const std::unique_ptr<asio::ssl::context> tls;
    const std::shared_ptr<NameCache> names;
    ClientCounters counters;

  private:
    struct OriginHash {
        std::size_t operator()(const Origin& origin) const {
            return std::hash<std::string>{}(origin.host) * 31 + origin.port * 2U +
                   (origin.tls ? 1 : 0);
        }
    };

    void sweep_later();
    void sweep();

    std::unordered_map<Origin, std::unique_ptr<Pool>, OriginHash> pools_;
    Timer sweep_timer_;
    bool sweeping_ = false;
    bool closed_ = false;
};

}  // namespace squadload::service
