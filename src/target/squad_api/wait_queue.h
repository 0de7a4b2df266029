// Requests that wait because every provider of their chain is out of quota: first come, first
// served. All are ordered by arrival, and nobody younger gets a provider that an older one waits
// for, whatever their chains. So nobody starves: the oldest gets the first room that appears at any
// of its providers. A waiter does not wait for providers that it can never have (too many tokens),
// and holds up nobody there.
//
// Without I/O: whoever drives it makes passes. A pass hands out (waiter, provider) pairs to ask the
// limiter for, oldest first, each provider until it refuses once:
//
//   auto pass = queue.begin(now);
//   while (const auto asked = queue.next(pass)) { … queue.granted(…) or queue.refused(…) }
//   sleep until queue.wake_at(), or until somebody enters or kick() says true
//
// Waiters may come and go while the driver awaits an answer.
// Owner: the gateway; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/time.h"

namespace squadload::squad_api {

// At most so many providers.
inline constexpr std::size_t kMaxProviders = 64;

class WaitQueue {
  public:
    struct Waiter {
        std::uint64_t order = 0;  // of arrival, unique
        std::size_t chain = 0;    // as add_chain() numbered it
        std::int64_t tokens = 0;
        std::uint64_t never = 0;  // bits of providers it can never have
        bool waiting = false;     // false: it left, or was granted a provider
    };
    using WaiterPtr = std::shared_ptr<Waiter>;

    // max_length: of all chains together.
    explicit WaitQueue(std::size_t max_length) : max_length_(max_length) {}

    // providers: places below kMaxProviders, first choice first.
    std::size_t add_chain(std::vector<std::size_t> providers);

    [[nodiscard]] bool enter(const WaiterPtr& waiter);  // false: full
    void leave(const WaiterPtr& waiter);                // no effect when it does not wait

    // Whether somebody older than `order` waits for this provider.
    [[nodiscard]] bool older_waits_for(std::size_t provider, std::uint64_t order) const;

    // Who waits for the same: a chain, and the bits of what can never be had of it.
    using Group = std::pair<std::size_t, std::uint64_t>;
    struct Pass {
        MonoTime now;
        std::uint64_t refused = 0;  // bits of providers
        std::set<Group> done;
    };
    struct Asked {
        WaiterPtr waiter;
        std::size_t provider;
    };
    [[nodiscard]] Pass begin(MonoTime now);
    [[nodiscard]] std::optional<Asked> next(Pass& pass);
    void granted(const WaiterPtr& waiter) { leave(waiter); }
    // until: when to ask again, and nobody is asked for the provider before; or_kick: nor before a
    // kick, whichever comes first.
    void refused(Pass& pass, std::size_t provider, MonoTime until, bool or_kick = false);
    // False: nothing is left that it could wait for.
    bool never(const WaiterPtr& waiter, std::size_t provider);

    // Something of the provider has come back (a call ended). True: a pass may find something.
    bool kick(std::size_t provider);
    // When the next pass may find something; max(): only after a kick or an entry.
    [[nodiscard]] MonoTime wake_at() const;

    [[nodiscard]] std::size_t length() const { return length_; }
    [[nodiscard]] std::size_t length(std::size_t chain) const { return chains_[chain].length; }
    [[nodiscard]] std::int64_t tokens(std::size_t chain) const { return chains_[chain].tokens; }
    // Waiters for the provider.
    [[nodiscard]] std::size_t waiting_for(std::size_t provider) const { return waiting_[provider]; }

  private:
    struct Older {
        bool operator()(const WaiterPtr& a, const WaiterPtr& b) const {
            return a->order < b->order;
        }
    };
    struct Chain {
        std::vector<std::size_t> providers;
        std::uint64_t set = 0;  // bits of them
        std::size_t length = 0;
        std::int64_t tokens = 0;  // of its waiters together
    };

    [[nodiscard]] std::uint64_t usable(const Group& group) const {
        return chains_[group.first].set & ~group.second;
    }
    void remove(const WaiterPtr& waiter);

    std::vector<Chain> chains_;
    std::map<Group, std::set<WaiterPtr, Older>> groups_;  // none empty
    std::size_t max_length_;
    std::size_t length_ = 0;
    std::array<std::size_t, kMaxProviders> waiting_{};  // by provider, `never` left out
    std::array<MonoTime, kMaxProviders> not_before_{};  // by provider
    std::uint64_t or_kick_ = 0;                         // bits: a kick ends not_before_
};

}  // namespace squadload::squad_api
